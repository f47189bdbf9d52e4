/**
 * What happens to a program in its life: it is stopped, held up and deserted,
 * its clock jumps, its target moves or is killed.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { within } from "./support/deadline.ts";
import { IamGate } from "./support/iam_gate.ts";
import { commandLine, spawn } from "./support/launch.ts";
import { linesOf } from "./support/lines.ts";
import { type Line, ProxyProcess } from "./support/proxy_process.ts";
import { INITIALIZED, mcp, result, Sessions } from "./support/raw_mcp.ts";
import { RawServer } from "./support/raw_server.ts";
import { TEST_CREDENTIALS, TEST_VERIFIER } from "./support/test_identity.ts";

const isWindows = Deno.build.os === "windows";

// deno-lint-ignore no-explicit-any
type Value = any;

/** Resolves after a time. */
function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The error of an answer, by what matters of it. */
function errorOf({ value }: Line): unknown {
  const { error }: Value = value;
  return [error?.data?.reason, error?.data?.mayHaveRun];
}

function call(id: number, name = "t"): Record<string, unknown> {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name } };
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
    assertEquals(proxy.answers(1).map(errorOf), [["shutting-down", true]]);
    assert(proxy.frames.all.every(({ isWhole, value }) => isWhole && value));
    await within(ended.promise, "the end of the session");
  },
});

Deno.test("a client that closes its end of stdout ends the program and the session", async () => {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      asked.resolve();
      await gone.promise;
      await reply.json(result(message));
    },
    DELETE: async (_none, reply) => {
      ended.resolve();
      await reply.status(200);
    },
  }, new Sessions()));
  await using proxy = await ProxyProcess.start({
    target: server.url,
    holdStdout: true,
  });
  await proxy.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: {} });
  await proxy.notify("notifications/initialized");
  await proxy.send(call(1));
  await within(asked.promise, "the call");
  await proxy.breakStdout();
  gone.resolve();
  await within(ended.promise, "the end of the session");
  assertEquals((await proxy.status()).code, 0);
});

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

Deno.test("while stdout is full no more is asked of the target than has room, and then each call is answered once", async () => {
  const CALLS = 200;
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
    args: [`--max-concurrency=${AT_ONCE}`],
    holdStdout: true,
  });
  await proxy.send({ jsonrpc: "2.0", id: 0, method: "initialize", params: {} });
  for (let id = 1; id <= CALLS; id++) await proxy.send(call(id));
  await within(held.promise, "as many calls as may be under way");
  await passed(FULL_MS);
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

/** Makes the clock of a program jump, and waits until it has. */
async function jump(
  proxy: ProxyProcess,
  signal: "SIGUSR1" | "SIGUSR2",
  offsetMs: number,
): Promise<void> {
  const seen = proxy.log.length;
  proxy.signal(signal);
  await proxy.waitForLog((line) =>
    line.field("clockOffsetMs") === offsetMs &&
    proxy.log.all.indexOf(line) >= seen
  );
}

const HOUR_MS = 3_600_000;
const JUMPING_CLOCK = [
  "--preload",
  new URL("./support/jumping_clock.ts", import.meta.url).href,
];

/** A target that takes what is rightly signed, by a clock that is right. */
function startGate(runs: unknown[]): Promise<IamGate> {
  return IamGate.start({
    verifier: TEST_VERIFIER,
    handler: ({ rawBody, method }, response) => {
      if (method !== "POST") return void response.writeHead(405).end();
      const message = JSON.parse(rawBody.toString());
      if (message.id === undefined) return void response.writeHead(202).end();
      const isFirst = message.method === "initialize";
      if (!isFirst) runs.push(message.id);
      response.setHeader("content-type", "application/json");
      const answer = result(message, isFirst ? INITIALIZED : {});
      response.end(JSON.stringify(answer));
    },
  });
}

/** A clock jumps away from the right time, and then back to it. */
async function callAcrossJumps(
  proxy: ProxyProcess,
  direction: "ahead" | "back",
): Promise<void> {
  const ask = async (id: number) => {
    await proxy.send(call(id));
    const { value } = await proxy.answer(id);
    assertEquals(value, { jsonrpc: "2.0", id, result: {} });
  };
  await proxy.initialize();
  await ask(1);
  const isAhead = direction === "ahead";
  const [away, home] = isAhead
    ? ["SIGUSR2", "SIGUSR1"] as const
    : ["SIGUSR1", "SIGUSR2"] as const;
  await jump(proxy, away, isAhead ? HOUR_MS : -HOUR_MS);
  await ask(2);
  await jump(proxy, home, 0);
  await ask(3);
}

for (const direction of ["ahead", "back"] as const) {
  Deno.test({
    name: `a clock that jumps an hour ${direction}, and returns, costs no call`,
    ignore: isWindows,
    async fn() {
      const runs: unknown[] = [];
      await using gate = await startGate(runs);
      await using proxy = await ProxyProcess.start({
        target: gate.origin,
        denoFlags: JUMPING_CLOCK,
      });
      await callAcrossJumps(proxy, direction);
      assertEquals(runs, [1, 2, 3]);
    },
  });

  Deno.test({
    name: `nor does it where credentials of half an hour look ${
      direction === "ahead" ? "expired" : "fresh"
    } by it`,
    ignore: isWindows,
    async fn() {
      const runs: unknown[] = [];
      await using gate = await startGate(runs);
      await using container = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        () =>
          Response.json({
            AccessKeyId: TEST_CREDENTIALS.accessKeyId,
            SecretAccessKey: TEST_CREDENTIALS.secretAccessKey,
            Token: TEST_CREDENTIALS.sessionToken,
            Expiration: new Date(Date.now() + HOUR_MS / 2).toISOString(),
          }),
      );
      const host = `127.0.0.1:${container.addr.port}`;
      await using proxy = await ProxyProcess.start({
        target: gate.origin,
        denoFlags: JUMPING_CLOCK,
        permissions: { net: [host] },
        env: {
          AWS_ACCESS_KEY_ID: undefined,
          AWS_SECRET_ACCESS_KEY: undefined,
          AWS_SESSION_TOKEN: undefined,
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${host}/creds`,
        },
      });
      await callAcrossJumps(proxy, direction);
      assertEquals(runs, [1, 2, 3]);
    },
  });
}

/** A program that serves as a target. */
class TargetProgram implements AsyncDisposable {
  readonly lines: AsyncGenerator<Line, void>;
  readonly #child: Deno.ChildProcess;

  constructor(port?: number) {
    const main = new URL("./support/small_target_main.ts", import.meta.url);
    const args = port === undefined ? [] : [`${port}`];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", "--no-prompt", main.href, ...args],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.lines = linesOf(this.#child.stdout);
  }

  async line(): Promise<string> {
    const { value } = await within(this.lines.next(), "a line of the target");
    return value?.text ?? "";
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {});
    await this.lines.return();
  }
}

Deno.test("when the target is killed its call is told so, and when it is back the next call is answered", async () => {
  await using first = new TargetProgram();
  const port = Number(await first.line());
  await using proxy = await ProxyProcess.start({
    target: new URL(`http://127.0.0.1:${port}/mcp`),
  });
  await proxy.initialize();
  await proxy.send({ jsonrpc: "2.0", id: 1, method: "hang" });
  assertEquals(await first.line(), "hangs");
  await first.kill();
  assertEquals(errorOf(await proxy.answer(1)), ["unreachable", true]);
  await proxy.send(call(2));
  assertEquals(errorOf(await proxy.answer(2)), ["unreachable", false]);
  await using second = new TargetProgram(port);
  assertEquals(await second.line(), `${port}`);
  await proxy.send(call(3));
  const { result }: Value = (await proxy.answer(3)).value;
  assertNotEquals(result?.pid, undefined);
  assertEquals(proxy.answers(1).length, 1);
});

/** A target at an address, which says that it is there. */
function serveAt(
  hostname: string,
  port: number,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname, port, onListen() {} },
    async (request) => {
      if (request.method !== "POST") return new Response();
      const message = await request.json();
      if (message.id === undefined) return new Response(null, { status: 202 });
      const isFirst = message.method === "initialize";
      return Response.json(
        result(message, isFirst ? INITIALIZED : { hostname }),
      );
    },
  );
}

/** Which address answers the program. */
async function whoAnswers(proxy: ProxyProcess): Promise<unknown> {
  // Safe to send again: the kept connection may be found closed under it.
  const { value } = await proxy.request("resources/read", { uri: "a:b" });
  const { result }: Value = value;
  return result?.hostname;
}

/** Whether "localhost" is both 127.0.0.1 and ::1, as on most machines. */
async function isTwofold(): Promise<boolean> {
  try {
    using listener = Deno.listen({ hostname: "::1", port: 0 });
    const { port } = listener.addr;
    (await Deno.connect({ hostname: "localhost", port })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test({
  name:
    "a target that goes to another address of its name is found there (skipped where localhost has one)",
  ignore: !await isTwofold(),
  async fn() {
    const first = serveAt("127.0.0.1", 0);
    const { port } = first.addr;
    await using proxy = await ProxyProcess.start({
      target: new URL(`http://localhost:${port}/mcp`),
    });
    await proxy.initialize();
    assertEquals(await whoAnswers(proxy), "127.0.0.1");
    await first.shutdown();
    await using _second = serveAt("::1", port);
    assertEquals(await whoAnswers(proxy), "::1");
  },
});

/** Whether a program can be given names of its own. */
async function mayMount(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const command = new Deno.Command("unshare", { args: ["-m", "true"] });
  const { success } = await command.output().catch(() => ({ success: false }));
  return success;
}

Deno.test({
  name:
    "a name that resolves to another address is resolved anew (skipped where no mount can be made)",
  ignore: !await mayMount(),
  async fn() {
    const hosts = await Deno.makeTempFile();
    const name = "moving-target.test";
    // In place: what is mounted is the file, not its name.
    const point = (address: string) =>
      Deno.writeTextFile(hosts, `${address} ${name}\n127.0.0.1 localhost\n`);
    await point("127.0.0.1");
    const first = serveAt("127.0.0.1", 0);
    const { port } = first.addr;
    await using _second = serveAt("127.0.0.2", port);
    const target = new URL(`http://${name}:${port}/mcp`);
    await using line = await commandLine({ target });
    const deno = [
      line.command,
      ...line.args.slice(0, line.args.indexOf("--target-url")),
    ];
    await using proxy = await ProxyProcess.start({
      target,
      args: ["--allow-http"],
      command: [
        "unshare",
        "-m",
        "sh",
        "-c",
        'mount --bind "$0" /etc/hosts && exec "$@"',
        hosts,
        ...deno,
      ],
    });
    await proxy.initialize();
    assertEquals(await whoAnswers(proxy), "127.0.0.1");
    await point("127.0.0.2");
    await first.shutdown();
    assertEquals(await whoAnswers(proxy), "127.0.0.2");
    await Deno.remove(hosts);
  },
});
