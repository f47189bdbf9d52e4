import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { relative } from "node:path";
import { parse as parseYaml } from "yaml";
import { runConfig } from "../../../src/commands/client/config.ts";
import { CLIENTS, type Place } from "../../../src/commands/client/clients.ts";
import { CLIENT_NAMES } from "../../../src/config/commands.ts";
import { packageModule } from "../../../src/commands/context.ts";
import { ConfigError } from "../../../src/errors.ts";
import { commandLine } from "../../support/program/launch.ts";
import { INITIALIZE_PARAMS } from "../../support/program/proxy_process.ts";
import { SdkServer } from "../../support/sdk/server.ts";
import {
  KEYS,
  NO_KEYS,
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../../support/aws/test_identity.ts";
import { JSR_PACKAGE } from "../../../src/version.ts";
import { CommandWorld, PROGRAM, TARGET } from "../command_world.ts";
import { COMPILED, zedEntry } from "./zed_entry.ts";

Deno.test("each client's file is where its documentation says, on each system", () => {
  const place = (os: Place["os"], env: Record<string, string> = {}): Place => ({
    os,
    env: (name) => env[name],
    home: "/home/u",
  });
  const files = (place: Place) =>
    Object.fromEntries(
      CLIENT_NAMES.map((name) => [
        name,
        CLIENTS[name].file(place).replaceAll("\\", "/").replace("/home/u", "~"),
      ]),
    );
  const everywhere = {
    "claude-code": "~/.claude.json",
    "cline": "~/.cline/data/settings/cline_mcp_settings.json",
    "cursor": "~/.cursor/mcp.json",
    "kiro": "~/.kiro/settings/mcp.json",
    "windsurf": "~/.codeium/windsurf/mcp_config.json",
  };
  const library = "~/Library/Application Support";
  assertEquals(files(place("darwin")), {
    ...everywhere,
    "claude-desktop": `${library}/Claude/claude_desktop_config.json`,
    "vscode": `${library}/Code/User/mcp.json`,
    "zed": "~/.config/zed/settings.json",
    "goose": "~/.config/goose/config.yaml",
  });
  const linux = {
    ...everywhere,
    "claude-desktop": "~/.config/Claude/claude_desktop_config.json",
    "vscode": "~/.config/Code/User/mcp.json",
    "zed": "~/.config/zed/settings.json",
    "goose": "~/.config/goose/config.yaml",
  };
  assertEquals(files(place("linux")), linux);
  assertEquals(
    files(place("linux", { XDG_CONFIG_HOME: "/xdg" })).zed,
    "/xdg/zed/settings.json",
  );
  assertEquals(files(place("windows", { APPDATA: "/roaming" })), {
    ...everywhere,
    "claude-desktop": "/roaming/Claude/claude_desktop_config.json",
    "vscode": "/roaming/Code/User/mcp.json",
    "zed": "/roaming/Zed/settings.json",
    "goose": "/roaming/Block/goose/config/config.yaml",
  });
  const own = place("linux", {
    CLAUDE_CONFIG_DIR: "/claude",
    CLINE_MCP_SETTINGS_PATH: "/cline.json",
  });
  assertEquals(files(own)["claude-code"], "/claude/.claude.json");
  assertEquals(files(own).cline, "/cline.json");
  const cline = { CLINE_DIR: "/cline", CLINE_DATA_DIR: "/data" };
  assertEquals(
    files(place("linux", cline)).cline,
    "/data/settings/cline_mcp_settings.json",
  );
  assertEquals(
    files(place("linux", { ...cline, CLINE_DATA_DIR: "" })).cline,
    "/cline/data/settings/cline_mcp_settings.json",
  );
});

const ALLOW_ENV =
  "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy";

Deno.test("each client is given an entry of its own form, with the narrow permissions", async () => {
  await using world = await CommandWorld.make({ AWS_PROFILE: "work" });
  const args = [
    "run",
    "--no-config",
    `--lock=${world.home}/.cache/deno/sigv4-proxy.lock`,
    "--no-prompt",
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443",
    ALLOW_ENV,
    `--allow-read=${world.home}/.aws/config,${world.home}/.aws/credentials`,
    "jsr:@scope/sigv4-proxy@0.1.0",
    TARGET,
  ];
  const env = { AWS_PROFILE: "work" };
  const stdio = { command: PROGRAM.command, args, env };
  const typed = { type: "stdio", ...stdio };
  const expected: Record<string, unknown> = {
    "claude-code": { mcpServers: { abc123: typed } },
    "claude-desktop": { mcpServers: { abc123: stdio } },
    "cline": { mcpServers: { abc123: { ...stdio, disabled: false } } },
    "cursor": { mcpServers: { abc123: stdio } },
    "goose": {
      extensions: {
        abc123: {
          type: "stdio",
          name: "abc123",
          enabled: true,
          cmd: PROGRAM.command,
          args,
          envs: env,
          timeout: 300,
        },
      },
    },
    "kiro": { mcpServers: { abc123: { ...stdio, disabled: false } } },
    "vscode": { servers: { abc123: typed } },
    "windsurf": { mcpServers: { abc123: stdio } },
    "zed": { context_servers: { abc123: stdio } },
  };
  for (const name of CLIENT_NAMES) {
    const { code, stdout, stderr } = await world.run(
      runConfig,
      [name, TARGET],
      { program: PROGRAM, os: "linux" },
    );
    assertEquals(code, 0);
    const entry = name === "goose" ? parseYaml(stdout) : JSON.parse(stdout);
    assertEquals(entry, expected[name], name);
    assertStringIncludes(stderr, "--write puts it there");
  }
});

Deno.test("the configuration of this command line and this environment is in the entry, without its secrets", async () => {
  await using world = await CommandWorld.make({
    MCP_TIMEOUT: "90s",
    MCP_ENABLE_SSE: "true",
    MCP_HEADERS: "x-api-key=a-secret-of-the-environment",
    AWS_REGION: "us-east-2",
    AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    HTTPS_PROXY: "http://u:a-proxy-password@proxy.example",
  });
  const header = ["--header", "X-A: ${HTTPS_PROXY}"];
  const service = ["--service-name", "execute-api"];
  const url = "https://mcp.example/mcp";
  const { words, env, stdout, stderr } = await zedEntry(
    world,
    ["--profile=-odd", url, ...service, ...header],
    { program: COMPILED },
  );
  assertEquals(words.slice(1), [
    url,
    "--sse",
    ...header,
    "--region",
    "us-east-2",
    ...service,
    "--profile=-odd",
    "--timeout",
    "90s",
  ]);
  assertEquals(env, undefined);
  assert("mcp-example" in JSON.parse(stdout).context_servers);
  for (
    const secret of ["a-secret-of-the-environment", "a-proxy-password"]
  ) assertEquals((stdout + stderr).includes(secret), false);
  for (
    const said of ["MCP_HEADERS", "HTTPS_PROXY", "--header", "replace ${NAME}"]
  ) assertStringIncludes(stderr, said);
});

Deno.test("files are named by their whole paths, lists of variables one by one, and variables that headers name are allowed", async () => {
  await using world = await CommandWorld.make({
    MCP_PROFILES: "one, two",
    TEAM_TOKEN: "a-secret-of-the-team",
  });
  const file = await world.write("headers.txt", "X-Team: ${TEAM_TOKEN}\n");
  const { words, stdout, stderr } = await zedEntry(
    world,
    ["--header-file", relative(Deno.cwd(), file), TARGET],
    { program: PROGRAM, os: "linux" },
  );
  const profiles = ["--profile", "one", "--profile", "two"];
  assertEquals(
    words.slice(words.indexOf(TARGET) + 1),
    ["--header-file", file, ...profiles],
  );
  assert(words.includes(`${ALLOW_ENV},TEAM_TOKEN`));
  const read = words.find((word) => word.startsWith("--allow-read="));
  assertStringIncludes(read ?? "", file);
  assertEquals((stdout + stderr).includes("a-secret-of-the-team"), false);
});

Deno.test("a compiled program is started as it is, without flags for Deno", async () => {
  await using world = await CommandWorld.make();
  const { words, env } = await zedEntry(world, [TARGET], { program: COMPILED });
  assertEquals([words, env], [[COMPILED.command, TARGET], undefined]);
});

for (
  const [args, words] of [
    [["curser", TARGET], 'unknown client "curser" (did you mean cursor?'],
    [[TARGET], "needs a client first"],
    [[], "claude-desktop"],
    [["zed", "--name", "a b", TARGET], "--name must be of letters, digits, - "],
    [["zed", "--name", "my.server", TARGET], "--name must be of letters, dig"],
    [["zed", "--name", "__proto__", TARGET], "another one than __proto__"],
    [["zed", "--name"], "needs a value"],
    [["zed"], "target URL is required"],
  ] as const
) {
  Deno.test(`config ${args.join(" ")} is a fault: ${words}`, async () => {
    await using world = await CommandWorld.make();
    const run = () => world.run(runConfig, args);
    const { faults } = await assertRejects(run, ConfigError);
    assertStringIncludes(faults.join(), words);
    assertEquals(
      faults.join().includes("__proto__"),
      words.includes("__proto__"),
    );
  });
}

for (
  const [here, module] of [
    ["https://jsr.io/@scope/sigv4-proxy/0.1.0/src/commands/x.ts", JSR_PACKAGE],
    ["file:///opt/a%20b/src/commands/x.ts", "/opt/a b/mod.ts"],
    ["file:///C:/dir/src/commands/x.ts", "C:/dir/mod.ts"],
  ]
) {
  Deno.test(`the package at ${here} is named ${module} in an entry`, () => {
    assertEquals(packageModule(here), module);
  });
}

for (
  const [how, profile] of [["keys of a profile", "keys"], ["a program", "tool"]]
) {
  Deno.test(`started as its entry says, with ${how}, the proxy reaches the target`, async () => {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using world = await CommandWorld.make({ AWS_PROFILE: profile });
    const tool = await world.write(
      "tool.js",
      `console.log(JSON.stringify(${
        JSON.stringify({
          Version: 1,
          AccessKeyId: TEST_CREDENTIALS.accessKeyId,
          SecretAccessKey: TEST_CREDENTIALS.secretAccessKey,
          SessionToken: TEST_CREDENTIALS.sessionToken,
        })
      }));`,
    );
    await world.write(
      ".aws/config",
      `[profile keys]
${KEYS}[profile tool]
credential_process = "${Deno.execPath()}" run --no-config "${tool}"
`,
    );
    // As an installed Deno: an entry for npx's would fetch one of its own.
    const deno = world.path("deno");
    await Deno.symlink(Deno.execPath(), deno);
    const { region, service } = TEST_SCOPE;
    const { words, env } = await zedEntry(
      world,
      [server.url.href, `--region=${region}`, `--service-name=${service}`],
      { program: { command: deno, module: packageModule() } },
    );
    await using line = await commandLine({
      target: server.url,
      home: world.home,
      env: {
        ...NO_KEYS,
        ...env,
      },
    });
    const [command, run, ...args] = words;
    assertEquals(run, "run");
    const child = new Deno.Command(command, {
      args: ["run", "--cached-only", "--frozen", ...args],
      env: line.env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const method = "initialize";
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method,
      params: INITIALIZE_PARAMS,
    };
    await ReadableStream.from([`${JSON.stringify(message)}\n`])
      .pipeThrough(new TextEncoderStream()).pipeTo(child.stdin);
    const { stdout, stderr } = await child.output();
    const [answer, log] = [stdout, stderr]
      .map((bytes) => new TextDecoder().decode(bytes));
    assertStringIncludes(answer, '"name":"test-server"', log);
  });
}

Deno.test("a variable with a relative path leads nowhere, and nothing is written below the working directory", async () => {
  await using world = await CommandWorld.make();
  const write = (name: string, variables: Record<string, string>) =>
    world.run(runConfig, [name, "--write", TARGET], {
      os: "linux",
      env: (name) => ({ HOME: world.home, ...variables })[name],
    });
  for (const client of ["zed", "claude-desktop", "goose", "vscode"]) {
    const { stdout } = await write(client, { XDG_CONFIG_HOME: "here/config" });
    assertStringIncludes(stdout, ` in ${world.home}/.config/`);
  }
  const own = { CLAUDE_CONFIG_DIR: "here", CLINE_DIR: "./here" };
  for (const client of ["claude-code", "cline"]) {
    const { stdout } = await write(client, own);
    assertStringIncludes(stdout, ` in ${world.home}/.cl`);
  }
  for (const HOME of ["here", "./here", "~"]) {
    const { code, stderr } = await write("cursor", { HOME });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "there is no home directory: name the --file");
  }
});
