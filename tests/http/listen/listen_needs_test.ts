import { assertEquals, assertMatch } from "@std/assert";
import { findNeeds } from "../../../src/commands/needs.ts";
import { runPolicy } from "../../../src/commands/policy/policy.ts";
import { configOf } from "../../support/program/command_line.ts";
import { ProxyProcess } from "../../support/program/proxy_process.ts";
import { RawClient } from "../../support/raw/client.ts";
import { mcp, PING } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { TEST_SCOPE } from "../../support/aws/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../../commands/command_world.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { outcomeOf } from "../../support/program/outcome.ts";

const TARGET = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp";

/** What is needed to listen, as `kind value` each, over what stdio needs. */
async function needsOf(
  world: CommandWorld,
  args: readonly string[],
  os: typeof Deno.build.os = "linux",
): Promise<string[]> {
  const find = async (args: readonly string[]) => {
    const config = await configOf([TARGET, ...args]);
    const needs = await findNeeds(config, { env: world.env, os });
    return needs.map(({ kind, value }) => `${kind} ${value}`);
  };
  const usual = new Set(await find([]));
  return (await find(args)).filter((need) => !usual.has(need));
}

/** The words that a shell makes of a line. */
async function wordsOf(line: string): Promise<string[]> {
  const args = ["-c", `printf '%s\\n' ${line}`];
  const { stdout } = await outcomeOf("sh", { args });
  return stdout.trimEnd().split("\n");
}

for (const at of ["127.0.0.1:0", "localhost:0", "unix:proxy.sock"]) {
  Deno.test({
    name: `the flags that policy prints are enough to listen at ${at}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using target = await RawServer.start(mcp({}));
      await using temp = await tempDir();
      const variables = { ...TEST_KEYS, XDG_RUNTIME_DIR: temp.path };
      await using world = await CommandWorld.make(variables);
      const socket = world.path("proxy.sock");
      const listen = at.startsWith("unix:") ? `unix:${socket}` : at;
      const args = [
        ...["--listen", listen, "--region", TEST_SCOPE.region],
        ...["--service", TEST_SCOPE.service, target.url.href],
      ];
      const { stdout } = await world.run(runPolicy, ["--flags", ...args]);
      await using proxy = await ProxyProcess.start({
        target: target.url,
        bareArgs: args,
        permissionFlags: await wordsOf(stdout),
        env: variables,
        home: world.home,
      });
      const token = await Deno.readTextFile(await proxy.logged("tokenFile"));
      const to = listen === at
        ? Number(new URL(await proxy.logged("url")).port)
        : await proxy.logged("path");
      using client = await RawClient.connect(to);
      const headers = ["Host: localhost", `Authorization: Bearer ${token}`];
      await client.sendPost("/mcp", headers, PING);
      assertEquals((await client.head()).status, 200);
      proxy.signal("SIGTERM");
      assertEquals((await proxy.status()).code, 0);
      assertEquals(await Array.fromAsync(Deno.readDir(temp.path)), []);
    },
  });
}

Deno.test("a token that is given needs no place to be kept", async () => {
  await using world = await CommandWorld.make();
  const given = ["--listen", "127.0.0.1:8080", "--listen-token", "a-token"];
  assertEquals(await needsOf(world, given), ["net 127.0.0.1:8080"]);
  const none = ["--listen", "[::1]:8080", "--no-listen-token"];
  assertEquals(await needsOf(world, none), ["net [::1]:8080"]);
});

Deno.test("a token that is made is kept where the system keeps such files", async () => {
  const listen = ["--listen", "127.0.0.1:8080"];
  const cases = [
    [{ XDG_RUNTIME_DIR: "/run/user/1000", TMPDIR: "/t" }, "/run/user/1000"],
    [{ XDG_RUNTIME_DIR: "relative", TMPDIR: "/t" }, "/t"],
    [{}, "/tmp"],
  ] as const;
  for (const [variables, directory] of cases) {
    await using world = await CommandWorld.make(variables);
    assertEquals(await needsOf(world, listen), [
      "net 127.0.0.1:8080",
      "env XDG_RUNTIME_DIR",
      ...(directory.startsWith("/run") ? [`read ${directory}`] : []),
      `write ${directory}`,
    ]);
  }
});

Deno.test("a name to listen at is looked up, for which all of its ports are wanted", async () => {
  await using world = await CommandWorld.make();
  const needs = await needsOf(world, [
    ...["--listen", `${Deno.hostname()}:8080`, "--listen-token", "a-token"],
  ]);
  assertEquals(needs[0], `net ${Deno.hostname().toLowerCase()}`);
  // With its IP address, if it has one.
  assertMatch(needs[1], /^net .+:8080$/);
});
