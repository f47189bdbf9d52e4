/** By what a lost session is known, and what then happens to a call. */
import { assertEquals } from "@std/assert";
import { result } from "../../../support/raw/mcp.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import {
  CALL,
  type Call,
  json,
  own,
  rpc,
  type Signal,
  world,
} from "./session_signals.ts";
import { httpSse } from "../../../support/raw/sse.ts";

const AWS_WORDS =
  "The provided SessionId was not found or has expired, please re-initialize your connection.";

const text =
  (status: number, body: string, type = "text/plain"): Signal =>
  (_call, reply) => reply.status(status, { "content-type": type }, body);

/** An event, after which the stream is left open. */
const event =
  (body: (call: Call) => unknown): Signal => async (call, reply) => {
    const stream = await reply.sse();
    await stream.message(body(call));
    await stream.closed;
  };

const NO_VALID = "Bad Request: No valid session ID provided";

/** What certainly came before the call was run. */
const BEFORE: Record<string, Signal> = {
  "a 404 with nothing": text(404, ""),
  "a 404 of a web server": text(404, "<h1>Not Found</h1>", "text/html"),
  "a 404 with an error of no ID": json(404, rpc(null, -32603, "gone")),
  "a 404 with an error of another ID": json(
    404,
    rpc("server-error", -32600, "Session not found"),
  ),
  "a 404 with an error of the call's ID about the session": own(
    404,
    -32000,
    "Invalid or expired session",
  ),
  "a 400 in text (FastMCP)": text(400, NO_VALID),
  "a 400 as JSON (python-sdk)": json(
    400,
    rpc("server-error", -32600, NO_VALID),
  ),
  "a 400 without an ID (typescript-sdk)": json(
    400,
    rpc(null, -32000, "Bad Request: Server not initialized"),
  ),
  "a 400 with the call's ID": own(400, -32603, "Session not found"),
  "a 400 of the C# SDK": json(
    400,
    rpc(
      "",
      -32000,
      "Bad Request: A new session can only be created by an initialize request. Include a valid Mcp-Session-Id header",
    ),
  ),
  "a 401 in text (rmcp)": text(401, "Unauthorized: Session not found"),
  "a 401 as JSON": json(401, rpc(null, -32001, "Session not found")),
  "a 410": text(410, "Session has been terminated"),
  "a 400 of the AWS MCP server": own(400, -30001, AWS_WORDS),
  "a 400 of the AWS MCP server beside a null result": own(
    400,
    -30001,
    AWS_WORDS,
    { result: null },
  ),
  "a 400 of the AWS MCP server with an empty ID": json(
    400,
    rpc("", -30001, AWS_WORDS),
  ),
  "an event of the AWS MCP server with another ID, the last one": async (
    _call,
    reply,
  ) => {
    const stream = await reply.sse();
    await stream.message(rpc("server-error", -30001, AWS_WORDS));
    await stream.end();
  },
  "a 400 with an error in words (keryx)": json(
    400,
    { error: "Session not found" },
  ),
  "a 400 with an error in an object": json(
    400,
    { error: { code: "SESSION_NOT_FOUND" } },
  ),
  "a 400 with an event": text(
    400,
    'event: message\ndata: {"error":"Session not found"}\n\n',
    "text/event-stream",
  ),
  "a 400 with a detail": json(400, { detail: "Unknown session" }),
  "a 200 of the AWS MCP server": own(200, -30001, AWS_WORDS),
  "a 200 of the AWS MCP server without an ID": json(
    200,
    rpc(null, -30001, AWS_WORDS),
  ),
  "a 200 of the AWS MCP server beside a null result": own(
    200,
    -30001,
    AWS_WORDS,
    { result: null },
  ),
  "a 200 of the AWS MCP server with an empty ID": json(
    200,
    rpc("", -30001, AWS_WORDS),
  ),
  "an event of the AWS MCP server beside a null result": event(({ id }) =>
    rpc(id, -30001, AWS_WORDS, { result: null })
  ),
  "an event of the AWS MCP server with an empty ID": event(() =>
    rpc("", -30001, AWS_WORDS)
  ),
  "an event of the AWS MCP server": event(({ id }) =>
    rpc(id, -30001, AWS_WORDS)
  ),
  "an event of the AWS MCP server without an ID": event(() =>
    rpc(null, -30001, AWS_WORDS)
  ),
  "a 200 with an error in words": json(200, { error: "Session not found" }),
  "a 200 in text": text(200, "Session not found"),
  "an event with an error in words (keryx)": event(() => ({
    error: "Session not found",
  })),
  "an event after an ID to resume from": async (_call, reply) => {
    const stream = await reply.sse();
    await stream.event({ id: "1", data: "" });
    await stream.event({ data: '{"error":"Session not found"}' });
    await stream.closed;
  },
};

for (const [what, signal] of Object.entries(BEFORE)) {
  Deno.test(`a session lost by ${what} is replaced by one initialize, and the call is answered and run once`, async () => {
    await using w = await world(signal);
    w.client.request(3, "tools/call", CALL);
    assertEquals((await w.client.next()).json, {
      jsonrpc: "2.0",
      id: 3,
      result: { said: "ok" },
    });
    assertEquals([w.ran(), w.opened()], [1, 2]);
  });
}

/** What may have come after the call was run, and tells of its session. */
const AFTER: Record<string, Signal> = {
  "a 200 with -32001": own(200, -32001, "Session not found"),
  "a 200 with -32600": own(200, -32600, "Session has expired"),
  "a 200 with -32000": own(200, -32000, "Session has expired"),
  "an event with -32001": event(({ id }) =>
    rpc(id, -32001, "Session not found")
  ),
  "a 404 with the call's ID and the code alone": own(
    404,
    -32001,
    "the order was placed",
  ),
  "the AWS MCP server's error after progress": async (call, reply) => {
    const stream = await reply.sse();
    const { progressToken } = call.params._meta;
    await stream.message({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken, progress: 1 },
    });
    await stream.message(rpc(call.id, -30001, AWS_WORDS));
    await stream.closed;
  },
  "the AWS MCP server's error after a log message": async (call, reply) => {
    const stream = await reply.sse();
    await stream.message({ jsonrpc: "2.0", method: "notifications/message" });
    await stream.message(rpc(call.id, -30001, AWS_WORDS));
    await stream.closed;
  },
  "the AWS MCP server's error in an array with a log message": (call, reply) =>
    reply.json([
      rpc(call.id, -30001, AWS_WORDS),
      { jsonrpc: "2.0", method: "notifications/message" },
    ]),
  "an error in words after progress": async (_call, reply) => {
    const stream = await reply.sse();
    await stream.message({ jsonrpc: "2.0", method: "notifications/progress" });
    await stream.message({ error: "Session not found" });
    await stream.closed;
  },
};

for (const [what, signal] of Object.entries(AFTER)) {
  Deno.test(`after ${what} the call is not sent again: its error is the answer, and the next call works`, async () => {
    await using w = await world(signal, { runs: true });
    const json = await w.client.ask(3, "tools/call", {
      ...CALL,
      _meta: { progressToken: 7 },
    });
    assertEquals("error" in json, true);
    assertEquals(w.ran(), 1);
    w.client.request(4, "tools/call", CALL);
    assertEquals((await w.client.answer(4)).json.result, { said: "ok" });
    assertEquals([w.ran(), w.opened()], [2, 2]);
  });
}

for (
  const [what, lose] of Object.entries<Signal>({
    "a 404 to the POST": text(404, "Could not find session"),
    "a 400 to the POST": text(400, "No transport found for sessionId"),
    "a 401 to the POST": json(401, rpc(null, -32001, "Unknown session")),
  })
) {
  Deno.test(`over HTTP+SSE a session lost by ${what} is replaced, and the call is run once`, async () => {
    let opened = 0;
    let ran = 0;
    await using w = await StreamWorld.start(
      httpSse(
        async (message, { stream }) => {
          if (message.method !== "tools/call") return;
          ran++;
          await stream.message(result(message));
        },
        async (message, reply, { session }) => {
          opened = session;
          if (message.method !== "tools/call" || session > 1) return false;
          await lose(message, reply);
          return true;
        },
      ),
      { transport: "sse" },
    );
    await w.client.initialize();
    assertEquals("result" in await w.client.ask(3, "tools/call", CALL), true);
    assertEquals([ran, opened], [1, 2]);
  });
}

Deno.test("over HTTP+SSE an error about the session is the call's answer, and the next call finds a new session", async () => {
  let opened = 0;
  let ran = 0;
  await using w = await StreamWorld.start(
    httpSse(async (message, { stream, session }) => {
      opened = session;
      if (message.method !== "tools/call") return;
      ran++;
      await stream.message(
        session === 1
          ? rpc(message.id, -32001, "Session not found")
          : result(message),
      );
    }),
    { transport: "sse" },
  );
  await w.client.initialize();
  assertEquals((await w.client.ask(3, "tools/call", CALL)).error.code, -32001);
  assertEquals("result" in await w.client.ask(4, "tools/call", CALL), true);
  assertEquals([ran, opened], [2, 2]);
});
