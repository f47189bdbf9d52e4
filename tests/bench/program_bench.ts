/**
 * What the program costs beside a bare `deno eval`, and what signing adds to a
 * request: ratios within one run. `deno task bench` runs it.
 */

import { createSignedFetch } from "../../src/aws/signing/signed_fetch.ts";
import { commandLine, spawn } from "../support/program/launch.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../support/aws/test_identity.ts";

const encoder = new TextEncoder();
const INITIALIZE = encoder.encode(
  '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}\n',
);

const server = await RawServer.start(mcp({}));

Deno.bench("deno eval, until its first output", {
  group: "start",
  baseline: true,
}, async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "console.log(1)"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  await child.stdout.getReader().read();
  await child.status;
});

Deno.bench("the program, until the answer to initialize", {
  group: "start",
}, async () => {
  await using line = await commandLine({
    target: server.url,
    env: { MCP_LOG_LEVEL: undefined },
  });
  const child = spawn(line, "null");
  const writer = child.stdin.getWriter();
  await writer.write(INITIALIZE);
  await child.stdout.getReader().read();
  await writer.close();
  await child.status;
});

const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
const headers = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
  "mcp-session-id": "0123456789abcdef",
  "mcp-protocol-version": "2025-11-25",
};
const signedFetch = createSignedFetch({
  origin: server.url,
  ...TEST_SCOPE,
  credentials: TEST_CREDENTIALS,
});

/** Headers as long as a signature's, so that sending them is no difference. */
const asLong = {
  ...headers,
  "x-date": "20260101T000000Z",
  "x-sha": "0".repeat(64),
  "x-token": TEST_CREDENTIALS.sessionToken,
  "x-authorization": "x".repeat(290),
};

for (
  const [name, send, sent] of [
    ["a request, unsigned, with headers as long", fetch, asLong],
    ["a request, unsigned", fetch, headers],
    ["a request, signed", signedFetch, headers],
  ] as const
) {
  Deno.bench(name, {
    group: "request",
    baseline: sent === asLong,
  }, async () => {
    const response = await send(server.url, {
      method: "POST",
      headers: sent,
      body: new Blob([body]),
    });
    await response.text();
  });
}
