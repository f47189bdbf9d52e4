import { assertEquals, assertStringIncludes } from "@std/assert";
import { runConfig } from "../../src/commands/client_config.ts";
import { CommandWorld } from "./command_world.ts";

const TARGET = "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp";
const MODULE = "jsr:@scope/sigv4-proxy@0.1.0";

for (
  const [os, deno, launch] of [
    ["linux", "/home/u/.npm/_npx/0a1b/node_modules/deno/deno", ["npx"]],
    ["darwin", "/Users/u/.npm/_npx/0a1b/node_modules/deno/deno", ["npx"]],
    [
      "windows",
      "C:\\Users\\u\\AppData\\Local\\npm-cache\\_npx\\0a1b\\node_modules\\deno\\deno.exe",
      ["cmd", "/c", "npx"],
    ],
  ] as const
) {
  Deno.test(`where npx runs Deno on ${os}, the entry starts npx and not a file that npm may remove`, async () => {
    await using world = await CommandWorld.make();
    const { stdout, stderr } = await world.run(runConfig, ["zed", TARGET], {
      program: { command: deno, module: MODULE },
      os,
    });
    const { command, args } = JSON.parse(stdout).context_servers.abc123;
    const words = [command, ...args];
    assertEquals(words.slice(0, launch.length + 4), [
      ...launch,
      "-y",
      "deno@2",
      "run",
      "--no-prompt",
    ]);
    assertEquals(words.slice(-2), [MODULE, TARGET]);
    assertEquals(stdout.includes("_npx"), false);
    assertStringIncludes(stderr, "npm may empty");
  });
}

Deno.test("a Deno that is installed is started by its path, whatever its path is like", async () => {
  await using world = await CommandWorld.make();
  for (
    const deno of [
      "/usr/lib/node_modules/deno/deno",
      "/home/u/my_npx/deno",
      "C:\\Users\\u\\.deno\\bin\\deno.exe",
    ]
  ) {
    const { stdout, stderr } = await world.run(runConfig, ["zed", TARGET], {
      program: { command: deno, module: MODULE },
    });
    const { command, args } = JSON.parse(stdout).context_servers.abc123;
    assertEquals([command, args[0]], [deno, "run"]);
    assertEquals(stderr.includes("npx"), false);
  }
});
