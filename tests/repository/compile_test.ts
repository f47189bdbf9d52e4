/** The programs that .ci/compile.ts makes, as far as it goes without making them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compileArgs, TARGETS } from "../../.ci/compile.ts";

Deno.test("a program has the packages that it imports, and none that only the tests do", () => {
  for (const [target, file] of Object.entries(TARGETS)) {
    assert(compileArgs(target, file).includes("--exclude-unused-npm"), target);
  }
});

Deno.test("a target that does not exist is an error that names those that do", async () => {
  const script = new URL("../../.ci/compile.ts", import.meta.url);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script.href, Object.keys(TARGETS)[0], "nonsense"],
    stdin: "null",
    stdout: "null",
  }).output();
  assertEquals(code, 2);
  const text = new TextDecoder().decode(stderr);
  assertStringIncludes(text, "no target is called nonsense:");
  for (const target of Object.keys(TARGETS)) assertStringIncludes(text, target);
});
