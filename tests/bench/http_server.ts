/** The HTTP server as the comparisons start it. Prints its URL. */

import { createSignedFetch, runHttpProxy } from "../../mod.ts";

const target = new URL(Deno.args[0]);
const stop = new AbortController();
const stdin = Deno.stdin.readable.pipeTo(new WritableStream());
void stdin.finally(() => stop.abort());
await runHttpProxy({
  target,
  listen: { hostname: "127.0.0.1", port: 0 },
  token: false,
  fetch: createSignedFetch({
    origin: target,
    service: "execute-api",
    region: "us-east-1",
    credentials: {
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
  }),
  signal: stop.signal,
  onListen: (address) => {
    if ("port" in address) {
      console.log(`http://${address.hostname}:${address.port}/mcp`);
    }
  },
});
