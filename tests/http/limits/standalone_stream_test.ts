/** What takes the place of a stream at the HTTP server: what a message says. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { HttpProxy } from "../../support/program/http_proxy.ts";
import { onCue } from "../on_cue.ts";
import type { McpHandler } from "../../support/raw/mcp.ts";
import { PING } from "../../support/raw/mcp.ts";

const LISTEN = "subscriptions/listen";
const CLAIM = { "mcp-method": LISTEN };

/** Opens a stream, and leaves it open. */
const stand: McpHandler = async (_message, reply) => {
  const stream = await reply.sse();
  await stream.closed;
};

for (const method of [LISTEN, "events/stream"]) {
  Deno.test(`${method} that no header names takes a place of a stream, and none of a request`, async () => {
    await using proxy = await HttpProxy.before({ [method]: stand }, {
      maxRequests: 1,
      maxStreams: 1,
    });
    const stream = await proxy.post({ jsonrpc: "2.0", id: 1, method });
    assertEquals(stream.status, 200);
    const refused = await proxy.post({ jsonrpc: "2.0", id: 2, method });
    const { id, error } = await refused.json();
    assertEquals([refused.status, id, error.code], [503, 2, -31020]);
    assertStringIncludes(error.message, "1 streams stand open");
    assertEquals(error.data.mayHaveRun, false);
    assertEquals((await (await proxy.post(PING)).json()).id, 1);
    await stream.body?.cancel();
  });
}

Deno.test("a subscriptions/listen that its header names finds a place while all of requests are taken", async () => {
  const { handler, asked } = onCue();
  await using proxy = await HttpProxy.before(
    { slow: handler, [LISTEN]: stand },
    {
      maxRequests: 1,
      drainMs: 0,
    },
  );
  const slow = proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" });
  await asked;
  const message = { jsonrpc: "2.0", id: 2, method: LISTEN };
  const stream = await proxy.post(message, CLAIM);
  assertEquals(stream.status, 200);
  await stream.body?.cancel();
  await proxy.stop();
  await (await slow).body?.cancel();
});

const OTHERS: readonly (readonly [what: string, body: string])[] = [
  ["a message with another method", PING],
  [
    "a message with two methods",
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"${LISTEN}"}`,
  ],
  ["a notification", `{"jsonrpc":"2.0","method":"${LISTEN}"}`],
  ["a batch", `[{"jsonrpc":"2.0","id":1,"method":"${LISTEN}"}]`],
  ["what is no JSON", LISTEN],
];

for (const [what, body] of OTHERS) {
  Deno.test(`${what} takes a place of a request, although its header says subscriptions/listen`, async () => {
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await using proxy = await HttpProxy.before(async (_request, reply) => {
      asked.resolve();
      await Promise.race([release.promise, reply.closed]);
      await reply.json({});
    }, { maxRequests: 1 });
    const first = proxy.post(body, CLAIM);
    await within(asked.promise, "the first request");
    const second = await within(proxy.post(body, CLAIM), "the refusal");
    // To a batch: an error for each request.
    const [{ error }] = [await second.json()].flat();
    assertEquals([second.status, error.code], [503, -31020]);
    assertStringIncludes(error.message, "1 requests are under way");
    release.resolve();
    const answer = await first;
    assertEquals([answer.status, await answer.text()], [200, "{}"]);
    assertEquals(proxy.target.requests.length, 1);
  });
}

Deno.test("the time limits hold for a call's stream, although its header says subscriptions/listen", async () => {
  using clock = new Clock();
  await using proxy = await HttpProxy.before({ ping: stand }, {
    timeoutMs: 60_000,
  });
  const call = await proxy.post(PING, CLAIM);
  assertEquals(call.status, 200);
  const cut = assertRejects(
    () => within(call.text(), "the end of the stream"),
    TypeError,
  );
  await clock.pass(61_000);
  await cut;
});
