import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import { error, mcp, result, Sessions } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { SdkServer } from "../../support/sdk/server.ts";
import { KEYS, TEST_VERIFIER } from "../../support/aws/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose, Findings } from "./run.ts";
import { KEYS_ALONE, keysWith, startSts, TEST_CALLER } from "./sts_peer.ts";

Deno.test("the doctor finds all well with a target that works, ends its session, and exits with 0", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  const outcome = await diagnose(keysWith(sts), server.url);
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
  const outcome = await diagnose(TEST_KEYS, server.url);
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
  await world.write(".aws/credentials", `[one]\n${KEYS}`);
  const args = ["--profile=one", "--profile=two", "--read-only"];
  const outcome = await diagnose(world, server.url, ...args);
  assertEquals(outcome.code, 1);
  assertEquals(outcome.step("identity").status, "ok");
  const other = outcome.step("profile");
  assertEquals([other.status, other.facts.profile], ["failed", "two"]);
  assertStringIncludes(other.detail, 'profile "two"');
  assert(Number(outcome.step("tools").facts.count) < 9);
});

Deno.test("a target that never answers is given up after --timeout", async () => {
  await using server = await RawServer.start(mcp({
    initialize: (_message, reply) => reply.hang(),
  }));
  const outcome = await diagnose(TEST_KEYS, server.url, "--timeout", "300ms");
  assertEquals(outcome.code, 1);
  const { status, detail, facts } = outcome.step("initialize");
  assertEquals([status, facts.reason], ["failed", "timeout"]);
  // What the doctor's reader has, and no option of the library's.
  assertMatch(detail, /; --(?:idle-)?timeout \(MCP_/);
});

function tool(name: string): unknown {
  return { name, inputSchema: { type: "object" } };
}

Deno.test("the doctor says that a + in the target's query is a blank", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  const outcome = await diagnose(
    keysWith(sts),
    new URL(`${server.url.href}?t=a+b`),
  );
  assertStringIncludes(
    outcome.step("configuration").advice?.join() ?? "",
    "write %2B for a plus sign",
  );
});

Deno.test("the doctor says which variable, or which file and line, each setting is from", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using sts = await startSts();
  const byKeys = await diagnose(keysWith(sts), server.url);
  assertStringIncludes(
    byKeys.step("configuration").detail,
    "region from --region, no profile",
  );
  assertStringIncludes(
    byKeys.step("credentials").detail,
    ", from AWS_ACCESS_KEY_ID",
  );
  await using world = await CommandWorld.make({
    AWS_ENDPOINT_URL_STS: sts.origin.href,
    AWS_PROFILE: "dev",
  });
  await world.write(".aws/config", "[profile dev]\nregion = us-east-1\n");
  await world.write(".aws/credentials", `[other]\n[dev]\n${KEYS}`);
  const outcome = await diagnose(world, server.url);
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
  const outcome = await diagnose(TEST_KEYS, server.url);
  assertEquals(outcome.step("tools").detail, "1 tool");
  assertEquals(await refused, {
    jsonrpc: "2.0",
    id: 1,
    error: { code: -32601, message: "not offered" },
  });
});

Deno.test("the doctor says how a target takes the end of a session: by itself, not at all, and that there was none", async () => {
  const endAt = async (status: number, sessions?: Sessions) => {
    await using server = await RawServer.start(mcp({
      DELETE: (_none, reply) => reply.status(status),
    }, sessions));
    const end = (await diagnose(KEYS_ALONE, server.url)).step("end");
    return [end.status, end.detail];
  };
  const byItself = "the target ends sessions by itself (HTTP 405)";
  assertEquals(await endAt(405, new Sessions()), ["ok", byItself]);
  const faulty = "the target answered with HTTP 500";
  assertEquals(await endAt(500, new Sessions()), ["note", faulty]);
  assertEquals(await endAt(200), ["ok", "there was no session"]);
});
