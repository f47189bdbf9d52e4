/** What subcommands print, as processes. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandLine, SOURCE } from "../support/program/launch.ts";
import { TARGET } from "./command_world.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const PRINTING = [
  ["--help"],
  ["completions", "bash"],
  ["config", "zed", TARGET],
];

/** Runs the program below a shell, with the redirection that it is given. */
async function runInShell(args: readonly string[], redirection: string) {
  await using line = await commandLine({
    target: new URL(TARGET),
    entry: SOURCE,
    bareArgs: args,
  });
  return await outcomeOf("/bin/sh", {
    args: ["-c", `"$0" "$@" ${redirection}`, line.command, ...line.args],
    env: line.env,
    clearEnv: true,
  });
}

Deno.test({
  name: "output that a full disk does not take is no success",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const args of PRINTING) {
      const { code, stderr } = await runInShell(args, ">/dev/full");
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, "stdout cannot be written: No space left");
    }
  },
});

Deno.test({
  name: "a fault that cannot be told ends as one that is told",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { code } = await runInShell(["config", "nobody"], "2>/dev/full");
    assertEquals(code, 2);
  },
});
