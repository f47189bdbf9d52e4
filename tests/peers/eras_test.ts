/** Whole-program tests: the official SDK's client and server, version 2. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  type ClientMode,
  directSdk2Client,
  type Sdk2Client,
  sdk2Client,
  sdk2ClientHere,
} from "../support/sdk/v2_client.ts";
import { Sdk2Server, type ServerEras } from "../support/sdk/v2_server.ts";
import { WATCHED_URI } from "../support/sdk/v2_tools.ts";
import { Arrivals } from "../support/arrivals.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";

/** The era in which a client lands, and its server; or why it does not. */
async function landing(connect: () => Promise<Sdk2Client>): Promise<unknown> {
  let peer: Sdk2Client;
  try {
    peer = await connect();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { error: Reflect.get(error, "code") ?? error.name };
  }
  await using _ended = peer;
  const { client } = peer;
  const { content } = await client.callTool({ name: "era", arguments: {} });
  return {
    client: client.getProtocolEra(),
    version: client.getNegotiatedProtocolVersion(),
    server: content,
  };
}

const MODES: readonly ClientMode[] = ["legacy", "auto", "pinned"];
const ERAS: readonly ServerEras[] = ["legacy", "dual", "modern"];

for (const mode of MODES) {
  for (const eras of ERAS) {
    Deno.test(`the SDK's client in its ${mode} mode lands in the same era of a ${eras} server as without a proxy`, async () => {
      await using server = await Sdk2Server.start({
        verifier: TEST_VERIFIER,
        eras,
      });
      const target = server.url;
      const direct = await landing(() => directSdk2Client({ mode, target }));
      const start = mode === "auto" ? sdk2Client : sdk2ClientHere;
      const proxied = await landing(() => start({ mode, target }));
      if (mode === "legacy" && eras === "modern") {
        // Over HTTP the SDK reports the status, over stdio the target's error.
        assertEquals([direct, proxied], [
          { error: "CLIENT_HTTP_NOT_IMPLEMENTED" },
          { error: -32022 },
        ]);
        return;
      }
      assertEquals(proxied, direct);
      assert(allSigned(server.gate.records.all));
    });
  }
}

/** A modern server, and a client that speaks to it through the program. */
async function modernPeers(
  options: Partial<Parameters<typeof sdk2Client>[0]> = {},
) {
  const server = await Sdk2Server.start({
    verifier: TEST_VERIFIER,
    eras: "modern",
  });
  const peer = await sdk2ClientHere({
    mode: "pinned",
    target: server.url,
    ...options,
  });
  return {
    server,
    client: peer.client,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("tools, resources and prompts of a modern server reach the SDK's client", async () => {
  await using peers = await modernPeers();
  const { client } = peers;
  const { tools } = await client.listTools();
  assertEquals(tools.map(({ name }) => name).sort(), [
    "add",
    "ask",
    "era",
    "route",
    "slow",
  ]);
  const { content } = await client.callTool({
    name: "add",
    arguments: { a: 2, b: 3 },
  });
  assertEquals(content, [{ type: "text", text: "5" }]);
  const { contents } = await client.readResource({ uri: WATCHED_URI });
  assertStringIncludes(JSON.stringify(contents), "what is watched");
  const { messages } = await client.getPrompt({
    name: "greet",
    arguments: { name: "Ada" },
  });
  assertStringIncludes(JSON.stringify(messages), "Hello, Ada");
});

Deno.test("every header of this era is signed", async () => {
  await using peers = await modernPeers();
  const { client, server } = peers;
  await client.listTools();
  const call = { region: "  Zürich", level: -3, dry: true };
  await client.callTool({ name: "route", arguments: call });
  const record = server.gate.records.all.at(-1);
  assert(record?.verdict.ok);
  const names = [
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "mcp-param-region",
    "mcp-param-level",
    "mcp-param-dry",
  ];
  assertEquals(names.map((name) => record.header(name)), [
    "2026-07-28",
    "tools/call",
    "route",
    "=?base64?ICBaw7xyaWNo?=",
    "-3",
    "true",
  ]);
  for (const name of names) {
    assert(record.verdict.signedHeaders.includes(name), `${name} is signed`);
  }
});

Deno.test("a call whose headers the program cannot know yet heals itself, and the SDK's server accepts it", async () => {
  await using peers = await modernPeers();
  const { client, server } = peers;
  // The client lists nothing: only the target knows what it wants mirrored.
  const { content } = await client.callTool({
    name: "route",
    arguments: { region: "here" },
  });
  assertStringIncludes(JSON.stringify(content), "here");
  assertEquals(server.methods.slice(-3), [
    "tools/call",
    "tools/list",
    "tools/call",
  ]);
});

Deno.test("an input_required result is answered by the SDK's client, and its retry by the server", async () => {
  await using peers = await modernPeers({
    capabilities: { elicitation: {} },
    configure: (client) =>
      client.setRequestHandler("elicitation/create", () => ({
        action: "accept",
        content: { name: "Ada" },
      })),
  });
  const { content } = await peers.client.callTool({
    name: "ask",
    arguments: {},
  });
  assertStringIncludes(JSON.stringify(content), "It is Ada");
});

Deno.test("progress reaches the SDK's client, and its cancellation the server, as a closed stream alone", async () => {
  await using peers = await modernPeers();
  const { client, server } = peers;
  const abort = new AbortController();
  const progressed = Promise.withResolvers<void>();
  const call = client.callTool({ name: "slow", arguments: {} }, {
    signal: abort.signal,
    onprogress: () => progressed.resolve(),
  });
  const failed = assertRejects(() => call);
  await progressed.promise;
  abort.abort("enough");
  await failed;
  const { tool } = await server.cues.cancelled.next();
  assertEquals(tool, "slow");
  assertEquals(server.methods.at(-1), "tools/call");
});

Deno.test("a subscription of the SDK's client outlives a cut connection, and ends when the client closes it", async () => {
  const told = new Arrivals<string>("notification");
  await using peers = await modernPeers({
    configure: (client) => {
      client.setNotificationHandler(
        "notifications/tools/list_changed",
        ({ method }) => told.add(method),
      );
      client.setNotificationHandler(
        "notifications/resources/updated",
        ({ params }) => told.add(params.uri),
      );
    },
  });
  const { client, server } = peers;
  const subscription = await client.listen({
    toolsListChanged: true,
    resourceSubscriptions: [WATCHED_URI],
  });
  server.notify.toolsChanged();
  assertEquals(await told.next(), "notifications/tools/list_changed");
  server.gate.dropConnections();
  // Both may have changed while nobody listened.
  assertEquals(await told.next(), "notifications/tools/list_changed");
  assertEquals(await told.next(), WATCHED_URI);
  server.notify.resourceUpdated(WATCHED_URI);
  assertEquals(await told.next(), WATCHED_URI);
  const record = server.gate.records.all.findLast((seen) =>
    seen.rpcMethod() === "subscriptions/listen"
  );
  await subscription.close();
  assertEquals(await record?.ended, "cut");
  assertEquals(server.methods.includes("notifications/cancelled"), false);
});

Deno.test("a probe that the gate refuses reads as legacy, and the initialize that follows names the cause", async () => {
  await using server = await Sdk2Server.start({
    verifier: TEST_VERIFIER,
    eras: "dual",
  });
  const error = await assertRejects(
    () =>
      sdk2Client({
        mode: "auto",
        target: server.url,
        args: ["--timeout", "1s"],
        env: { AWS_SECRET_ACCESS_KEY: "not-the-secret-of-the-test" },
      }),
    Error,
  );
  assertEquals(Reflect.get(error, "code"), -31013);
  assertStringIncludes(error.message, "signature");
});
