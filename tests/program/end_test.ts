/** Whole-program tests: the end of stdin, and signals. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { holdsOnce } from "../support/time/attempts.ts";
import { commandLine } from "../support/program/launch.ts";
import { outcomeOf } from "../support/program/outcome.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { INITIALIZED, mcp, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";

Deno.test("at the end of stdin the session is ended, and the exit code is 0", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using proxy = await ProxyProcess.start({ target: server.url });
  await proxy.initialize();
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0);
  assertEquals(server.sessionIds, []);
});

const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

for (const signal of STOP_SIGNALS) {
  const stops = async (): Promise<void> => {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using proxy = await ProxyProcess.start({ target: server.url });
    await proxy.initialize();
    await proxy.send({
      jsonrpc: "2.0",
      id: "h",
      method: "tools/call",
      params: { name: "hang", arguments: {} },
    });
    await server.cues.started.at(0);
    proxy.signal(signal);
    assertEquals((await proxy.status()).code, 0);
    assertEquals(
      proxy.answers("h").map(({ errorCode }) => errorCode),
      [-31018],
    );
    assertEquals(server.sessionIds, []);
  };

  // All of it has 800 ms: a machine that is slow takes them.
  Deno.test(`at ${signal} what is in flight is answered, the session is ended, and the exit code is 0`, () =>
    holdsOnce(stops));
}

Deno.test({
  name:
    "the same signal again, as what starts the program may pass it on, leaves the stop in order",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await RawServer.start(mcp({
      initialize: (message, reply) =>
        reply.json(result(message, INITIALIZED), 200, {
          "mcp-session-id": "a-session-that-hangs",
        }),
      DELETE: (_none, reply) => reply.hang(),
    }));
    await using proxy = await ProxyProcess.start({ target: server.url });
    await proxy.initialize();
    proxy.signal("SIGTERM");
    await proxy.waitForLog(({ text }) => text.includes('"stopping"'));
    try {
      proxy.signal("SIGTERM");
    } catch (error) {
      // On a machine that stands still it has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    assertEquals((await proxy.status()).code, 0);
  },
});

Deno.test({
  name: "another signal ends it at once, and the exit code is 1",
  ignore: Deno.build.os === "windows",
  // A machine that is slow has stopped it in order by then.
  fn: () =>
    holdsOnce(async () => {
      await using server = await RawServer.start(mcp({
        initialize: (message, reply) =>
          reply.json(result(message, INITIALIZED), 200, {
            "mcp-session-id": "a-session-that-hangs",
          }),
        hang: (_message, reply) => reply.hang(),
        DELETE: (_none, reply) => reply.hang(),
      }));
      await using proxy = await ProxyProcess.start({ target: server.url });
      await proxy.initialize();
      await proxy.send({ jsonrpc: "2.0", id: 1, method: "hang" });
      await server.requests.find((request) => request.text().includes("hang"));
      proxy.signal("SIGTERM");
      await proxy.waitForLog(({ text }) => text.includes('"stopping"'));
      proxy.signal("SIGINT");
      assertEquals((await proxy.status()).code, 1);
    }),
});

Deno.test({
  name: "what fails and nobody awaits is told, and ends nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await RawServer.start(mcp({}));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      entry: import.meta.resolve("./watched_main.ts"),
    });
    await proxy.request("m");
    proxy.signal("SIGUSR1");
    await proxy.waitForLog(({ text }) => text.includes("nobody awaits this"));
    assertEquals((await proxy.request("m")).errorCode, undefined);
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);
  },
});

Deno.test({
  name: "at a full disk behind stdout it says so, and the exit code is 1",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await RawServer.start(mcp({}));
    await using line = await commandLine({ target: server.url });
    const message = '{"jsonrpc":"2.0","id":1,"method":"m"}';
    const { code, stderr } = await outcomeOf("/bin/sh", {
      args: [
        "-c",
        `echo '${message}' | "$@" >/dev/full`,
        "sh",
        line.command,
        ...line.args,
      ],
      env: line.env,
      clearEnv: true,
    });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "stopped by an unexpected error");
    assertStringIncludes(stderr, "No space left");
  },
});

Deno.test("at SIGTERM it ends although stdout is not read and the target says nothing", async () => {
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(
        result(message, { ...INITIALIZED, big: "x".repeat(5_000_000) }),
        200,
        { "mcp-session-id": "a-session-that-hangs" },
      ),
    m: (_message, reply) => reply.hang(),
    DELETE: (_none, reply) => reply.hang(),
  }));
  await using proxy = await ProxyProcess.start({
    target: server.url,
    holdStdout: true,
  });
  await proxy.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: {} });
  await proxy.send({ jsonrpc: "2.0", id: 2, method: "m" });
  await server.requests.at(1);
  proxy.signal("SIGTERM");
  const { code, signal } = await proxy.status();
  assertEquals([code, signal], [0, null]);
});
