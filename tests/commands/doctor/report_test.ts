import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import { error, mcp, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { SdkServer } from "../../support/sdk/server.ts";
import {
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../../support/aws/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose, SCOPE } from "./run.ts";
import { keysWith, startSts, TEST_CALLER } from "./sts_peer.ts";

Deno.test("the doctor's text has a line a step, marks and times, and neither colour nor secret", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  await using world = await CommandWorld.make(keysWith(sts));
  const { stdout, stderr } = await world.run(runDoctor, [
    `${server.url.href}?key=a-secret-in-the-query`,
    ...SCOPE,
    "--header",
    "X-Key: a-header-secret",
  ]);
  assertEquals(stderr, "");
  const lines = stdout.split("\n");
  for (const id of ["configuration", "credentials", "initialize", "end"]) {
    const line = lines.find((line) => line.slice(2).startsWith(`${id} `));
    assert(/^✓ \w+ +\d+ ms {2}\S/.test(line ?? ""), `${id}: ${line}`);
  }
  assertStringIncludes(stdout, `${TEST_CALLER.arn} (account`);
  assertStringIncludes(stdout, "AKID…L001, temporary");
  assertStringIncludes(stdout, "\nAll is well.\n");
  assertEquals(stdout.includes("\x1b"), false);
  for (
    const secret of [
      ...Object.values(TEST_CREDENTIALS),
      "a-secret-in-the-query",
      "a-header-secret",
      ...server.gate.records.all.map((record) =>
        record.header("authorization")?.split("Signature=")[1] ?? "none-sent"
      ),
    ]
  ) assertEquals(stdout.includes(secret), false, secret);
});

Deno.test("on a terminal the marks are coloured and nothing else is", async () => {
  await using world = await CommandWorld.make();
  const { stdout } = await world.run(runDoctor, ["ftp://x/"], {
    useColor: true,
  });
  const [first = ""] = stdout.split("\n");
  assertEquals(first.startsWith("\x1b[31m✗\x1b[0m configuration "), true);
  const escapes = stdout.split("\x1b").slice(1).map((text) => text.slice(0, 4));
  assertEquals(
    escapes.filter((escape) => !/^\[(?:31m|90m|0m.)/.test(escape)),
    [],
  );
});

Deno.test("after a faulty configuration the text has one line for all other steps", async () => {
  await using world = await CommandWorld.make();
  const { stdout } = await world.run(runDoctor, [
    "https://mcp.example/mcp",
    "--region=eu-west-1",
    "--service=lambda",
    "--log-level=loud",
  ]);
  const lines = stdout.split("\n");
  assert(lines[0].startsWith("✗ configuration "), stdout);
  assertEquals(lines.slice(1).map((line) => line.trim()), [
    "→ correct the command line or the variables: sigv4-proxy --help all " +
    "names the options",
    "- the other steps were not tried",
    "",
    "1 of 12 steps failed, 11 could not be tried.",
    "",
  ]);
});

Deno.test("what a server calls itself can command no terminal", async () => {
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, {
        protocolVersion: "2025-11-25",
        capabilities: {},
        serverInfo: { name: "evil\x1b[2J\r\nname", version: "\u202e1" },
      })),
  }));
  await using world = await CommandWorld.make(TEST_KEYS);
  const { stdout } = await world.run(runDoctor, [server.url.href, ...SCOPE]);
  assertStringIncludes(stdout, "evil?[2J name ?1, MCP");
});

Deno.test("what a target echoes of secrets is not shown", async () => {
  const secrets = [
    TEST_CREDENTIALS.secretAccessKey,
    TEST_CREDENTIALS.sessionToken,
    "a-header-secret-0001",
  ];
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(error(message, -32602, `you sent ${secrets.join(" ")}`)),
    "server/discover": (message, reply) =>
      reply.json(error(message, -32602, "no")),
  }));
  await using world = await CommandWorld.make(TEST_KEYS);
  for (const flags of [[], ["--json"]]) {
    const { code, stdout } = await world.run(runDoctor, [
      server.url.href,
      ...SCOPE,
      "--header",
      "X-Key: a-header-secret-0001",
      ...flags,
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stdout, "you sent [redacted]");
    for (const secret of secrets) assertEquals(stdout.includes(secret), false);
  }
});

Deno.test("no fact for programs holds what a target echoes of secrets", async () => {
  const secret = "a-header-secret-0001";
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: `for ${secret}`, version: "1" },
      })),
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        tools: [{ name: secret, inputSchema: { type: "object" } }],
      })),
  }));
  const header = `--header=X-Key: ${secret}`;
  const outcome = await diagnose(TEST_KEYS, server.url, header);
  assertEquals(outcome.step("initialize").facts.serverName, "for [redacted]");
  assertEquals(outcome.step("tools").facts.names, ["[redacted]"]);
  assertEquals(outcome.stdout.includes(secret), false);
});
