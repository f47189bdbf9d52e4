/**
 * The npm package as a user has it: installed from its tarball into an empty
 * directory, with an empty home and a cache of Deno's that knows nothing else.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { mcpbManifest } from "../../.ci/mcpb.ts";
import manifest from "../../deno.json" with { type: "json" };
import { filesUnder } from "../repository/markdown.ts";
import {
  hasNpm,
  npmLaunch as launch,
  npmPackage,
  removeNpmPackage,
} from "./npm_package.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { sdkClient } from "../support/sdk/client.ts";
import { SdkServer } from "../support/sdk/server.ts";
import {
  NO_KEYS,
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";
import { tempDir } from "../support/temp_dir.ts";

const ignore = !await hasNpm();
const isWindows = Deno.build.os === "windows";

Deno.test.afterAll(removeNpmPackage);

/** What Claude Desktop reads of a manifest to start a server. */
const FORM = z.object({
  server: z.object({
    mcp_config: z.object({
      command: z.string(),
      args: z.array(z.string()),
      env: z.record(z.string(), z.string()),
    }),
  }),
  user_config: z.record(z.string(), z.unknown()),
});

/** The file of a client. */
const ENTRY = z.record(
  z.string(),
  z.object({
    a: z.object({
      command: z.string(),
      args: z.array(z.string()),
      env: z.record(z.string(), z.string()).optional(),
    }),
  }),
);

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(path));
}

Deno.test({
  name:
    "the package alone connects the official SDK's client to a server that demands signatures",
  ignore,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using peer = await sdkClient(await launch(server));
    const { tools } = await peer.client.listTools();
    assert(tools.some(({ name }) => name === "add"), "it has its tools");
    const { structuredContent } = await peer.client.callTool({
      name: "add",
      arguments: { a: 19, b: 23 },
    });
    assertEquals(structuredContent, { sum: 42 });
    assert(allSigned(server.gate.records.all));
  },
});

Deno.test({
  name: "the package disposes of what the sources dispose of",
  ignore,
  async fn() {
    const { files } = await npmPackage();
    const countIn = async (folder: URL, extension: string) => {
      const paths = await filesUnder(folder, extension);
      const texts = await Promise.all(
        paths.map((path) => Deno.readTextFile(new URL(path, folder))),
      );
      return texts.join("").match(/^ +(?:await )?using \w+ =/gm)?.length ?? 0;
    };
    const src = new URL("../../src/", import.meta.url);
    const declared = await countIn(src, ".ts");
    const kept = await countIn(pathToFileURL(`${files}/lib/`), ".js");
    assert(declared > 0 && kept >= declared, `${kept} of ${declared}`);
  },
});

Deno.test({
  name:
    "Claude Desktop starts it by the manifest of its bundle, and a field that is left empty says nothing",
  ignore,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    const { server: { mcp_config }, user_config } = FORM.parse(
      mcpbManifest("macos"),
    );
    assertEquals([mcp_config.command, mcp_config.args], [
      "node",
      ["${__dirname}/server/sigv4-proxy.cjs"],
    ]);
    const given = { MCP_TARGET_URL: server.url.href, MCP_READ_ONLY: true };
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...user_config, ...given })) {
      assertEquals(mcp_config.env[name], `\${user_config.${name}}`);
      env[name] = typeof value === "object" ? "" : String(value);
    }
    const { region, service } = TEST_SCOPE;
    await using peer = await sdkClient(
      await launch(server, {
        env,
        // What a host of AWS's would tell.
        bareArgs: ["--region", region, "--service-name", service],
      }),
    );
    const { tools } = await peer.client.listTools();
    // The server says of none that it changes nothing.
    assertEquals(tools, []);
  },
});

for (
  const [client, container] of [
    ["claude-desktop", "mcpServers"],
    ["vscode", "servers"],
  ]
) {
  Deno.test({
    name:
      `what config writes for ${client} starts the package, by exactly what it says`,
    ignore,
    async fn() {
      // Where the package is installed, npx needs no registry to find it.
      const { directory: home } = await npmPackage();
      await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
      const file = join(home, `${client}.json`);
      const { region, service } = TEST_SCOPE;
      const scope = ["--region", region, "--service-name", service];
      const write = ["config", client, "--write", "--file", file];
      await using config = await ProxyProcess.start(
        await launch(server, {
          home,
          bareArgs: [...write, "--name=a", ...scope, server.url.href],
        }),
      );
      assertEquals((await config.status()).code, 0, config.stderr);
      const entry =
        ENTRY.parse(JSON.parse(await Deno.readTextFile(file)))[container].a;
      assert(entry.args.includes(`sigv4-proxy@${manifest.version}`));
      await using peer = await sdkClient(
        await launch(server, {
          home,
          command: [entry.command, ...entry.args],
          bareArgs: [],
          // npm looks for what Windows has elsewhere.
          env: { ...entry.env, APPDATA: Deno.env.get("APPDATA") },
        }),
      );
      const { tools } = await peer.client.listTools();
      assert(tools.length > 0, "it has its tools");
    },
  });
}

Deno.test({
  name:
    "the package depends on the Deno that made it, and runs nothing at install",
  ignore,
  async fn() {
    const { files } = await npmPackage();
    const { name, version, mcpName, license, dependencies, ...rest } =
      await readJson(join(files, "package.json"));
    const [, owner] = manifest.name.split(/[@/]/);
    assertEquals([name, version, mcpName, license, dependencies], [
      "sigv4-proxy",
      manifest.version,
      `io.github.${owner}/sigv4-proxy`,
      "MIT",
      { deno: Deno.version.deno },
    ]);
    assertEquals("scripts" in rest, false);
  },
});

Deno.test({
  name:
    "the package has the licenses of all that it bundles, no MCP SDK and no path of the machine that made it",
  ignore,
  async fn() {
    const { files } = await npmPackage();
    const directory = new URL(`file://${files}/`);
    const scripts = (await filesUnder(directory, "js"))
      .filter((name) => /\.c?js$/.test(name));
    assert(scripts.length > 2, scripts.join());
    const texts = await Promise.all(
      scripts.map((name) => Deno.readTextFile(join(files, name))),
    );
    const code = texts.join("\n");
    assertEquals(code.includes("registry.npmjs.org"), false);
    const root = new URL("../..", import.meta.url).pathname;
    assertEquals(code.includes(root), false);
    const notices = await Deno.readTextFile(
      join(files, "THIRD-PARTY-NOTICES.txt"),
    );
    for (const name of ["@aws-sdk/core", "tough-cookie", "tldts", "yaml"]) {
      assert(new RegExp(`^${name} \\d`, "m").test(notices), name);
    }
    assertEquals(/^@modelcontextprotocol\//m.test(notices), false);
  },
});

Deno.test({
  name:
    "arguments arrive as they are, in a directory whose own settings are not taken up",
  ignore,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    const note = `it's "quoted" & $HOME %PATH% \\ done`;
    await using temp = await tempDir();
    const home = temp.path;
    await Deno.writeTextFile(join(home, "deno.json"), "{ broken");
    await Deno.writeTextFile(join(home, "package.json"), "{ broken");
    await using proxy = await ProxyProcess.start(
      await launch(server, { home, args: ["--header", `x-note: ${note}`] }),
    );
    await proxy.initialize();
    const [record] = server.gate.records.all;
    assertEquals(record.header("x-note"), note);
  },
});

Deno.test({
  name:
    "a cache that cannot be written, shared files elsewhere and a program for credentials are no hindrance",
  ignore: ignore || isWindows,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using temp = await tempDir();
    const home = temp.path;
    const keys = {
      Version: 1,
      AccessKeyId: TEST_CREDENTIALS.accessKeyId,
      SecretAccessKey: TEST_CREDENTIALS.secretAccessKey,
      SessionToken: TEST_CREDENTIALS.sessionToken,
    };
    await Deno.writeTextFile(join(home, "keys"), JSON.stringify(keys));
    await Deno.writeTextFile(
      join(home, "a config"),
      `[default]\ncredential_process = /bin/cat ${home}/keys\n`,
    );
    await using proxy = await ProxyProcess.start(
      await launch(server, {
        home,
        env: {
          ...NO_KEYS,
          AWS_CONFIG_FILE: join(home, "a config"),
          DENO_DIR: "/dev/null/cache",
        },
      }),
    );
    await proxy.initialize();
    assert(allSigned(server.gate.records.all));
  },
});

Deno.test({
  name:
    "where the profile has changed since the start, the error says to start again",
  ignore: ignore || isWindows,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using temp = await tempDir();
    const home = temp.path;
    await using proxy = await ProxyProcess.start(
      await launch(server, {
        home,
        env: NO_KEYS,
      }),
    );
    await proxy.waitForLog(({ text }) => text.includes('"started"'));
    await Deno.mkdir(join(home, ".aws"));
    await Deno.writeTextFile(
      join(home, ".aws", "config"),
      "[default]\ncredential_process = /bin/cat keys\n",
    );
    const { text } = await proxy.request("initialize", {});
    assertStringIncludes(text, "start the proxy again, which then finds");
    assertStringIncludes(text, "--allow-run=/bin/cat");
  },
});

Deno.test({
  name: "its subcommands do what they do elsewhere",
  ignore,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    const { region, service } = TEST_SCOPE;
    const scope = ["--region", region, "--service-name", service];
    for (
      const [args, says] of [
        [["doctor", ...scope, server.url.href], "All is well."],
        [["policy", "--flags", ...scope, server.url.href], "--allow-net="],
        [["completions", "bash"], "complete"],
        [["--version"], manifest.version],
      ] as const
    ) {
      await using program = await ProxyProcess.start(
        await launch(server, { bareArgs: args }),
      );
      const { code } = await program.status(60_000);
      const said = program.frames.all.map(({ text }) => text).join("\n");
      assertEquals(code, 0, said + program.stderr);
      assertStringIncludes(said, says);
    }
  },
});
