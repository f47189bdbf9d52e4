/** A process that stood still for a while, as under SIGSTOP or a debugger. */
import { assertEquals } from "@std/assert";
import { IdleTimer } from "../../src/time.ts";
import { holdsOnce } from "../support/time/attempts.ts";
import { Clock } from "../support/time/clock.ts";
import { within } from "../support/time/deadline.ts";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp, result } from "../support/raw/mcp.ts";
import { type RawEventStream, RawServer } from "../support/raw/server.ts";
import { StreamClient } from "../support/stream/client.ts";

const LIMIT_MS = 60_000;

/** Longer than a last look takes. */
const LAST_LOOK_MS = 2_000;

/** A target that asks a test to answer. */
async function asking(): Promise<RawServer & { go(): void }> {
  const cue = Promise.withResolvers<void>();
  const server = await RawServer.start(mcp({
    slow: async (message, reply) => {
      await cue.promise;
      await reply.json(result(message));
    },
  }));
  return Object.assign(server, { go: cue.resolve });
}

for (
  const [limit, options] of [
    ["--timeout with --timeout-reset-on-progress", {
      timeoutMs: LIMIT_MS,
      timeoutResetOnProgress: true,
    }],
    ["--idle-timeout", { idleTimeoutMs: LIMIT_MS }],
  ] as const
) {
  Deno.test(`a call whose progress came while the process stood still is not over ${limit} when it goes on`, async () => {
    const opened = Promise.withResolvers<RawEventStream>();
    await using server = await RawServer.start(mcp({
      slow: async (_message, reply) => {
        const stream = await reply.sse();
        opened.resolve(stream);
        await stream.closed;
      },
    }));
    using clock = new Clock();
    await using client = new StreamClient({ url: server.url, ...options });
    client.request(1, "slow");
    const stream = await opened.promise;
    for (let step = 1; step <= 3; step++) {
      const written = stream.message({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "t", progress: step },
      });
      clock.jump(2 * LIMIT_MS);
      await written;
      assertEquals((await client.next()).json.params.progress, step);
      await clock.pass(LAST_LOOK_MS);
    }
    await stream.message(result({ id: 1 }));
    assertEquals((await client.next()).json.result, {});
  });
}

Deno.test("an answer that came while the process stood still is given, although its time is over", async () => {
  await using server = await asking();
  using clock = new Clock();
  await using client = new StreamClient({
    url: server.url,
    timeoutMs: LIMIT_MS,
  });
  client.request(1, "slow");
  await server.requests.at(0);
  server.go();
  clock.jump(2 * LIMIT_MS);
  assertEquals((await client.next()).json.result, {});
});

Deno.test("an answer that came while the HTTP server stood still is given, although its time is over", async () => {
  await using server = await asking();
  using clock = new Clock();
  await using proxy = await HttpProxy.start({
    target: server.url,
    timeoutMs: LIMIT_MS,
  });
  const answer = proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" });
  await server.requests.at(0);
  server.go();
  clock.jump(2 * LIMIT_MS);
  const given = await within(answer, "the answer to the client");
  assertEquals(await given.json(), { jsonrpc: "2.0", id: 1, result: {} });
});

Deno.test({
  name:
    "an answer that came while the program was stopped is given, although its time is over",
  ignore: Deno.build.os === "windows",
  // A slow machine takes the second before the program is stopped.
  fn: () =>
    holdsOnce(async () => {
      await using server = await asking();
      await using proxy = await ProxyProcess.start({
        target: server.url,
        args: ["--timeout=1s"],
      });
      await proxy.send({ jsonrpc: "2.0", id: 1, method: "slow" });
      await server.requests.at(0);
      proxy.signal("SIGSTOP");
      server.go();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      proxy.signal("SIGCONT");
      const { value } = await proxy.answer(1);
      assertEquals(value, { jsonrpc: "2.0", id: 1, result: {} });
    }),
});

Deno.test("what is noted at the last look keeps an idle timer from ringing", async () => {
  using clock = new Clock();
  let rung = 0;
  const timer = new IdleTimer(30, () => rung++);
  timer.touch();
  clock.jump(60);
  timer.touch();
  await clock.pass(29);
  assertEquals(rung, 0);
  await clock.pass(LAST_LOOK_MS);
  assertEquals(rung, 1);
});

Deno.test("an idle timer rings once when nothing is noted", async () => {
  using clock = new Clock();
  let rung = 0;
  new IdleTimer(10, () => rung++).touch();
  await clock.pass(LAST_LOOK_MS);
  assertEquals(rung, 1);
});
