/** The npm package as a process: what the command hands on, and how it ends. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { holdsOnce } from "../support/time/attempts.ts";
import {
  hasNpm,
  npmLaunch as launch,
  npmPackage,
  removeNpmPackage,
} from "./npm_package.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";

const ignore = !await hasNpm();
const isWindows = Deno.build.os === "windows";

Deno.test.afterAll(removeNpmPackage);

/** The processes that one has started, as Linux tells them. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter((word) => word !== "").map(Number);
}

Deno.test({
  name: "Deno is given the target and its own variables, and nothing is piped",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using proxy = await ProxyProcess.start(await launch(server));
    await proxy.initialize();
    const [deno] = await childrenOf(proxy.pid);
    const words = (await Deno.readTextFile(`/proc/${deno}/cmdline`))
      .split("\0");
    const allowed = words.filter((word) => /^(?:--allow-|-A)/.test(word));
    assertEquals(allowed[0], `--allow-net=${server.url.host}`);
    assertEquals(allowed.map((flag) => flag.split("=")[0]), [
      "--allow-net",
      "--allow-env",
    ]);
    for (const stream of [0, 1]) {
      const [ours, its] = await Promise.all(
        [proxy.pid, deno].map((pid) =>
          Deno.readLink(`/proc/${pid}/fd/${stream}`)
        ),
      );
      assertEquals(its, ours);
    }
  },
});

const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

for (const signal of SIGNALS) {
  Deno.test({
    name:
      `${signal} is passed on: what is in flight is answered, the session ended, the exit code 0`,
    ignore: ignore || isWindows,
    // All of it has 800 ms: a machine that is slow takes them.
    fn: () =>
      holdsOnce(async () => {
        await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
        await using proxy = await ProxyProcess.start(await launch(server));
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
        assertEquals(proxy.answers("h").length, 1);
        assertEquals(server.sessionIds, []);
      }),
  });
}

Deno.test({
  name:
    "a signal that is sent to the whole group, and so passed on once more, stops it once",
  ignore: ignore || Deno.build.os !== "linux",
  fn: () =>
    holdsOnce(async () => {
      await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
      await using proxy = await ProxyProcess.start(await launch(server));
      await proxy.initialize();
      const [deno] = await childrenOf(proxy.pid);
      Deno.kill(deno, "SIGTERM");
      proxy.signal("SIGTERM");
      assertEquals((await proxy.status()).code, 0);
      assertEquals(server.sessionIds, []);
    }),
});

Deno.test({
  name: "it ends as the program ends: by its exit code, or by its signal",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using faulty = await ProxyProcess.start(
      await launch(server, { args: ["--timeout", "soon"] }),
    );
    assertEquals((await faulty.status()).code, 2);
    assertStringIncludes(faulty.stderr, "configuration error: timeout");
    await using proxy = await ProxyProcess.start(await launch(server));
    await proxy.initialize();
    const [deno] = await childrenOf(proxy.pid);
    Deno.kill(deno, "SIGKILL");
    assertEquals((await proxy.status()).signal, "SIGKILL");
  },
});

Deno.test({
  name: "where an archive has lost who may run Deno, that is fixed",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    const { directory } = await npmPackage();
    const modules = join(directory, "node_modules", "@deno");
    for await (const { name } of Deno.readDir(modules)) {
      await Deno.chmod(join(modules, name, "deno"), 0o644);
    }
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using program = await ProxyProcess.start(
      await launch(server, { bareArgs: ["--version"] }),
    );
    assertEquals((await program.status()).code, 0, program.stderr);
  },
});
