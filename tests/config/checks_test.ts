import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { configOf, ELSEWHERE, faultOf } from "../support/command_line.ts";

Deno.test("a list of commas alone is refused, and lifts no rule", async () => {
  assertEquals(
    await faultOf([], { MCP_ALLOW_TOOL: " , ," }),
    "allow tool must be a list with something between the commas, got ',' in " +
      "MCP_ALLOW_TOOL (set --allow-tool or MCP_ALLOW_TOOL)",
  );
});

Deno.test("a glob in another notation is refused, since it would deny nothing", async () => {
  for (
    const glob of [
      "[dD]elete*",
      "delete]",
      "{delete}*",
      "delete}",
      "delete_(x|y)",
      "delete)",
      "x|y",
      "/delete/",
      "/delete",
      "delete/",
      "/",
      "!get_*",
      "^delete_.*",
      "delete_x\\*",
      "delete_* get_*",
    ]
  ) {
    for (const rule of ["deny", "allow"]) {
      const flag = `--${rule}-tool`;
      const variable = `MCP_${rule.toUpperCase()}_TOOL`;
      const fault = (where: string) =>
        `${rule} tool must be one glob, in which only * and ? are special, ` +
        "without white space, commas, brackets, vertical bars, " +
        "backslashes, !, ^ or a / at its ends, " +
        `got '${glob}'${where} (set ${flag} or ${variable})`;
      assertEquals(await faultOf([`${flag}=${glob}`]), fault(""));
      assertEquals(
        await faultOf([], { [variable]: `list_*,${glob}` }),
        fault(` in ${variable}`),
      );
    }
  }
});

Deno.test("a glob may have whatever is common in the names of tools", async () => {
  const globs = ["*", "?", "a/b", "ns__get-*", "a.b:c@d", "löschen_?"];
  const config = await configOf(
    [...ELSEWHERE, ...globs.map((glob) => `--allow-tool=${glob}`)],
    { MCP_DENY_TOOL: globs.join() },
  );
  assertEquals([config.allowTool, config.denyTool], [globs, globs]);
});

Deno.test("a signature version other than v4 and v4a is refused in the words relied on", async () => {
  assertEquals(
    await faultOf([], { AWS_SIG_VERSION: "v5" }),
    "signature version must be 'v4' or 'v4a', got 'v5' in AWS_SIG_VERSION " +
      "(set --sig-version or AWS_SIG_VERSION)",
  );
});

Deno.test("time limits are positive, and only --timeout can be none", async () => {
  assertEquals(
    (await configOf([...ELSEWHERE, "--timeout", "0"])).timeoutMs,
    undefined,
  );
  assertStringIncludes(
    await faultOf(["--idle-timeout=0"]),
    "idle timeout must be from 1ms to 596h, got '0'",
  );
  assertStringIncludes(
    await faultOf(["--timeout=-5s"]),
    "timeout must be from 1ms to 596h, or 0 for none, got '-5s'",
  );
  assertStringIncludes(await faultOf(["--timeout=10us"]), "from 1ms");
  // A longer timer would fire at once.
  assertStringIncludes(await faultOf(["--timeout=600h"]), "to 596h");
  assertEquals(
    (await configOf([...ELSEWHERE, "--timeout=596h"])).timeoutMs,
    2_145_600_000,
  );
  assertEquals(
    (await configOf([...ELSEWHERE, "--timeout=1.6ms"])).timeoutMs,
    2,
  );
});

Deno.test("a size is a whole number of bytes and not zero", async () => {
  for (const text of ["0", "-1", "lots", "1.5"]) {
    assertStringIncludes(
      await faultOf([`--max-answer=${text}`]),
      `max answer must be a size such as 64MiB, 10MB or 4096, got '${text}'`,
    );
  }
});

Deno.test("a role's options are checked, and mean nothing without a role", async () => {
  const role = "--assume-role=arn:aws:iam::123456789012:role/r";
  assertStringIncludes(
    await faultOf(["--assume-role=admin"]),
    "role must be a role ARN such as arn:aws:iam::",
  );
  assertStringIncludes(
    await faultOf([role, "--role-duration=5m"]),
    "role duration must be from 15m to 12h",
  );
  assertStringIncludes(
    await faultOf([role, "--role-session-name=a b"]),
    "role session name must be",
  );
  const fault = await faultOf([role, "--external-id=hunter2 !"]);
  assertStringIncludes(fault, "external ID must be");
  assertNotMatch(fault, /hunter2/);
  assertEquals(
    await faultOf([], { MCP_EXTERNAL_ID: "id" }),
    "MCP_EXTERNAL_ID means nothing without a role (set --assume-role or MCP_ASSUME_ROLE)",
  );
  assertMatch(
    await faultOf(["--role-duration=1h"]),
    /^--role-duration means nothing/,
  );
});

Deno.test("a value in an error is one short line", async () => {
  const fault = await faultOf([
    `--log-level=\x1b[31m\nforged${"x".repeat(500)}`,
  ]);
  // deno-lint-ignore no-control-regex
  assertNotMatch(fault, /[\0-\x1f]/);
  assert(fault.length < 250, fault);
});
