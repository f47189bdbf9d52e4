import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runSubcommand } from "../../../src/commands/run.ts";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import { IamGate } from "../../support/iam_gate.ts";
import { error, mcp, result } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { SdkServer } from "../../support/sdk_server.ts";
import {
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../../support/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose, Findings, SCOPE } from "./run.ts";
import { startSts, TEST_CALLER } from "./sts_peer.ts";

Deno.test("the doctor finds all well with a target that works, ends its session, and exits with 0", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 0, outcome.stdout);
  assertEquals(
    Object.fromEntries(outcome.steps.map(({ id, status }) => [id, status])),
    {
      configuration: "ok",
      permissions: "ok",
      credentials: "ok",
      identity: "ok",
      proxies: "ok",
      dns: "ok",
      connect: "ok",
      tls: "note",
      clock: "ok",
      initialize: "ok",
      tools: "ok",
      end: "ok",
    },
  );
  assertEquals(outcome.step("identity").facts, { ...TEST_CALLER });
  assertEquals(outcome.step("tools").facts.count, 9);
  assertStringIncludes(outcome.step("initialize").detail, "test-server 1.0.0");
  assertEquals(server.sessionCount, 1);
  assertEquals(server.sessionIds, []);
  assertEquals(sts.records.all.map(({ verdict }) => verdict.ok), [true]);
});

Deno.test("the doctor's text has a line a step, marks and times, and neither colour nor secret", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
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

Deno.test("a faulty configuration is the first step's fault, all of it, and the rest is skipped", async () => {
  await using world = await CommandWorld.make();
  const outcome = await world.run(runDoctor, [
    "--sig-version",
    "v5",
    "https://mcp.example/mcp",
    "--json",
  ]);
  assertEquals(outcome.code, 1);
  const [first, ...others] = new Findings(outcome).steps;
  const told = [first.detail, ...first.advice].join("\n");
  for (const words of ["signature version", "region is", "service name is"]) {
    assertStringIncludes(told, words);
  }
  assertEquals([...new Set(others.map(({ status }) => status))], ["skipped"]);
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

Deno.test("without credentials the doctor says what to run, tries the way to the target, and signs nothing", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make();
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 1);
  assertEquals(outcome.step("credentials").status, "failed");
  assertStringIncludes(outcome.step("credentials").detail, "aws configure");
  assertEquals(outcome.step("identity").status, "skipped");
  assertEquals(outcome.step("connect").status, "ok");
  assertEquals(outcome.step("initialize").status, "skipped");
  assertStringIncludes(outcome.step("initialize").detail, "credentials");
  assertEquals(server.gate.records.all.map(({ method }) => method), ["HEAD"]);
});

Deno.test("with --skip-auth and no credentials, the target is asked all the same", async () => {
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make();
  const outcome = await diagnose(world, server.url, "--skip-auth");
  assertEquals(outcome.step("credentials").status, "note");
  assertEquals(outcome.step("initialize").status, "ok");
  const posted = server.requests.all.filter(({ method }) => method === "POST");
  assertEquals(posted[0].header("authorization"), undefined);
});

Deno.test("a target that refuses the principal is told in IAM's words, with the action to allow", async () => {
  const principal = "arn:aws:sts::123456789012:assumed-role/tests/session";
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    refuse: () => ({
      type: "AccessDeniedException",
      message: `User: ${principal} is not authorized to perform: ` +
        "execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:" +
        "123456789012:abc/prod/POST/mcp",
    }),
    handler: () => {},
  });
  await using world = await CommandWorld.make(TEST_KEYS);
  const outcome = await diagnose(world, new URL("/mcp", gate.origin));
  assertEquals(outcome.code, 1);
  const { status, detail, facts } = outcome.step("initialize");
  assertEquals(status, "failed");
  assertStringIncludes(detail, `${principal} may not do execute-api:Invoke`);
  assertStringIncludes(detail, "allow execute-api:Invoke");
  assertEquals(facts.reason, "signature");
  assertEquals(outcome.step("tools").status, "skipped");
});

Deno.test("credentials that STS does not know are a fault of the identity", async () => {
  await using sts = await startSts();
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ACCESS_KEY_ID: "AKIDNOBODYKNOWS00001",
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 1);
  const { status, detail } = outcome.step("identity");
  assertEquals(status, "failed");
  assertStringIncludes(detail, "does not know the access key AKID…0001");
});

Deno.test("an STS that is not reached is a note, and no fault", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using gone = await startSts();
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: gone.origin.href,
  });
  await gone.stop();
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 0, outcome.stdout);
  assertEquals(outcome.step("identity").status, "note");
});

Deno.test("an STS whose answer has no end is a note, and is not read for ever", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  const chunk = "x".repeat(64 * 1024);
  let chunks = 0;
  await using sts = await startSts({
    handler: (_request, response) => {
      const write = () => {
        do chunks++; while (response.write(chunk));
      };
      response.on("drain", write);
      write();
    },
  });
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 0, outcome.stdout);
  const { status, detail } = outcome.step("identity");
  assertEquals(status, "note");
  assertStringIncludes(detail, "byte size limit");
  // What the system's own buffers take comes on top.
  assert(chunks < 500, `${chunks} of 64 KiB were taken`);
});

for (
  const [ahead, status, words] of [
    [10 * 60_000, "failed", "behind STS's"],
    [-10 * 60_000, "failed", "ahead of STS's"],
    [2 * 60_000, "ok", "behind STS's"],
    [0, "ok", "the same as STS's"],
  ] as const
) {
  Deno.test(`a clock that AWS's is ${ahead / 60_000} min ahead of is ${status}`, async () => {
    await using sts = await startSts({
      verifier: {
        ...TEST_VERIFIER,
        service: "sts",
        clock: () => Date.now() + ahead,
      },
    });
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    await using world = await CommandWorld.make({
      ...TEST_KEYS,
      AWS_ENDPOINT_URL_STS: sts.origin.href,
    });
    const outcome = await diagnose(world, server.url);
    const clock = outcome.step("clock");
    assertEquals(clock.status, status);
    assertStringIncludes(clock.detail, words);
    assertEquals(outcome.code, status === "failed" ? 1 : 0);
  });
}

Deno.test("where STS says nothing, the clock is compared with the target's", async () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  await using server = await RawServer.start(mcp({
    HEAD: (_none, reply) => reply.status(405, { date }),
  }));
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: "http://127.0.0.1:9",
  });
  const outcome = await diagnose(world, server.url);
  const { status, detail } = outcome.step("clock");
  assertEquals(status, "failed");
  assertStringIncludes(detail, "behind the target's");
});

Deno.test("a server of the era without handshakes is greeted by server/discover, and its tools are counted over all pages", async () => {
  await using server = await RawServer.start(mcp({
    "initialize": (message, reply) =>
      reply.json(error(message, -32601, "Method not found"), 400),
    "server/discover": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: { tools: {} },
        _meta: {
          "io.modelcontextprotocol/serverInfo": { name: "new", version: "2" },
        },
        ttlMs: 0,
        cacheScope: "private",
      })),
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        tools: message.params.cursor === undefined
          ? [tool("a"), tool("b")]
          : [tool("c")],
        ...(message.params.cursor === undefined ? { nextCursor: "2" } : {}),
        ttlMs: 0,
        cacheScope: "private",
      })),
  }));
  await using world = await CommandWorld.make(TEST_KEYS);
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 0, outcome.stdout);
  assertStringIncludes(
    outcome.step("initialize").detail,
    "new 2, MCP 2026-07-28",
  );
  assertEquals(outcome.step("initialize").facts.era, "modern");
  assertEquals(outcome.step("tools").facts.names, ["a", "b", "c"]);
  assertEquals(outcome.step("end").detail, "there was no session");
  assertEquals(
    server.requests.all.some(({ method }) => method === "DELETE"),
    false,
  );
});

Deno.test("each profile that calls may name is looked at, and what --read-only hides is not counted", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  await using world = await CommandWorld.make({
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  await world.write(
    ".aws/credentials",
    `[one]
aws_access_key_id = ${TEST_CREDENTIALS.accessKeyId}
aws_secret_access_key = ${TEST_CREDENTIALS.secretAccessKey}
aws_session_token = ${TEST_CREDENTIALS.sessionToken}
`,
  );
  const outcome = await diagnose(
    world,
    server.url,
    "--profile=one",
    "--profile=two",
    "--read-only",
  );
  assertEquals(outcome.code, 1);
  assertEquals(outcome.step("identity").status, "ok");
  const other = outcome.step("profile");
  assertEquals([other.status, other.facts.profile], ["failed", "two"]);
  assertStringIncludes(other.detail, 'profile "two"');
  assert(Number(outcome.step("tools").facts.count) < 9);
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
  await using world = await CommandWorld.make(TEST_KEYS);
  const header = `--header=X-Key: ${secret}`;
  const outcome = await diagnose(world, server.url, header);
  assertEquals(
    outcome.step("initialize").facts.serverName,
    "for [redacted]",
  );
  assertEquals(outcome.step("tools").facts.names, ["[redacted]"]);
  assertEquals(outcome.stdout.includes(secret), false);
});

Deno.test("a target that never answers is given up after --timeout", async () => {
  await using server = await RawServer.start(mcp({
    initialize: (_message, reply) => reply.hang(),
  }));
  await using world = await CommandWorld.make(TEST_KEYS);
  const outcome = await diagnose(world, server.url, "--timeout", "300ms");
  assertEquals(outcome.code, 1);
  const { status, facts } = outcome.step("initialize");
  assertEquals([status, facts.reason], ["failed", "timeout"]);
});

Deno.test("--help of the doctor is its own", async () => {
  await using world = await CommandWorld.make();
  const { code, stdout } = await world.run(
    (args, context) => runSubcommand("doctor", args, context),
    ["--help"],
  );
  assertEquals(code, 0);
  assertStringIncludes(stdout, "sigv4-proxy doctor");
  assertStringIncludes(stdout, "--json");
});

function tool(name: string): unknown {
  return { name, inputSchema: { type: "object" } };
}

Deno.test("the doctor says that a + in the target's query is a blank", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await diagnose(world, new URL(`${server.url.href}?t=a+b`));
  assertStringIncludes(
    outcome.step("configuration").advice?.join() ?? "",
    "write %2B for a plus sign",
  );
});

Deno.test("the doctor says which variable, or which file and line, each setting is from", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  const { accessKeyId, secretAccessKey, sessionToken } = TEST_CREDENTIALS;
  const url = new URL(server.url.href);
  const endpoints = { AWS_ENDPOINT_URL_STS: sts.origin.href };
  {
    await using world = await CommandWorld.make({ ...TEST_KEYS, ...endpoints });
    const outcome = await diagnose(world, url);
    assertStringIncludes(
      outcome.step("configuration").detail,
      "region from --region, no profile",
    );
    assertStringIncludes(
      outcome.step("credentials").detail,
      ", from AWS_ACCESS_KEY_ID",
    );
  }
  await using world = await CommandWorld.make({
    ...endpoints,
    AWS_PROFILE: "dev",
  });
  await world.write(".aws/config", "[profile dev]\nregion = us-east-1\n");
  await world.write(
    ".aws/credentials",
    `[other]\n[dev]\naws_access_key_id = ${accessKeyId}\n` +
      `aws_secret_access_key = ${secretAccessKey}\n` +
      `aws_session_token = ${sessionToken}\n`,
  );
  const outcome = await diagnose(world, url);
  assertEquals(
    outcome.step("configuration").facts.profileFrom,
    'profile "dev" from AWS_PROFILE',
  );
  assertStringIncludes(
    outcome.step("credentials").detail,
    `, from profile "dev", aws_access_key_id (${world.home}/.aws/credentials ` +
      "line 3)",
  );
});

Deno.test("what a server asks of the doctor is refused, and its answer is waited for", async () => {
  const { promise: refused, resolve } = Promise.withResolvers<unknown>();
  await using server = await RawServer.start(mcp({
    "tools/list": async (message, reply) => {
      const stream = await reply.sse();
      await stream.message({ jsonrpc: "2.0", id: 1, method: "roots/list" });
      await refused;
      await stream.message(result(message, { tools: [tool("a")] }));
      await stream.end();
    },
    "response": async (message, reply) => {
      resolve(message);
      await reply.status(202);
    },
  }));
  await using world = await CommandWorld.make(TEST_KEYS);
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.step("tools").detail, "1 tool");
  assertEquals(await refused, {
    jsonrpc: "2.0",
    id: 1,
    error: { code: -32601, message: "not offered" },
  });
});
