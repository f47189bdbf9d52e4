/** What a variable means that Deno forbids to read: it may be set. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { variablesOf } from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { ParsedOptions } from "../../src/config/settings.ts";
import { runProgram } from "../commands/program.ts";

const VARIABLES = OPTION_KEYS.flatMap((key) => {
  return variablesOf(OPTIONS[key]).map((name) => ({ key, name }));
});
const TARGET = new URL(
  "https://abc123.execute-api.eu-west-1.amazonaws.com/mcp",
);

for (const { key, name } of VARIABLES) {
  Deno.test({
    name: `${name} is not taken for unset where Deno forbids to read it`,
    permissions: {
      env: VARIABLES.flatMap((v) => v.name === name ? [] : v.name),
    },
    fn() {
      const { forbidden } = new ParsedOptions(new Map(), () => undefined);
      assertEquals(forbidden, [name]);
      const flags = new Map([[key, ["a text"]]]);
      assertEquals(new ParsedOptions(flags, () => undefined).forbidden, []);
    },
  });
}

/** Runs the program to the end of its stdin. */
const outcome = (permissionFlags: readonly string[], env = {}) =>
  runProgram([TARGET.href], {
    target: TARGET,
    permissionFlags: ["--no-prompt", ...permissionFlags],
    env: { MCP_LOG_LEVEL: undefined, ...env },
  });

Deno.test("a program that may not read its options' variables does not start, and names the flags", async () => {
  for (
    const [flags, missing] of [
      [["--allow-env=AWS_*"], "MCP_*"],
      [
        [],
        "MCP_*,AWS_REGION,AWS_DEFAULT_REGION,AWS_SERVICE_NAME,AWS_SIG_VERSION",
      ],
      [
        ["--allow-env=AWS_*,MCP_*", "--deny-env=MCP_READ_ONLY"],
        "MCP_READ_ONLY",
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await outcome(flags, {
      MCP_READ_ONLY: "true",
      MCP_DENY_TOOL: "*",
    });
    assertEquals([code, stdout], [2, ""], stderr);
    assertStringIncludes(stderr, `Deno may not read ${missing}, `);
    assertStringIncludes(stderr, `--allow-env=${missing},`);
  }
});

Deno.test("what --ignore-env hides counts as not set, by the user's own word", async () => {
  for (const flags of [["--ignore-env"], ["--ignore-env=MCP_*"]]) {
    const { code, stderr } = await outcome(["--allow-env=AWS_*", ...flags], {
      MCP_READ_ONLY: "true",
    });
    assertEquals(code, 0, stderr);
    assert(stderr.includes('"readOnly":false'), stderr);
  }
});
