/** A process that stood still for a while, as under SIGSTOP or a debugger. */
import { assertEquals } from "@std/assert";
import { isObject } from "../src/mcp/wire/message.ts";
import { IdleTimer } from "../src/time.ts";
import { within } from "./support/deadline.ts";
import { type Line, ProxyProcess } from "./support/proxy_process.ts";
import { mcp, result } from "./support/raw_mcp.ts";
import { RawServer } from "./support/raw_server.ts";

/** Resolves after a time: what passes is what these tests are about. */
function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

for (
  const [limit, args] of [
    ["--timeout with --timeout-reset-on-progress", [
      "--timeout=3s",
      "--timeout-reset-on-progress",
    ]],
    ["--idle-timeout", ["--idle-timeout=3s"]],
  ] as const
) {
  Deno.test({
    name:
      `a call whose progress came while the process was stopped is not over ${limit} when it goes on`,
    ignore: Deno.build.os === "windows",
    async fn() {
      let sent = 0;
      const goesOn = Promise.withResolvers<void>();
      const enough = Promise.withResolvers<void>();
      await using server = await RawServer.start(mcp({
        slow: async (message, reply) => {
          const stream = await reply.sse();
          let isOver = false;
          goesOn.promise.then(() => isOver = true);
          while (!isOver) {
            await stream.message({
              jsonrpc: "2.0",
              method: "notifications/progress",
              params: { progressToken: "t", progress: ++sent },
            });
            if (sent === 30) enough.resolve();
            await passed(150);
          }
          await stream.comment();
          await passed(150);
          await stream.message(result(message));
          await stream.end();
        },
      }));
      await using proxy = await ProxyProcess.start({
        target: server.url,
        args,
      });
      await proxy.send({ jsonrpc: "2.0", id: 1, method: "slow" });
      await proxy.next();
      proxy.signal("SIGSTOP");
      await within(enough.promise, "progress of more than the limit");
      goesOn.resolve();
      proxy.signal("SIGCONT");
      const { value } = await proxy.answer(1);
      assertEquals(value, { jsonrpc: "2.0", id: 1, result: {} });
    },
  });
}

Deno.test({
  name:
    "an answer that came while the process was stopped is given, although its time is over",
  ignore: Deno.build.os === "windows",
  async fn() {
    const asked = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await using server = await RawServer.start(mcp({
      slow: async (message, reply) => {
        asked.resolve();
        await stopped.promise;
        await reply.json(result(message));
        answered.resolve();
      },
    }));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      args: ["--timeout=1s"],
    });
    await proxy.send({ jsonrpc: "2.0", id: 1, method: "slow" });
    await within(asked.promise, "the call");
    proxy.signal("SIGSTOP");
    stopped.resolve();
    await within(answered.promise, "the answer");
    await passed(1_500);
    proxy.signal("SIGCONT");
    const { value } = await proxy.answer(1);
    assertEquals(value, { jsonrpc: "2.0", id: 1, result: {} });
  },
});

Deno.test({
  name:
    "an answer that came while the HTTP server stood still is given, although its time is over",
  ignore: Deno.build.os === "windows",
  async fn() {
    const asked = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await using server = await RawServer.start(mcp({
      slow: async (message, reply) => {
        asked.resolve();
        await stopped.promise;
        await reply.json(result(message));
        answered.resolve();
      },
    }));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      args: ["--timeout=1s", "--listen=127.0.0.1:0", "--no-listen-token"],
      permissions: { net: ["127.0.0.1:0"] },
    });
    const isListening = ({ value }: Line) => isObject(value) && "url" in value;
    const { value } = await proxy.waitForLog(isListening);
    const answer = fetch(String(isObject(value) && value.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"jsonrpc":"2.0","id":1,"method":"slow"}',
    });
    await within(asked.promise, "the call");
    proxy.signal("SIGSTOP");
    stopped.resolve();
    await within(answered.promise, "the answer");
    await passed(3_000);
    proxy.signal("SIGCONT");
    const given = await within(answer, "the answer to the client");
    assertEquals(await given.json(), { jsonrpc: "2.0", id: 1, result: {} });
  },
});

Deno.test("what is noted at the last look keeps an idle timer from ringing", async () => {
  let rung = 0;
  const timer = new IdleTimer(30, () => rung++);
  timer.touch();
  // The process stands still: a timer that is due rings late.
  const until = performance.now() + 60;
  while (performance.now() < until);
  await passed(0);
  timer.touch();
  assertEquals(rung, 0);
  timer.stop();
});

Deno.test("an idle timer rings once when nothing is noted", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  new IdleTimer(10, resolve).touch();
  await within(promise, "the ring");
});
