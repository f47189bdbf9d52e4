/** Progress of what is over is not told: strict clients end at it. */
import { assertEquals } from "@std/assert";
import { Clock } from "../../../support/time/clock.ts";
import { error, result } from "../../../support/raw/mcp.ts";
import { StreamWorld } from "../../../support/stream/world.ts";
import { asEvents } from "../calls.ts";

// deno-lint-ignore no-explicit-any
type Call = any;

const TASK = "io.modelcontextprotocol/related-task";

const progress = (progressToken: unknown, step: number, meta?: unknown) => ({
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progressToken, progress: step, ...(meta ? { _meta: meta } : {}) },
});
const mark = { jsonrpc: "2.0", method: "notifications/mark" };

/** What a call that asks for progress brings, up to a mark. */
async function told(
  said: (call: Call) => readonly unknown[],
  progressToken: unknown = 7,
): Promise<(string | number)[]> {
  await using w = await StreamWorld.start({
    "tools/call": (call, ...rest) =>
      asEvents(...said(call), mark)(call, ...rest),
  });
  w.client.request(3, "tools/call", { name: "x", _meta: { progressToken } });
  const seen: (string | number)[] = [];
  for (;;) {
    const { json } = await w.client.next();
    if (json.method === mark.method) return seen;
    seen.push(json.params?.progress ?? "answer");
  }
}

for (const [token, other] of [[7, "7"], ["t", "t"], ["7", 7]] as const) {
  Deno.test(`progress of the token ${JSON.stringify(token)} passes before the answer, and not after it`, async () => {
    const seen = await told((call) => [
      progress(token, 1),
      progress("another", 2),
      result(call),
      progress(token, 3),
      progress(other, 4),
      progress("another", 5),
    ], token);
    assertEquals(seen, [1, 2, "answer", 5]);
  });
}

Deno.test("progress of a call that was cancelled does not pass, and what else its stream brings does", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using w = await StreamWorld.start({
    "tools/call": async (_call, reply) => {
      const stream = await reply.sse();
      await stream.message(progress(7, 1));
      await cancelled.promise;
      await stream.message(progress(7, 2));
      await stream.message(mark);
      await stream.closed;
    },
    "notifications/cancelled": (_message, reply) => {
      cancelled.resolve();
      return reply.status(202);
    },
  });
  w.client.request(1, "tools/call", { _meta: { progressToken: 7 } });
  assertEquals((await w.client.next()).json.params.progress, 1);
  w.client.notify("notifications/cancelled", { requestId: 1 });
  assertEquals((await w.client.next()).json, mark);
});

Deno.test("progress after an answer that began a task passes, and so does that of a related task", async () => {
  const task = { taskId: "t" };
  const seen = await told((call) => [result(call, { task }), progress(7, 1)]);
  assertEquals(seen, ["answer", 1]);
  const related = await told((call) => [
    result(call),
    progress(7, 1, { [TASK]: task }),
    progress(7, 2),
  ]);
  assertEquals(related, ["answer", 1]);
});

Deno.test("a token that a later request uses again is in use again", async () => {
  let count = 0;
  await using w = await StreamWorld.start({
    "tools/call": (call, ...rest) =>
      asEvents(progress(7, ++count), result(call))(call, ...rest),
  });
  for (const id of [1, 2]) {
    w.client.request(id, "tools/call", { _meta: { progressToken: 7 } });
    assertEquals((await w.client.next()).json.params.progress, id);
    assertEquals((await w.client.next()).json.id, id);
  }
});

Deno.test("progress of a call that ran into its time limit does not pass on the standalone stream", async () => {
  const limit = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await StreamWorld.start({
    "tools/call": (_call, reply) => reply.hang(),
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await limit.promise;
      await stream.message(progress(7, 1));
      await stream.message(mark);
      await stream.closed;
    },
  }, {
    standaloneStream: true,
    timeoutMs: 60_000,
  });
  await w.client.initialize();
  w.client.request(1, "tools/call", { _meta: { progressToken: 7 } });
  await w.server.requests.find((seen) => seen.text().includes("tools/call"));
  await clock.pass(61_000);
  assertEquals((await w.client.next()).json.error.code, -31014);
  limit.resolve();
  assertEquals((await w.client.next()).json, mark);
});

Deno.test("progress on the standalone stream shows that a call runs: it is not sent again", async () => {
  const asked = Promise.withResolvers<void>();
  const shown = Promise.withResolvers<void>();
  let ran = 0;
  await using w = await StreamWorld.start({
    "tools/call": async (call, reply) => {
      ran++;
      asked.resolve();
      await shown.promise;
      await reply.json(error(call, -30001, "SessionId was not found"));
    },
    GET: async (_none, reply) => {
      const stream = await reply.sse();
      await asked.promise;
      await stream.message(progress(7, 1));
      await stream.closed;
    },
  }, { standaloneStream: true });
  await w.client.initialize();
  w.client.request(1, "tools/call", { _meta: { progressToken: 7 } });
  assertEquals((await w.client.next()).json.params.progress, 1);
  shown.resolve();
  assertEquals((await w.client.answer(1)).json.error.code, -30001);
  assertEquals(ran, 1);
});
