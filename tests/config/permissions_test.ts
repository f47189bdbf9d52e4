/** What is given up at start, and what a variable means that Deno forbids to read. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  dropPermissions,
  needlessPermissions,
} from "../../src/config/permissions.ts";
import { tempDir } from "../support/temp_dir.ts";
import { variablesOf } from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { ParsedOptions } from "../../src/config/settings.ts";
import { runProgram } from "../commands/program.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const noListen = {
  profile: undefined,
  listen: undefined,
  record: undefined,
};
const keys = (name: string) =>
  name === "AWS_ACCESS_KEY_ID" ? "AKIDEXAMPLE" : undefined;
const nothing = () => undefined;

Deno.test("no run of the proxy keeps the permission to call native code or import from elsewhere", () => {
  assertEquals(needlessPermissions(noListen, nothing), ["ffi", "import"]);
});

Deno.test("with keys in the environment, nothing is left to run or write", () => {
  assertEquals(
    needlessPermissions(noListen, keys),
    ["ffi", "import", "run", "write"],
  );
});

Deno.test("a profile keeps what a credential_process and a session's token need", () => {
  const use = { ...noListen, profile: "dev" };
  assertEquals(needlessPermissions(use, keys), ["ffi", "import"]);
});

Deno.test("an empty variable holds no keys", () => {
  assertEquals(needlessPermissions(noListen, () => ""), ["ffi", "import"]);
});

Deno.test("the HTTP server keeps writing, for its token and its socket", () => {
  const listen = { address: { path: "s" }, token: undefined, hosts: [] };
  assertEquals(
    needlessPermissions({ ...noListen, listen }, keys),
    ["ffi", "import", "run"],
  );
});

Deno.test("a recording keeps writing", () => {
  assertEquals(
    needlessPermissions({ ...noListen, record: "calls.jsonl" }, keys),
    ["ffi", "import", "run"],
  );
});

Deno.test("what was given up is refused from then on, and the program's own modules still load", async () => {
  const permissions = import.meta.resolve("../../src/config/permissions.ts");
  const version = import.meta.resolve("../../src/version.ts");
  const program = `
    import { dropPermissions } from ${JSON.stringify(permissions)};
    dropPermissions(["ffi", "import", "run", "write"]);
    for (const name of ["ffi", "import", "run", "write", "read", "net", "env"]) {
      console.log(name, Deno.permissions.querySync({ name }).state);
    }
    await import(${JSON.stringify(version)});
  `;
  await using temp = await tempDir({ "program.ts": program });
  const file = `${temp.path}/program.ts`;
  const { code, stdout, stderr } = await outcomeOf(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", "--no-lock", file],
  });
  assertEquals(code, 0, stderr);
  assertEquals(stdout.trim().split("\n"), [
    "ffi prompt",
    "import prompt",
    "run prompt",
    "write prompt",
    "read granted",
    "net granted",
    "env granted",
  ]);
});

Deno.test("giving up what was never granted is no fault", () => {
  const asked: string[] = [];
  dropPermissions(["ffi", "run"], {
    revokeSync(descriptor) {
      asked.push(descriptor.name);
      return Deno.permissions.querySync({ name: "read" });
    },
  });
  assertEquals(asked, ["ffi", "run"]);
});

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

Deno.test("a rule in a misspelt variable is found whether or not Deno lists all variables", async () => {
  for (const flags of ["-A", "--allow-env=AWS_*,MCP_*"]) {
    const { code, stderr } = await outcome([flags], { MCP_READONLY: "true" });
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "did you mean MCP_READ_ONLY?");
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
