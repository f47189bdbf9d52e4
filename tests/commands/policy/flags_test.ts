import { assertEquals, assertStringIncludes } from "@std/assert";
import { runPolicy } from "../../../src/commands/policy/policy.ts";
import { CommandWorld, TARGET } from "../command_world.ts";
import { Authority } from "../../support/net/certificates.ts";
import type { Outcome } from "../../support/program/outcome.ts";

/** What `policy --flags` prints for the usual target. */
function flagsIn(world: CommandWorld, ...args: string[]): Promise<Outcome> {
  return world.run(runPolicy, ["--flags", ...args, TARGET]);
}

Deno.test("flags for a profile that is nowhere are printed with a warning", async () => {
  await using world = await CommandWorld.make();
  await world.write(".aws/config", "[profile work]\nregion = eu-west-1\n");
  const warningFor = async (profile: string) => {
    const { code, stdout, stderr } = await flagsIn(world, "--profile", profile);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "--no-prompt --allow-net=abc123.");
    return stderr;
  };
  assertStringIncludes(await warningFor("nope"), 'no profile "nope"');
  assertEquals(await warningFor("work"), "");
});

Deno.test("flags for shared files that cannot be understood are printed with a warning", async () => {
  await using world = await CommandWorld.make();
  const path = await world.write(".aws/config", "[default\n");
  const { code, stdout, stderr } = await flagsIn(world);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "--allow-read=");
  assertStringIncludes(stderr, "note: the Deno flags may lack something: ");
  assertStringIncludes(stderr, `${path} line 1: `);
});

Deno.test("flags that allow more than is needed, for a comma in a path, say so", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const file = await world.write("my, own/header", "X-Team: blue\n");
  const { stdout, stderr } = await flagsIn(world, "--header-file", file);
  assertStringIncludes(stdout, `--allow-read=${world.home}\n`);
  assertStringIncludes(stderr, `allows more than '${file}'`);
});

Deno.test("with --flags, stdout has the Deno flags alone, quoted for a shell", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const { code, stdout, stderr } = await flagsIn(world);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    "--no-prompt " +
      "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443 " +
      "'--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy'\n",
  );
});

Deno.test("with the keys in the environment, the flags have the shared files where these tell the region", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  for (
    const target of [
      ["--service", "execute-api", "https://mcp.example/mcp"],
      // There it is the region of the calls.
      ["https://aws-mcp.us-east-1.api.aws/mcp"],
    ]
  ) {
    const { stdout } = await world.run(runPolicy, ["--flags", ...target], {
      profileRegion: () => Promise.resolve("eu-west-1"),
    });
    assertStringIncludes(stdout, `--allow-read=${world.home}/.aws/config`);
  }
});

Deno.test("with the keys in the environment, the flags have the shared files where these name certificates", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const { cert } = new Authority({ name: "Test roots" });
  const roots = await world.write("roots.pem", cert);
  const config = await world.write(
    ".aws/config",
    `[default]\nca_bundle = ${roots}\n`,
  );
  const { stdout } = await world.run(runPolicy, ["--flags", TARGET]);
  assertStringIncludes(stdout, `--allow-read=${roots},${config},`);
});
