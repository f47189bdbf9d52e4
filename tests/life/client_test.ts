/** Its client stops it, holds it up and deserts it. */

import { assert, assertEquals } from "@std/assert";
import { holdsOnce } from "../support/time/attempts.ts";
import { within } from "../support/time/deadline.ts";
import { commandLine, spawn } from "../support/program/launch.ts";
import { linesOf } from "../support/lines.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp, result, Sessions } from "../support/raw/mcp.ts";
import { RawClient } from "../support/raw/client.ts";
import { RawServer } from "../support/raw/server.ts";
import { call, errorOf, isWindows, SURFACES } from "./surfaces.ts";

const PASSING_TIME = new URL("./passing_time.ts", import.meta.url).href;

/** Resolves after a time. */
function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test({
  name:
    "at SIGTERM in the middle of a stream the call is answered once, no line is cut, and the session is ended",
  ignore: isWindows,
  async fn() {
    const sessions = new Sessions();
    const streaming = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    await using server = await RawServer.start(mcp({
      "tools/call": async ({ params }, reply) => {
        const stream = await reply.sse();
        let isOpen = true;
        stream.closed.then(() => isOpen = false);
        for (let progress = 0; isOpen; progress++) {
          await stream.message({
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken: params.name, progress },
          });
          if (progress === 50) streaming.resolve();
          await passed(1);
        }
      },
      DELETE: async (_none, reply) => {
        ended.resolve();
        await reply.status(200);
      },
    }, sessions));
    await using proxy = await ProxyProcess.start({ target: server.url });
    await proxy.initialize();
    await proxy.send({
      ...call(1),
      params: { name: "t", _meta: { progressToken: "t" } },
    });
    await within(streaming.promise, "the stream");
    proxy.signal("SIGTERM");
    assertEquals((await proxy.status()).code, 0);
    assertEquals(proxy.answers(1).map(({ value }) => errorOf(value)), [[
      "shutting-down",
      true,
    ]]);
    assert(proxy.frames.all.every(({ isWhole, value }) => isWhole && value));
    await within(ended.promise, "the end of the session");
  },
});

Deno.test("a client that closes its end of stdout ends the program and the session", () =>
  // It gives its DELETE no longer than a stop may take.
  holdsOnce(async () => {
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    await using server = await RawServer.start(mcp({
      "tools/call": async (message, reply) => {
        asked.resolve();
        await gone.promise;
        await reply.json(result(message));
      },
    }, new Sessions()));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      holdStdout: true,
    });
    const params = {};
    await proxy.send({ jsonrpc: "2.0", id: 0, method: "initialize", params });
    await proxy.notify("notifications/initialized");
    await proxy.send(call(1));
    await within(asked.promise, "the call");
    await proxy.breakStdout();
    gone.resolve();
    assertEquals((await proxy.status()).code, 0);
    assertEquals(server.requests.all.at(-1)?.method, "DELETE");
  }));

Deno.test("a client that closes its end of stderr still gets its answers", async () => {
  await using server = await RawServer.start(mcp({
    bad: (_message, reply) => reply.status(500, {}, "x"),
  }));
  await using line = await commandLine({ target: server.url });
  const child = spawn(line);
  await child.stderr.cancel();
  const stdin = child.stdin.getWriter();
  const frames = linesOf(child.stdout);
  for (const [index, method] of ["initialize", "bad", "x", "bad"].entries()) {
    const message = { jsonrpc: "2.0", id: index, method, params: {} };
    await stdin.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
    const { value } = await within(frames.next(), "an answer");
    assertEquals(value?.field("id"), index);
  }
  await stdin.close();
  assertEquals((await within(child.status, "its end")).code, 0);
});

/** How long the pipe stays full. What is being tested goes on all that time. */
const FULL_MS = Number(Deno.env.get("LIFE_FULL_PIPE_MS") ?? 2_000);

/** Lets a minute pass for a program, and gives it time to notice. */
async function minutePassed(proxy: ProxyProcess): Promise<void> {
  if (isWindows) return;
  proxy.signal("SIGUSR2");
  await proxy.waitForLog((line) => line.field("passedMs") === 60_000);
  await passed(FULL_MS);
}

Deno.test("while stdout is full for a minute no more is asked of the target than has room, and then each call is answered once", async () => {
  const CALLS = 64;
  const AT_ONCE = 16;
  const BYTES = 256 * 1024;
  const text = "x".repeat(BYTES);
  let asked = 0;
  const held = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      if (++asked === AT_ONCE) held.resolve();
      await reply.json(result(message, { text }));
    },
  }));
  await using proxy = await ProxyProcess.start({
    target: server.url,
    args: [`--max-concurrency=${AT_ONCE}`, "--idle-timeout=30s"],
    denoFlags: ["--preload", PASSING_TIME],
    holdStdout: true,
  });
  await proxy.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: {} });
  for (let id = 1; id <= CALLS; id++) await proxy.send(call(id));
  await within(held.promise, "as many calls as may be under way");
  await minutePassed(proxy);
  // One more leaves for each answer that the pipe itself has taken.
  assert(asked <= AT_ONCE + 8, `${asked} were asked`);
  proxy.readStdout();
  for (let id = 1; id <= CALLS; id++) await proxy.answer(id);
  assertEquals(asked, CALLS);
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0);
  assertEquals(proxy.frames.length, CALLS + 1);
});

Deno.test({
  name:
    "calls that come while the program is stopped are answered after it goes on, in a new session if theirs has expired",
  ignore: isWindows,
  async fn() {
    const sessions = new Sessions();
    const runs: unknown[] = [];
    await using server = await RawServer.start(mcp({
      "tools/call": async (message, reply) => {
        runs.push(message.id);
        await reply.json(result(message));
      },
    }, sessions));
    await using proxy = await ProxyProcess.start({ target: server.url });
    await proxy.initialize();
    await proxy.send(call(1));
    await proxy.answer(1);
    proxy.signal("SIGSTOP");
    sessions.known.clear();
    for (const id of [2, 3, 4]) await proxy.send(call(id));
    proxy.signal("SIGCONT");
    for (const id of [2, 3, 4]) {
      const { value } = await proxy.answer(id);
      assertEquals(value, { jsonrpc: "2.0", id, result: {} });
    }
    assertEquals(runs.toSorted(), [1, 2, 3, 4]);
    // However many find it expired, there is one new session.
    assertEquals(sessions.known.size, 1);
  },
});

Deno.test({
  name:
    "a call at the HTTP server that is under way while the program is stopped is answered after, and so are those that come",
  ignore: isWindows,
  async fn() {
    const asked = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    await using server = await RawServer.start(mcp({
      "tools/call": async (message, reply) => {
        asked.resolve();
        await stopped.promise;
        await reply.json(result(message, { for: message.id }));
      },
    }));
    await using proxy = await SURFACES["the HTTP server"]({
      target: server.url,
    });
    const calls = [proxy.ask(call(1))];
    await within(asked.promise, "the call");
    proxy.proxy.signal("SIGSTOP");
    stopped.resolve();
    calls.push(proxy.ask(call(2)), proxy.ask(call(3)));
    proxy.proxy.signal("SIGCONT");
    const answers = await Promise.all(calls);
    assertEquals(
      answers.map(({ result }) => result),
      [1, 2, 3].map((id) => ({
        for: id,
      })),
    );
  },
});

Deno.test({
  name:
    "at SIGTERM the HTTP server ends although clients read nothing, once the call that is under way is answered",
  ignore: isWindows,
  async fn() {
    const asked = Promise.withResolvers<void>();
    const isCut = [1, 2].map(() => Promise.withResolvers<void>());
    const areCut = Promise.all(isCut.map(({ promise }) => promise));
    await using server = await RawServer.start(mcp({
      flood: async ({ id }, reply) => {
        const stream = await reply.sse();
        const data = "x".repeat(100_000);
        for (let sent = 0; sent < 500; sent++) await stream.event({ data });
        isCut[id].resolve();
      },
      "tools/call": async (message, reply) => {
        asked.resolve();
        await areCut;
        await reply.json(result(message, { done: true }));
      },
    }));
    await using proxy = await SURFACES["the HTTP server"]({
      target: server.url,
      // So long would it wait for them.
      args: ["--timeout=1h"],
    });
    const silent = await Promise.all([0, 1].map(async (id) => {
      const client = await RawClient.connect(Number(new URL(proxy.url).port));
      const flood = { jsonrpc: "2.0", id, method: "flood" };
      await client.sendPost("/mcp", ["Host: 127.0.0.1"], JSON.stringify(flood));
      assertEquals((await client.head()).status, 200);
      return client;
    }));
    const called = proxy.ask(call(1));
    await within(asked.promise, "the call");
    proxy.proxy.signal("SIGTERM");
    assertEquals((await called).result, { done: true });
    assertEquals((await proxy.proxy.status()).code, 0);
    for (const client of silent) client[Symbol.dispose]();
  },
});
