import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { relative } from "node:path";
import { parse as parseYaml } from "yaml";
import { runConfig } from "../../../src/commands/client/config.ts";
import { CLIENTS, type Place } from "../../../src/commands/client/clients.ts";
import { CLIENT_NAMES } from "../../../src/config/commands.ts";
import { packageModule } from "../../../src/commands/context.ts";
import { ConfigError } from "../../../src/errors.ts";
import { commandLine } from "../../support/launch.ts";
import { INITIALIZE_PARAMS } from "../../support/proxy_process.ts";
import { SdkServer } from "../../support/sdk_server.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../../support/test_identity.ts";
import { JSR_PACKAGE } from "../../../src/version.ts";
import { CommandWorld, PROGRAM, TARGET } from "../command_world.ts";

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

Deno.test("each client is given an entry of its own form, with the narrow permissions", async () => {
  await using world = await CommandWorld.make({ AWS_PROFILE: "work" });
  const args = [
    "run",
    "--no-config",
    `--lock=${world.home}/.cache/deno/sigv4-proxy.lock`,
    "--no-prompt",
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443",
    "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy",
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
  const { stdout, stderr } = await world.run(runConfig, [
    "cursor",
    "--profile=-odd",
    "https://mcp.example/mcp",
    "--service",
    "execute-api",
    "--header",
    "X-A: ${HTTPS_PROXY}",
  ], { program: PROGRAM, os: "linux" });
  const { args, env } = JSON.parse(stdout).mcpServers["mcp-example"];
  assertEquals(args.slice(args.indexOf(PROGRAM.module) + 1), [
    "https://mcp.example/mcp",
    "--sse",
    "--header",
    "X-A: ${HTTPS_PROXY}",
    "--region",
    "us-east-2",
    "--service-name",
    "execute-api",
    "--profile=-odd",
    "--timeout",
    "90s",
  ]);
  assertEquals(env, undefined);
  for (
    const secret of ["a-secret-of-the-environment", "a-proxy-password"]
  ) assertEquals((stdout + stderr).includes(secret), false);
  for (
    const words of ["MCP_HEADERS", "HTTPS_PROXY", "--header", "replace ${NAME}"]
  ) {
    assertStringIncludes(stderr, words);
  }
});

Deno.test("files are named by their whole paths, lists of variables one by one, and variables that headers name are allowed", async () => {
  await using world = await CommandWorld.make({
    MCP_PROFILES: "one, two",
    TEAM_TOKEN: "a-secret-of-the-team",
  });
  const file = await world.write("headers.txt", "X-Team: ${TEAM_TOKEN}\n");
  const { code, stdout, stderr } = await world.run(runConfig, [
    "cursor",
    "--header-file",
    relative(Deno.cwd(), file),
    TARGET,
  ], { program: PROGRAM, os: "linux" });
  assertEquals(code, 0, stderr);
  const { args } = JSON.parse(stdout).mcpServers.abc123;
  assertEquals(args.slice(args.indexOf(TARGET) + 1), [
    "--header-file",
    file,
    "--profile",
    "one",
    "--profile",
    "two",
  ]);
  assertEquals(
    args.find((arg: string) => arg.startsWith("--allow-env=")),
    "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy,TEAM_TOKEN",
  );
  const read = args.find((arg: string) => arg.startsWith("--allow-read="));
  assertStringIncludes(read, file);
  assertEquals((stdout + stderr).includes("a-secret-of-the-team"), false);
});

Deno.test("a compiled program is started as it is, without flags for Deno", async () => {
  await using world = await CommandWorld.make();
  const { stdout } = await world.run(runConfig, ["zed", TARGET], {
    program: { command: "/opt/sigv4-proxy", module: undefined },
  });
  assertEquals(JSON.parse(stdout).context_servers.abc123, {
    command: "/opt/sigv4-proxy",
    args: [TARGET],
  });
});

Deno.test("a client that is not known, and a name that is none, are faults", async () => {
  await using world = await CommandWorld.make();
  const faultOf = async (...args: string[]) => {
    const run = () => world.run(runConfig, args);
    return (await assertRejects(run, ConfigError)).faults.join();
  };
  assertStringIncludes(
    await faultOf("curser", TARGET),
    'unknown client "curser" (did you mean cursor?',
  );
  assertStringIncludes(await faultOf(TARGET), "needs a client first");
  assertStringIncludes(await faultOf(), "claude-desktop");
  assertStringIncludes(await faultOf("zed", "--name", "a b", TARGET), "--name");
  assertStringIncludes(
    await faultOf("zed", "--name", "__proto__", TARGET),
    "another one than __proto__",
  );
  const dotted = await faultOf("zed", "--name", "my.server", TARGET);
  assertStringIncludes(dotted, "of letters, digits, - and _");
  assertEquals(dotted.includes("__proto__"), false);
  assertStringIncludes(await faultOf("zed", "--name"), "needs a value");
  assertStringIncludes(await faultOf("zed"), "target URL is required");
});

Deno.test("a package from JSR is named with its version, one on disk by its path", () => {
  assertEquals(
    packageModule("https://jsr.io/@scope/sigv4-proxy/0.1.0/src/commands/x.ts"),
    JSR_PACKAGE,
  );
  assertEquals(
    packageModule("file:///opt/a%20b/src/commands/x.ts"),
    "/opt/a b/mod.ts",
  );
  assertEquals(
    packageModule("file:///C:/dir/src/commands/x.ts"),
    "C:/dir/mod.ts",
  );
});

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
aws_access_key_id = ${TEST_CREDENTIALS.accessKeyId}
aws_secret_access_key = ${TEST_CREDENTIALS.secretAccessKey}
aws_session_token = ${TEST_CREDENTIALS.sessionToken}
[profile tool]
credential_process = "${Deno.execPath()}" run --no-config "${tool}"
`,
    );
    // As an installed Deno: an entry for npx's would fetch one of its own.
    const deno = world.path("deno");
    await Deno.symlink(Deno.execPath(), deno);
    const printed = await world.run(
      runConfig,
      [
        "cursor",
        server.url.href,
        `--region=${TEST_SCOPE.region}`,
        `--service-name=${TEST_SCOPE.service}`,
      ],
      { program: { command: deno, module: packageModule() } },
    );
    const { command, args, env } = JSON.parse(printed.stdout)
      .mcpServers["sigv4-proxy"];
    await using line = await commandLine({
      target: server.url,
      home: world.home,
      env: {
        AWS_ACCESS_KEY_ID: undefined,
        AWS_SECRET_ACCESS_KEY: undefined,
        AWS_SESSION_TOKEN: undefined,
        ...env,
      },
    });
    assertEquals(args[0], "run");
    const child = new Deno.Command(command, {
      args: ["run", "--cached-only", "--frozen", ...args.slice(1)],
      env: line.env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: INITIALIZE_PARAMS,
    };
    const writer = child.stdin.getWriter();
    await writer.write(
      new TextEncoder().encode(`${JSON.stringify(message)}\n`),
    );
    await writer.close();
    const { stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    assertStringIncludes(
      decoder.decode(stdout),
      '"name":"test-server"',
      decoder.decode(stderr),
    );
  });
}
