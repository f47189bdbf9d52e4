/** What a target names that becomes a header of all that follows. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { INITIALIZED, mcp, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";

/** What `initialize` is answered with, by a target that names these. */
async function initializing(
  { version = "2025-11-25", sessionId, another }: {
    version?: unknown;
    sessionId?: string;
    another?: string;
  },
) {
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(
        result(message, { ...INITIALIZED, protocolVersion: version }),
        200,
        {
          ...sessionId !== undefined && { "mcp-session-id": sessionId },
          ...another !== undefined && { "Mcp-Session-Id": another },
        },
      ),
  }));
  await using client = new StreamClient({ url: server.url });
  const json = await client.ask(1, "initialize", {
    protocolVersion: "2025-11-25",
  });
  if (json.error) return { json, seen: undefined };
  assertEquals((await client.ask(2, "m")).result, {});
  return { json, seen: server.requests.all.at(-1) };
}

for (
  const version of [
    "☃",
    "2025-11-25\r\nx-injected: 1",
    "2025-11-25\n",
    "latest",
    "",
    "x".repeat(10_000),
    "9999-99-99",
    "2025-02-30",
    "2025-00-01",
    null,
    20251125,
    true,
    [],
    { version: "2025-11-25" },
    Array(10_000).fill(1),
  ]
) {
  const shown = JSON.stringify(version).slice(0, 30);
  Deno.test(`a target whose protocol version is ${shown} is answered with an error that says so`, async () => {
    const { json } = await initializing({ version });
    assertEquals(json.error.data.reason, "bad-answer");
    assertStringIncludes(json.error.message, "which is no date");
    assertEquals(json.error.message.length < 300, true);
  });
}

for (const sessionId of ["schlüssel", "a\tb", "a b"]) {
  Deno.test(`a target whose session ID is ${JSON.stringify(sessionId)} is answered with an error that says so, and does not show it`, async () => {
    const { json } = await initializing({ sessionId });
    assertEquals(json.error.data.reason, "bad-answer");
    assertStringIncludes(json.error.message, "not visible ASCII");
    assertEquals(json.error.message.includes(sessionId), false);
  });
}

Deno.test("a target that gives two session IDs is answered with an error that says so, and shows neither", async () => {
  const [sessionId, another] = ["session-1-0123456789", "session-2-0123456789"];
  const { json } = await initializing({ sessionId, another });
  assertEquals(json.error.data.reason, "bad-answer");
  assertStringIncludes(json.error.message, "several Mcp-Session-Id headers");
  assertEquals(/session-\d/.test(json.error.message), false);
});

Deno.test("neither of two session IDs is shown when the target repeats it", async () => {
  const ids = {
    "mcp-session-id": "id-1-0123456789",
    "Mcp-Session-Id": "id-2-9",
  };
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, INITIALIZED), 200, ids),
    m: (_message, reply) => reply.status(500, {}, "lost id-1-0123456789"),
  }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "initialize", { protocolVersion: "2025-11-25" });
  await client.answer(1);
  client.request(2, "m");
  const { text } = await client.answer(2);
  assertStringIncludes(text, "lost [redacted]");
});

Deno.test("a session ID that is given twice is one", async () => {
  const sessionId = "session-1-0123456789";
  const { seen } = await initializing({ sessionId, another: sessionId });
  assertEquals(seen?.header("mcp-session-id"), sessionId);
});

Deno.test("an empty session ID is none", async () => {
  const { seen } = await initializing({ sessionId: "" });
  assertEquals(seen?.header("mcp-session-id"), undefined);
});

Deno.test("a version to come and a session ID of all visible ASCII go with what follows", async () => {
  const sessionId = String.fromCharCode(
    ...Array.from({ length: 0x7e - 0x20 }, (_, index) => 0x21 + index),
  );
  const { seen } = await initializing({ version: "2031-01-01", sessionId });
  assertEquals(seen?.header("mcp-protocol-version"), "2031-01-01");
  assertEquals(seen?.header("mcp-session-id"), sessionId);
});

Deno.test("a session ID that cannot be sent back ends a recovery with an error, and the call is not sent again", async () => {
  let opened = 0;
  let ran = 0;
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, INITIALIZED), 200, {
        "mcp-session-id": ++opened === 1 ? "session-1-0123456789" : "é",
      }),
    "tools/call": async (_call, reply) => {
      ran++;
      await reply.status(404);
    },
  }));
  await using client = new StreamClient({ url: server.url });
  await client.initialize();
  assertStringIncludes(
    (await client.ask(1, "tools/call", { name: "x" })).error.message,
    "not visible ASCII",
  );
  assertEquals(ran, 1);
});
