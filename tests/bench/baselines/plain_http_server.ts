/**
 * The plainest HTTP server: each request is signed and sent, its answer read and
 * handed back. Prints its URL.
 */

import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import { signedHeaders } from "./plain_signature.ts";

const url = new URL(Deno.args[0]);
const server = createServer((request, response) => {
  const chunks: Uint8Array[] = [];
  request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  request.on("end", async () => {
    const body = new Uint8Array(Buffer.concat(chunks));
    const answer = await fetch(url, {
      method: "POST",
      redirect: "manual",
      headers: signedHeaders(url, body, {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
      }),
      body: new Blob([body]),
    });
    const bytes = await answer.bytes();
    response.writeHead(answer.status, {
      "content-type": answer.headers.get("content-type") ?? "",
      "content-length": bytes.length,
    });
    response.end(bytes);
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") return;
  console.log(`http://127.0.0.1:${address.port}/mcp`);
});
