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
  const made = await world.run(runConfig, ["goose", "--write", TARGET], {
    program: PROGRAM,
    os: "linux",
  });
  assertEquals(made.code, 0, made.stderr);
  const yaml = parseYaml(
    await Deno.readTextFile(world.path(".config/goose/config.yaml")),
  );
  assertEquals(yaml.extensions.abc123.cmd, PROGRAM.command);

  const elsewhere = world.path("project/.mcp.json");
  const other = await world.run(runConfig, [
    "claude-code",
    `--file=${elsewhere}`,
    "--write",
    TARGET,
  ], { program: PROGRAM });
  assertStringIncludes(
    other.stdout,
    `next: have the client read ${elsewhere} again`,
  );
  assert("mcpServers" in JSON.parse(await Deno.readTextFile(elsewhere)));
});

Deno.test("a file that cannot be understood, and another's entry, are left as they are", async () => {
  await using world = await CommandWorld.make();
  for (
    const [text, words] of [
      ["{ broken", "it is no JSON"],
      [
        '{"mcpServers":{"abc123":{"command":"npx","args":["mcp-sigv4-proxy"]}}}',
        'there is another "abc123"',
      ],
    ]
  ) {
    const path = await world.write(".cursor/mcp.json", text);
    const { code, stdout, stderr } = await world.run(
      runConfig,
      ["cursor", "--write", TARGET],
      { program: PROGRAM },
    );
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, `${path} is left as it is`);
    assertStringIncludes(stderr, words);
    assertEquals(await Deno.readTextFile(path), text);
    assertEquals([...Deno.readDirSync(world.path(".cursor"))].length, 1);
  }
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
