import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { runConfig } from "../../../src/commands/client/config.ts";
import { CommandWorld, PROGRAM, TARGET } from "../command_world.ts";

Deno.test("--write merges into the client's file, keeps a copy, and does nothing the second time", async () => {
  await using world = await CommandWorld.make();
  const before = `{
  // my servers
  "mcpServers": {
    "other": { "command": "other" }
  }
}
`;
  const path = await world.write(".cursor/mcp.json", before);
  const write = () =>
    world.run(runConfig, ["cursor", "--write", "--name", "aws", TARGET], {
      program: PROGRAM,
    });
  const first = await write();
  assertEquals(first.code, 0, first.stderr);
  const [, backup = ""] = /as it was: (\S+)/.exec(first.stdout) ?? [];
  assertEquals(await Deno.readTextFile(backup), before);
  const after = await Deno.readTextFile(path);
  assertStringIncludes(after, "// my servers");
  assertStringIncludes(after, `"other": { "command": "other" },\n`);
  assertStringIncludes(after, `"aws": {\n`);
  const second = await write();
  assertStringIncludes(second.stdout, "already");
  assertEquals(await Deno.readTextFile(path), after);
  assertEquals([...Deno.readDirSync(world.path(".cursor"))].length, 2);
});

Deno.test("--write makes the file where there is none, and --file says another place", async () => {
  await using world = await CommandWorld.make();
  const changes = { program: PROGRAM, os: "linux" } as const;
  const write = ["--write", TARGET];
  const made = await world.run(runConfig, ["goose", ...write], changes);
  assertEquals(made.code, 0, made.stderr);
  const file = world.path(".config/goose/config.yaml");
  const yaml = parseYaml(await Deno.readTextFile(file));
  assertEquals(yaml.extensions.abc123.cmd, PROGRAM.command);

  const elsewhere = world.path("project/.mcp.json");
  const args = ["claude-code", `--file=${elsewhere}`, ...write];
  const { stdout } = await world.run(runConfig, args, changes);
  assertStringIncludes(stdout, `next: have the client read ${elsewhere} again`);
  assert("mcpServers" in JSON.parse(await Deno.readTextFile(elsewhere)));
});

Deno.test("a file that cannot be understood is left as it is, with no copy", async () => {
  await using world = await CommandWorld.make();
  const path = await world.write(".cursor/mcp.json", "{ broken");
  const args = ["cursor", "--write", TARGET];
  const { code, stdout, stderr } = await world.run(runConfig, args);
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(stderr, `${path} is left as it is: it is no JSON`);
  assertEquals(await Deno.readTextFile(path), "{ broken");
  assertEquals([...Deno.readDirSync(world.path(".cursor"))].length, 1);
});

for (
  const [target, name, ...flags] of [
    ["https://aws-mcp.us-east-1.api.aws/mcp", "aws-mcp"],
    ["https://www.mcp.example/x", "www-mcp", "--service=a", "--region=b"],
    ["http://127.0.0.1:8080/mcp", "sigv4-proxy", "--service=a", "--region=b"],
    [
      "https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-west-2%3A123456789012%3Aruntime%2Ftools-AbC/invocations",
      "tools-AbC",
    ],
  ]
) {
  Deno.test(`the server at ${target} is called ${name}`, async () => {
    await using world = await CommandWorld.make();
    const { stdout } = await world.run(runConfig, ["cursor", target, ...flags]);
    assertEquals(Object.keys(JSON.parse(stdout).mcpServers), [name]);
  });
}
