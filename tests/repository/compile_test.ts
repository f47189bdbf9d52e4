/** The programs that .ci/compile.ts makes, as far as it goes without making them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compileArgs, TARGETS } from "../../.ci/compile.ts";
import { outcomeOf } from "../support/program/outcome.ts";

Deno.test("a program has the packages that it imports, and none that only the tests do", () => {
  for (const [target, file] of Object.entries(TARGETS)) {
    assert(compileArgs(target, file).includes("--exclude-unused-npm"), target);
  }
});

Deno.test("a target that does not exist is an error that names those that do", async () => {
  const script = new URL("../../.ci/compile.ts", import.meta.url);
  const { code, stderr } = await outcomeOf(Deno.execPath(), {
    args: ["run", "-A", script.href, Object.keys(TARGETS)[0], "nonsense"],
  });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "no target is called nonsense:");
  for (const target of Object.keys(TARGETS)) {
    assertStringIncludes(stderr, target);
  }
});
