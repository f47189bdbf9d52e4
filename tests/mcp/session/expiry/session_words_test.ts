import { assertEquals, assertStringIncludes } from "@std/assert";
import { error, mcp } from "../../../support/raw/mcp.ts";
import { RawServer } from "../../../support/raw/server.ts";
import { StreamClient } from "../../../support/stream/client.ts";
import { CALL, own, rpc, type Signal, world } from "./session_signals.ts";

/** Ways to say that a session is not known. */
const WORDINGS = [
  "Unknown session s-0001",
  "Invalid session ID s-0001.",
  "No session s-0001",
  "Session `s-0001` not found",
  "Failed to locate session",
  "Unable to find session s-0001",
  "Session s-0001 is gone",
  "Session has been invalidated",
  "Session timeout",
  "The session you specified does not exist",
  "Session ID provided in the request is invalid",
  "Bad Request: Mcp-Session-Id header is required for POST requests",
  '{"errors":[{"message":"Session not found"}]}',
  '{"errors":[{"title":"Bad Request","detail":"Session not found"}]}',
  '{"error":"invalid_request","error_description":"session expired"}',
  '{"type":"about:blank","title":"Session not found","status":400}',
];

Deno.test("a 400 in any of the words for a session that is not known is recovered from", async () => {
  for (const words of WORDINGS) {
    await using w = await world((_call, reply) =>
      reply.status(400, { "content-type": "text/plain" }, words)
    );
    w.client.request(3, "tools/call", CALL);
    const { json } = await w.client.next();
    assertEquals([json.result, w.opened()], [{ said: "ok" }, 2], words);
  }
});

/** Errors that are the call's own answer, whatever they look like. */
const ANSWERS = [
  [404, -32000, "the order was placed, its receipt is not there"],
  [404, -32601, "Method not found"],
  [404, -32000, "Browser session 42 not found"],
  [429, -32000, "the bank was asked too often"],
  [400, -32602, "session_name is required"],
  [400, -32000, "Invalid session format"],
  [400, -32000, "Session timeout must be a number"],
  [200, -32602, "Invalid session: no such argument"],
  [200, -32602, "Invalid params: sessionDuration must be a number"],
  [200, -32603, "Missing required argument: session_name"],
  [200, -32000, "Browser session 42 not found"],
  [200, -32001, "The session token of the bank is invalid"],
] as const;

const CHALLENGE: Signal = (_call, reply) =>
  reply.json(rpc(null, -32001, "Session expired"), 401, {
    "www-authenticate": "Bearer",
  });

for (
  const [what, message, signal] of [
    ...ANSWERS.map(([status, code, message]) =>
      [
        `a ${status} with ${code} "${message}"`,
        message,
        own(status, code, message),
      ] as const
    ),
    ["a 401 with a challenge", "Session expired", CHALLENGE] as const,
  ]
) {
  Deno.test(`${what} is the answer: the call is sent once, and the session lives on`, async () => {
    await using w = await world(signal, { runs: true });
    w.client.request(3, "tools/call", CALL);
    const { json } = await w.client.next();
    assertEquals([json.id, json.error.message], [3, message]);
    assertEquals((await w.client.ask(4, "tools/call", CALL)).result.said, "ok");
    assertEquals([w.ran(), w.opened()], [2, 1]);
  });
}

Deno.test("to a client of 2026-07-28 words about a session are the target's answer", async () => {
  let ran = 0;
  await using server = await RawServer.start(async (_request, reply) => {
    ran++;
    await reply.json(rpc(3, -32001, "Session not found"), 404);
  });
  await using client = new StreamClient({ url: server.url });
  client.request(3, "tools/call", {
    ...CALL,
    _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" },
  });
  const { json } = await client.next();
  assertEquals(json.error.message, "Session not found");
  assertEquals(ran, 1);
});

Deno.test("a target that gave no session cannot lose one", async () => {
  await using server = await RawServer.start(mcp({
    "tools/call": (call, reply) =>
      reply.json(error(call, -32001, "Session not found")),
  }));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  const json = await client.ask(3, "tools/call", CALL);
  assertStringIncludes(json.error.message, "Session not found");
  const opened = server.requests.all.filter((seen) =>
    seen.text().includes('"initialize"')
  );
  assertEquals(opened.length, 1);
});
