/** Variables that are named almost as an option's. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Option, variablesOf } from "../../src/config/option.ts";
import { variableNames } from "../../src/config/misspelt.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import {
  AGENTCORE,
  type Env,
  faultsOf,
  run,
} from "../support/program/command_line.ts";

function sentence(name: string, meant: string): string {
  return `${name} is set, and is the name of no option (did you mean ` +
    `${meant}? if not, unset ${name})`;
}

async function warningsOf(env: Env): Promise<string[]> {
  const { notes } = await run([AGENTCORE], env);
  return notes.filter(({ level }) => level === "warn")
    .map(({ message }) => message);
}

Deno.test("a rule in a misspelt variable is refused, and never silently not in force", async () => {
  const rows = `
    MCP_READONLY MCP_READ_ONLY, MCP_READ_ONLY_MODE MCP_READ_ONLY,
    MCP_ENABLE_READ_ONLY MCP_READ_ONLY, MCP_REDA_ONLY MCP_READ_ONLY,
    mcp_read_only MCP_READ_ONLY, MCP-READ-ONLY MCP_READ_ONLY,
    AWS_MCP_READ_ONLY MCP_READ_ONLY, MCP_PROXY_READONLY MCP_READ_ONLY,
    MCP_DENYTOOL MCP_DENY_TOOL, MCP_DENY_TOOLS MCP_DENY_TOOL,
    MCP_DENIED_TOOLS MCP_DENY_TOOL, MCP_ALLOWED_TOOLS MCP_ALLOW_TOOL,
    MCP_ALOW_TOOL MCP_ALLOW_TOOL, MCP_PROFILE MCP_PROFILES,
    MCP_ASSUME_ROLE_ARN MCP_ASSUME_ROLE, MCP_WRITEROLE MCP_WRITE_ROLE,
    MCP_ACCOUNT_ROLES MCP_ACCOUNT_ROLE, MCP_ALLOWED_ACCOUNTS MCP_ALLOW_ACCOUNT,
    MCP_ALLOW_ROLES MCP_ALLOW_ROLE, MCP_SESSION_POLICIES MCP_SESSION_POLICY,
    MCP_LISTENTOKEN MCP_LISTEN_TOKEN`;
  for (const row of rows.trim().split(/,\s+/)) {
    const [name, meant] = row.split(" ");
    const faults = await faultsOf([AGENTCORE], { [name]: "x" });
    assertEquals(faults, [sentence(name, meant)]);
  }
});

Deno.test({
  name:
    "where Deno lists no variables, those that set a rule are likely names, each once",
  permissions: { env: ["MCP_*"] },
  fn() {
    const names = variableNames();
    for (const name of ["MCP_READONLY", "MCP_DENY_TOOLS", "MCP_PROFILE"]) {
      assertEquals(names.filter((it) => it === name), [name]);
    }
  },
});

Deno.test("where Deno lists all variables, their names are these", () => {
  assert(variableNames().some((name) => name.toUpperCase() === "PATH"));
});

Deno.test("any other misspelt variable is told, and stops nothing", async () => {
  for (
    const [name, meant] of [
      ["MCP_REGION", "AWS_REGION"],
      ["MCP_SERVICE", "AWS_SERVICE_NAME"],
      ["MCP_HEADER", "MCP_HEADERS"],
      ["MCP_RETRY", "MCP_RETRIES"],
      ["MCP_MAXCONCURRENCY", "MCP_MAX_CONCURRENCY"],
      ["MCP_SSE", "MCP_ENABLE_SSE"],
    ]
  ) assertEquals(await warningsOf({ [name]: "x" }), [sentence(name, meant)]);
});

Deno.test("an option's own name is never taken for a misspelt one", async () => {
  for (const key of OPTION_KEYS) {
    const option: Option = OPTIONS[key];
    for (const name of variablesOf(option)) {
      const told = await run([AGENTCORE], { [name]: "x" }).then(
        ({ notes }) => notes.map(({ message }) => message),
        ({ faults }: { faults: string[] }) => faults,
      );
      assertEquals(told.filter((text) => text.includes("no option")), []);
    }
  }
});

Deno.test("variables of other programs stop nothing, and are not told", async () => {
  const names = `MCP_TOOL_TIMEOUT MCP_REMOTE_CONFIG_DIR MCP_PROXY_AUTH_TOKEN
    MCP_PROXY_FULL_ADDRESS MCP_PROXY_PORT MCP_SERVER_REQUEST_TIMEOUT
    MCP_SERVER_NAME MCP_SERVER_URL MCP_REQUEST_MAX_TOTAL_TIMEOUT
    MCP_AUTO_OPEN_ENABLED MCP_CLIENT_SECRET MCP_CLIENT_ID MCP_OAUTH_CALLBACK_PORT
    MCP_CONNECTION_NONBLOCKING MCP_SERVER_CONNECTION_BATCH_SIZE MCP_PORT MCP_HOST
    MCP_API_KEY MCP_AUTH_TOKEN MCP_ACCESS_TOKEN MCP_DEBUG MCP_CONFIG MCP_MODE
    MCP_ENV MCP_HOME MCP_PATH MCP_ROOT MCP_USER MCP_ALLOWED_ORIGINS
    MCP_ALLOWED_HOSTS MCP_NPM_PACKAGE MCP_SANDBOX MCP_STDIO MCP_HTTP_PORT
    MCP_GATEWAY_AUTH_TOKEN MCP_READ_TIMEOUT MCP_NAME MCP_URL MCP_TOKEN
    MCP_ALL_TOOLS MCP_LIST_TOOLS MCP_WRITE_ENABLED AWS_API_MCP_PROFILE_NAME
    AWS_PROFILE READ_ONLY READONLY MCP_GITHUB_READ_ONLY MCP_PG_READ_ONLY
    MCP_SEARCH_ALLOWED_TOOLS`;
  const env = Object.fromEntries(
    names.split(/\s+/).map((name) => [name, "x"]),
  );
  assertEquals(await warningsOf(env), []);
});

Deno.test("Claude's MCP_TIMEOUT in milliseconds sets no limit, stops nothing and is told", async () => {
  const { config, notes } = await run([AGENTCORE], { MCP_TIMEOUT: "60000" });
  assertEquals(config.timeoutMs, undefined);
  assertEquals(notes.filter(({ level }) => level === "warn").length, 1);
  const ours = await run([AGENTCORE], { MCP_TIMEOUT: "60s" });
  assertEquals(ours.config.timeoutMs, 60_000);
  const none = await run([AGENTCORE], { MCP_TIMEOUT: "0" });
  assertEquals(none.notes.filter(({ level }) => level === "warn"), []);
  const [fault] = await faultsOf([AGENTCORE, "--timeout=60000"]);
  assertStringIncludes(fault, "timeout must be a duration");
});

Deno.test("a misspelt variable counts for nothing where it is empty, off or its option is set", async () => {
  const env = {
    ...{ MCP_READONLY: "false", MCP_DENYTOOL: " ", MCP_PROFILE: "x" },
    ...{ MCP_ALLOW_TOOL: "get_*", MCP_ALLOWED_TOOLS: "others" },
  };
  const { notes } = await run([AGENTCORE, "--profile=y"], env);
  assertEquals(notes.filter(({ level }) => level === "warn"), []);
});
