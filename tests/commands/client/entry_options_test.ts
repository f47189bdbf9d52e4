import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { resolve } from "node:path";
import { runSubcommand } from "../../../src/commands/run.ts";
import { runConfig } from "../../../src/commands/client/config.ts";
import { type Config, parseCommand } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/errors.ts";
import { type Option, variablesOf } from "../../../src/config/option.ts";
import { OPTION_GROUPS, OPTIONS } from "../../../src/config/options.ts";
import { optionFiles } from "../../support/program/option_files.ts";
import { CommandWorld, TARGET } from "../command_world.ts";
import { COMPILED, zedEntry } from "./zed_entry.ts";

Deno.test("no flag of the HTTP server is in an entry, and a stray variable of it is told", async () => {
  await using world = await CommandWorld.make({
    MCP_LISTEN: "127.0.0.1:18080",
    MCP_LISTEN_TOKEN: "a-token",
  });
  const { words, stdout, stderr } = await zedEntry(
    world,
    [TARGET, "--bridge"],
    { program: COMPILED },
  );
  assertEquals(words.slice(1), [TARGET, "--bridge"]);
  assertStringIncludes(stderr, "MCP_LISTEN is left out");
  assertStringIncludes(stderr, "MCP_LISTEN_TOKEN is left out");
  assertEquals((stdout + stderr).includes("a-token"), false);

  const proxy = ["--listen=0.0.0.0:1", "--no-listen-token"];
  const { faults } = await assertRejects(
    () => world.run(runConfig, ["zed", TARGET, ...proxy]),
    ConfigError,
  );
  assertEquals(
    faults.map((fault) => /leave out (.+)$/.exec(fault)?.[1]),
    ["--listen", "--no-listen-token"],
  );
  const help = await world.run(
    (args, context) => runSubcommand("config", args, context),
    ["zed", "--listen=:1", "--help"],
  );
  assertStringIncludes(help.stdout, "Usage:");
});

/** What the proxy makes of a command line. */
async function configOf(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Config> {
  const command = await parseCommand(args, (name) => variables[name], {
    profileRegion: (profile) => Promise.resolve(profile && "sa-east-1"),
  });
  if (command.kind !== "run") throw new Error(`it is ${command.kind}`);
  return command.config;
}

/** What the proxy makes of the entry that is written for the same. */
async function configOfEntry(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<Config> {
  await using world = await CommandWorld.make(variables);
  const { words, env } = await zedEntry(world, args, {
    program: COMPILED,
    profileRegion: (profile) => Promise.resolve(profile && "sa-east-1"),
  });
  return await configOf(words.slice(1), { ...env });
}

const SCOPED = { AWS_REGION: "ap-south-1", AWS_SERVICE_NAME: "execute-api" };

for (
  const [target, ...sets] of [
    [
      TARGET,
      {},
      { AWS_REGION: "us-east-1" },
      { AWS_DEFAULT_REGION: "us-east-1" },
      { AWS_REGION: "no region!" },
      { AWS_REGION: "us-east-1,us-west-2", AWS_SIG_VERSION: "v4a" },
      SCOPED,
    ],
    [
      "https://bedrock-agentcore.us-west-2.amazonaws.com/mcp",
      { AWS_REGION: "us-east-1" },
      { AWS_SERVICE_NAME: "another" },
    ],
    // There a region is the one of the calls.
    [
      "https://aws-mcp.us-east-1.api.aws/mcp",
      {},
      { AWS_REGION: "eu-west-1" },
      { AWS_REGION: "eu-west-1", MCP_REGION_METADATA: "false" },
    ],
    // There it is every region, whatever a variable says.
    ["https://id.lambda-web.global.on.aws/mcp", { AWS_REGION: "eu-west-1" }],
    // The host tells the service alone.
    ["https://a1b2.execute-api.global.amazonaws.com/mcp", SCOPED],
    [
      "https://mcp.example/mcp",
      SCOPED,
      { ...SCOPED, AWS_DEFAULT_REGION: "us-east-1" },
      { ...SCOPED, AWS_SIG_VERSION: "v4a", AWS_REGION: "us-*,eu-west-1" },
      { MCP_PROFILES: "one", AWS_SERVICE_NAME: "execute-api" },
    ],
    [
      "http://127.0.0.1:8080/mcp",
      { ...SCOPED, MCP_SIGN_HOST: "x.execute-api.eu-west-1.amazonaws.com:444" },
      { ...SCOPED, MCP_SIGN_HOST: "mcp.example" },
    ],
  ] as const satisfies [string, ...Record<string, string>[]][]
) {
  for (const variables of sets) {
    const shown = JSON.stringify(variables);
    Deno.test(`the entry for ${target} with ${shown} means the same where no variable is set`, async () => {
      assertEquals(
        await configOfEntry([target], variables),
        await configOf([target], variables),
      );
    });
  }
}

Deno.test("every variable that goes into an entry means the same there", async () => {
  await using files = await optionFiles("X-Team: red\n");
  const variables: Readonly<Record<string, string>> = {
    MCP_TARGET_URL: "http://mcp.example/mcp?x=1",
    MCP_ALLOW_HTTP: "true",
    MCP_TRANSPORT: "streamable-http",
    MCP_ENABLE_SSE: "1",
    MCP_HEADER_FILE: files.headers,
    MCP_CA_CERT: files.caCert,
    MCP_CLIENT_INFO: "false",
    MCP_REGION_METADATA: "false",
    MCP_RECOVER: "false",
    MCP_COOKIES: "0",
    MCP_BRIDGE: "TRUE",
    MCP_READ_ONLY: "true",
    MCP_RECEIPT: "true",
    MCP_ALLOW_TOOL: "get_*, -odd ,list_*",
    MCP_DENY_TOOL: "delete_*",
    MCP_KEEP_ALIVE: " 45s ",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-2",
    AWS_SERVICE_NAME: "execute-api",
    AWS_SIG_VERSION: "v4a",
    MCP_UNSIGNED_PAYLOAD: "true",
    MCP_PROFILES: "one,two",
    MCP_ASSUME_ROLE: "arn:aws:iam::123456789012:role/a",
    MCP_ROLE_SESSION_NAME: "me",
    MCP_ROLE_DURATION: "30m",
    MCP_SESSION_POLICY: `read-only,arn:aws:iam::aws:policy/x`,
    MCP_SOURCE_IDENTITY: "ada@example.com",
    MCP_SESSION_TAG: "team=data and more,ticket=1",
    MCP_LOGIN: "true",
    MCP_SKIP_AUTH: "true",
    MCP_TIMEOUT: "2m",
    MCP_TIMEOUT_RESET_ON_PROGRESS: "true",
    MCP_CONNECT_TIMEOUT: "3s",
    MCP_IDLE_TIMEOUT: "1m30s",
    MCP_RETRIES: "0",
    MCP_MAX_CONCURRENCY: "7",
    MCP_MAX_FRAME: "1MiB",
    MCP_MAX_ANSWER: "20MiB",
    MCP_LOG_LEVEL: "debug",
    MCP_LOG_FORMAT: "text",
    MCP_RECORD: resolve("calls.jsonl"),
    MCP_RECORD_BODIES: "true",
    MCP_RECORD_MAX: "1MiB",
  };
  const elsewhere: Readonly<Record<string, string>> = {
    MCP_TARGET_URL: "https://10.0.0.1/mcp",
    AWS_REGION: "us-east-1",
    AWS_SERVICE_NAME: "execute-api",
    MCP_SIGN_HOST: "mcp.example",
    MCP_CLIENT_CERT: files.clientCert,
    MCP_CLIENT_KEY: files.clientKey,
    MCP_ACCOUNT_ROLE: "arn:aws:iam::{account}:role/{role}",
    MCP_ALLOW_ACCOUNT: "111111111111,2222*",
    MCP_ALLOW_ROLE: "audit-*,ops",
  };
  const writing: Readonly<Record<string, string>> = {
    MCP_TARGET_URL: "https://mcp.example/mcp",
    AWS_REGION: "us-east-1",
    AWS_SERVICE_NAME: "execute-api",
    MCP_READ_ONLY: "true",
    MCP_ASSUME_ROLE: "arn:aws:iam::123456789012:role/a",
    MCP_WRITE_ROLE: "arn:aws:iam::123456789012:role/b",
  };
  for (const set of [variables, elsewhere, writing]) {
    assertEquals(await configOfEntry([], set), await configOf([], set));
  }
  const proxy: readonly Option[] = Object.values(OPTION_GROUPS["HTTP server"]);
  const carried = Object.values<Option>(OPTIONS)
    .filter((option) => !("secret" in option && option.secret))
    .filter((option) => !proxy.includes(option))
    .flatMap(variablesOf);
  const known = Object.keys({ ...variables, ...elsewhere, ...writing });
  assertEquals(carried.filter((name) => !known.includes(name)), []);
});

Deno.test("an argument with a blank is told of, since some clients split it", async () => {
  await using world = await CommandWorld.make();
  await world.write(".aws/config", "[profile 'Team A']\nregion = eu-west-1\n");
  const told = async (...args: string[]) =>
    (await zedEntry(world, [TARGET, ...args], { program: COMPILED })).stderr;
  const words = "an argument has a blank in it";
  assertStringIncludes(await told("--profile", "Team A"), words);
  assertStringIncludes(await told("--header", "X-Team: blue"), words);
  assertEquals((await told("--header", "X-Team:blue")).includes(words), false);
});
