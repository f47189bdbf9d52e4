/** Whole-program tests: the sessions of AgentCore runtimes in 2026-07-28. */
import { assert, assertEquals } from "@std/assert";
import {
  awsWorld,
  HTTP_MODE,
  post,
  withConfig,
} from "../../support/aws/aws_world.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import { mcp, type McpHandler, result } from "../../support/raw/mcp.ts";
import type { RawServer } from "../../support/raw/server.ts";
import { KEYS } from "../../support/aws/test_identity.ts";

const RUNTIME = {
  host: "bedrock-agentcore.us-east-1.amazonaws.com",
  scope: { region: "us-east-1", service: "bedrock-agentcore" },
  path: "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A" +
    "111122223333%3Aruntime%2Fmine-AbC123/invocations?qualifier=DEFAULT",
};
const SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id";

/** The sessions of the requests so far, all of which were rightly signed. */
function sessionsOf({ requests }: RawServer): (string | undefined)[] {
  for (const request of requests.all) {
    assertEquals(request.verdict?.ok, true);
    const signed = request.header("authorization")?.includes(
      SESSION.toLowerCase(),
    );
    assertEquals(signed, request.header(SESSION) !== undefined);
  }
  return requests.all.map((request) => request.header(SESSION));
}

/** Listens, lists, calls and cancels, as a client of 2026-07-28 does. */
async function useModern(proxy: ProxyProcess, args = {}): Promise<void> {
  await proxy.request("server/discover", modern());
  await proxy.request("tools/list", modern());
  const call = { name: "n", arguments: args };
  await proxy.request("tools/call", modern(call));
}

Deno.test("without sessions of MCP, all of a client's requests to an AgentCore runtime are of one of its own", async () => {
  const { host, scope, path } = RUNTIME;
  const ids: (string | undefined)[] = [];
  for (let count = 0; count < 2; count++) {
    await using w = await awsWorld(host, scope, { path });
    await useModern(w.proxy);
    const sessions = sessionsOf(w.server);
    assertEquals(sessions.length, 3);
    assertEquals(new Set(sessions).size, 1);
    const [id = ""] = sessions;
    assert(id.length >= 33, id);
    assertEquals(w.proxy.stderr.includes(id), false);
    ids.push(id);
  }
  assertEquals(new Set(ids).size, 2);
});

Deno.test("an AgentCore runtime gets no session made up where MCP has sessions, where the user names one, and where it is no runtime", async () => {
  const { host, scope, path } = RUNTIME;
  await using legacy = await awsWorld(host, scope, { path });
  await legacy.proxy.initialize();
  await legacy.proxy.request("ping");
  assertEquals(new Set(sessionsOf(legacy.server)), new Set([undefined]));

  const mine = "a-session-of-the-user's-own-0123456789";
  const args = ["--header", `${SESSION.toLowerCase()}: ${mine}`];
  await using given = await awsWorld(host, scope, { path, args });
  await useModern(given.proxy);
  assertEquals(new Set(sessionsOf(given.server)), new Set([mine]));

  await using gateway = await awsWorld(`gw.gateway.${host}`, scope);
  await useModern(gateway.proxy);
  assertEquals(new Set(sessionsOf(gateway.server)), new Set([undefined]));
});

Deno.test("another identity's requests to an AgentCore runtime are of another session", async () => {
  const { host, scope, path } = RUNTIME;
  const config = `[profile one]\n${KEYS}\n[profile two]\n${KEYS}`;
  await withConfig(config, async (home) => {
    const args = ["--profile", "one", "--profile", "two"];
    await using w = await awsWorld(host, scope, { path, args, home });
    await useModern(w.proxy);
    await useModern(w.proxy, { aws_profile: "two" });
    await useModern(w.proxy, { aws_profile: "two" });
    const calls = w.server.requests.all.filter((request) =>
      request.header("mcp-method") === "tools/call"
    ).map((request) => request.header(SESSION));
    assertEquals(calls.length, 3);
    assertEquals([calls[1] === calls[2], calls[0] === calls[1]], [true, false]);
    assertEquals(new Set(sessionsOf(w.server)).size, 2);
  });
});

Deno.test("a client of an older era is of one session through the bridge, too", async () => {
  const { host, scope, path } = RUNTIME;
  const discover: McpHandler = (message, reply) =>
    reply.json(result(message, {
      supportedVersions: ["2026-07-28"],
      capabilities: { tools: {} },
      serverInfo: { name: "raw", version: "1" },
    }));
  const refuse: McpHandler = (_message, reply) => reply.status(400);
  const handler = mcp({ "server/discover": discover, initialize: refuse });
  const args = ["--bridge"];
  await using w = await awsWorld(host, scope, { path, args, handler });
  assert(Object((await w.proxy.initialize()).value).result);
  await w.proxy.request("tools/list");
  await w.proxy.request("tools/call", { name: "n", arguments: {} });
  const modernOnes = w.server.requests.all.filter((request) =>
    request.header("mcp-method") !== undefined
  ).map((request) => request.header(SESSION));
  assert(modernOnes.length >= 3);
  assertEquals(new Set(modernOnes).size, 1);
  assert(modernOnes[0] !== undefined);
});

Deno.test("over HTTP a client's own session of an AgentCore runtime goes on, and none is made up for it", async () => {
  const { host, scope, path } = RUNTIME;
  const call = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/list",
    params: modern(),
  };
  const own = "a-session-of-one-client-0123456789";
  const mine = "a-session-of-the-user's-own-0123456789";
  for (
    const [args, expected] of [
      [[], [own, `${own}-2`, undefined]],
      [["--header", `${SESSION}: ${mine}`], [mine, mine, mine]],
    ] as const
  ) {
    await using w = await awsWorld(host, scope, { path, args, ...HTTP_MODE });
    for (const id of [own, `${own}-2`, undefined]) {
      const headers: Record<string, string> = id ? { [SESSION]: id } : {};
      await (await post(w.proxy, call, headers)).body?.cancel();
    }
    assertEquals(sessionsOf(w.server), [...expected]);
  }
});
