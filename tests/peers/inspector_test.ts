/**
 * The MCP inspector's command line as the client, with the entry that `config`
 * writes. It is 160 MB with its web page, so it is no dependency: the tests are
 * left out unless INSPECTOR_VERSION says which one to fetch from npm.
 */
import { assert, assertEquals } from "@std/assert";
import { runConfig } from "../../src/commands/client/config.ts";
import { CommandWorld } from "../commands/command_world.ts";
import { commandLine } from "../support/program/launch.ts";
import { SdkServer } from "../support/sdk/server.ts";
import {
  KEYS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const VERSION = Deno.env.get("INSPECTOR_VERSION");

/** Has `config` write the inspector's file, for a profile with the test keys. */
async function writeConfig(world: CommandWorld, target: URL): Promise<string> {
  await world.write(
    ".aws/config",
    `[profile keys]\n${KEYS}`,
  );
  const file = world.path("inspector.json");
  const { region, service } = TEST_SCOPE;
  const { code, stderr } = await world.run(runConfig, [
    "cursor",
    "--write",
    `--file=${file}`,
    "--name=my-server",
    `--region=${region}`,
    `--service-name=${service}`,
    target.href,
  ]);
  assertEquals(code, 0, stderr);
  return file;
}

/** What the inspector prints of a request, once it has ended well. */
async function inspect(
  target: URL,
  ...request: string[]
): Promise<Record<string, unknown>> {
  await using world = await CommandWorld.make({ AWS_PROFILE: "keys" });
  await using line = await commandLine({ target, home: world.home });
  const file = await writeConfig(world, target);
  // The inspector hands the home on, and not where Deno keeps its modules.
  const config = JSON.parse(await Deno.readTextFile(file));
  config.mcpServers["my-server"].env.DENO_DIR = line.env.DENO_DIR;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const { code, stdout, stderr } = await outcomeOf(line.command, {
    args: [
      "run",
      "-A",
      "--no-config",
      "--no-lock",
      `npm:@modelcontextprotocol/inspector@${VERSION}`,
      "--cli",
      "--config",
      file,
      "--server",
      "my-server",
      ...request,
    ],
    cwd: world.home,
    // All else is inherited: how npm is reached may be said in any variable.
    env: { ...line.env, MCP_INSPECTOR_SECRET_STORE: "memory" },
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test({
  name:
    "the inspector lists and calls tools of a server that demands signatures",
  ignore: VERSION === undefined,
  async fn() {
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    const { tools } = await inspect(server.url, "--method", "tools/list");
    assert(Array.isArray(tools));
    assert(tools.some(({ name }) => name === "add"), JSON.stringify(tools));
    const { structuredContent } = await inspect(
      server.url,
      "--method",
      "tools/call",
      "--tool-name",
      "add",
      "--tool-arg",
      "a=19",
      "b=23",
    );
    assertEquals(structuredContent, { sum: 42 });
    assert(allSigned(server.gate.records.all));
  },
});
