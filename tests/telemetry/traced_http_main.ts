/**
 * A program for tests: the HTTP server before the target of its first argument,
 * telling OpenTelemetry. It prints where it listens, and ends with its stdin. A
 * second argument is the token that it wants.
 */

import { createSignedFetch } from "../../src/aws/signing/signed_fetch.ts";
import { runHttpProxy } from "../../src/http/http_proxy.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { Redactor } from "../../src/redact/redact.ts";
import { createTelemetry } from "../../src/telemetry/telemetry.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../support/aws/test_identity.ts";

const target = new URL(Deno.args[0]);
const redactor = new Redactor();
const { observer, fetch } = createTelemetry(target, redactor.redact);
const stop = new AbortController();
const serving = runHttpProxy({
  target,
  fetch: createSignedFetch({
    ...TEST_SCOPE,
    origin: target,
    credentials: TEST_CREDENTIALS,
    redactor,
    fetch,
  }),
  names: OPTION_NAMES,
  observer,
  redactor,
  listen: { hostname: "127.0.0.1", port: 0 },
  token: Deno.args[1] ?? false,
  maxBodyBytes: 4 * 1024 * 1024,
  signal: stop.signal,
  onListen: (address) => {
    const line = `${JSON.stringify(address)}\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  },
});
await Deno.stdin.readable.pipeTo(new WritableStream());
stop.abort();
await serving;
Deno.exit(0);
