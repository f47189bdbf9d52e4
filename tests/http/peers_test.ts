/** The official SDKs' clients and servers, with the HTTP server between them. */
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Arrivals } from "../support/arrivals.ts";
import { within } from "../support/time/deadline.ts";
import {
  answerQuestions,
  startEverything,
} from "../support/sdk/everything_server.ts";
import { HttpProxy, TEST_TOKEN } from "../support/program/http_proxy.ts";
import { Sdk2Server } from "../support/sdk/v2_server.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";

const BEARER = { headers: { authorization: `Bearer ${TEST_TOKEN}` } };

interface Connected<C> extends AsyncDisposable {
  readonly client: C;
}

/** A client of version 1 of the SDK at an HTTP server. */
async function connect(
  proxy: HttpProxy,
  configure: (client: Client) => void = () => {},
): Promise<Connected<Client> & { transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: "sdk-client", version: "1.0.0" }, {
    capabilities: { sampling: {}, elicitation: {}, roots: {} },
  });
  configure(client);
  const transport = new StreamableHTTPClientTransport(proxy.url, {
    requestInit: BEARER,
  });
  await client.connect(transport);
  return {
    client,
    transport,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const NEGOTIATIONS = {
  legacy: { mode: "legacy" },
  auto: { mode: "auto" },
  pinned: { mode: { pin: "2026-07-28" } },
} as const;

/** A client of version 2 of the SDK at an HTTP server. */
async function connectModern(
  proxy: HttpProxy,
  mode: keyof typeof NEGOTIATIONS,
  capabilities = {},
): Promise<Connected<ModernClient>> {
  const client = new ModernClient({ name: "sdk2-client", version: "1.0.0" }, {
    capabilities,
    versionNegotiation: NEGOTIATIONS[mode],
  });
  const transport = new ModernTransport(proxy.url, { requestInit: BEARER });
  await client.connect(transport);
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

for (const mode of ["stateful", "stateless"] as const) {
  for (const answers of ["json", "stream"] as const) {
    Deno.test(`the SDK's client talks through the HTTP server to its ${mode} server that answers by ${answers}`, async () => {
      await using server = await SdkServer.start({
        verifier: TEST_VERIFIER,
        mode,
        answers,
      });
      await using proxy = await HttpProxy.start({ target: server.url });
      await using peer = await connect(proxy);
      const { tools } = await peer.client.listTools();
      assert(tools.length > 3);
      const { structuredContent } = await peer.client.callTool({
        name: "add",
        arguments: { a: 2, b: 3 },
      });
      assertEquals(structuredContent, { sum: 5 });
      assert(allSigned(server.gate.records.all));
    });
  }
}

Deno.test("progress comes while a call runs, and a stream that is cut is resumed", async () => {
  await using server = await SdkServer.start({
    verifier: TEST_VERIFIER,
    resumable: true,
    retryMs: 10,
  });
  await using proxy = await HttpProxy.start({ target: server.url });
  await using peer = await connect(proxy);
  const steps = new Arrivals<number>("progress");
  const call = peer.client.callTool(
    { name: "slow", arguments: { steps: 4, onCue: true, cutAfter: 2 } },
    undefined,
    { onprogress: ({ progress }) => steps.add(progress) },
  );
  for (let step = 0; step < 4; step++) {
    server.cues.release();
    await steps.at(step);
  }
  await call;
  assertEquals(steps.all, [1, 2, 3, 4]);
  const resumed = server.gate.records.all.filter((record) =>
    record.header("last-event-id") !== undefined
  );
  assert(resumed.length > 0);
});

Deno.test("the end of a session reaches the server, and its client's next request is told so", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using proxy = await HttpProxy.start({ target: server.url });
  await using peer = await connect(proxy);
  assertEquals(server.sessionIds, [peer.transport.sessionId]);
  await server.dropSessions();
  const error = await assertRejects(() => peer.client.listTools(), Error);
  assertStringIncludes(error.message, "Session not found");
  await using next = await connect(proxy);
  await next.transport.terminateSession();
  assertEquals(server.sessionIds, []);
});

Deno.test("many clients at once keep their sessions and their answers apart", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using proxy = await HttpProxy.start({ target: server.url });
  const CLIENTS = 12;
  const peers = await Promise.all(
    Array.from({ length: CLIENTS }, () => connect(proxy)),
  );
  const ids = new Set(peers.map(({ transport }) => transport.sessionId));
  assertEquals(ids.size, CLIENTS);
  await Promise.all(peers.map(async ({ client }, index) => {
    for (let call = 0; call < 5; call++) {
      const { structuredContent } = await client.callTool({
        name: "add",
        arguments: { a: 100 * index, b: call },
      });
      assertEquals(structuredContent, { sum: 100 * index + call });
    }
  }));
  await Promise.all(peers.map(({ client }) => client.close()));
});

Deno.test("two HTTP servers serve one session by turns", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using one = await HttpProxy.start({ target: server.url });
  await using other = await HttpProxy.start({ target: server.url });
  let count = 0;
  const client = new Client({ name: "sdk-client", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(one.url, {
    requestInit: BEARER,
    fetch: (_url, init) => fetch(count++ % 2 ? one.url : other.url, init),
  });
  await client.connect(transport);
  for (let call = 0; call < 6; call++) {
    assert((await client.listTools()).tools.length > 0);
  }
  await client.close();
  assertEquals(server.sessionCount, 1);
});

for (const eras of ["legacy", "dual", "modern"] as const) {
  for (const mode of ["legacy", "auto", "pinned"] as const) {
    const era = eras === "legacy" || mode === "legacy" ? "legacy" : "modern";
    const isPossible = !(eras === "modern" && mode === "legacy") &&
      !(eras === "legacy" && mode === "pinned");
    Deno.test(`a ${mode} client of SDK 2 at a ${eras} server ${isPossible ? `lands in the ${era} era` : "is refused"}`, async () => {
      await using server = await Sdk2Server.start({
        verifier: TEST_VERIFIER,
        eras,
      });
      await using proxy = await HttpProxy.start({ target: server.url });
      if (!isPossible) {
        await assertRejects(
          () => connectModern(proxy, mode),
          Error,
          mode === "legacy" ? "Unsupported protocol version" : "did not offer",
        );
        return;
      }
      await using peer = await connectModern(proxy, mode);
      const { content } = await peer.client.callTool({
        name: "era",
        arguments: {},
      });
      assertStringIncludes(JSON.stringify(content), era);
      assert(allSigned(server.gate.records.all));
    });
  }
}

Deno.test("parameters mirrored in headers, input asked for in rounds, and cancelling work in the modern era", async () => {
  await using server = await Sdk2Server.start({
    verifier: TEST_VERIFIER,
    eras: "modern",
  });
  await using proxy = await HttpProxy.start({ target: server.url });
  await using peer = await connectModern(proxy, "pinned", { elicitation: {} });
  const { client } = peer;
  client.setRequestHandler("elicitation/create", () => ({
    action: "accept" as const,
    content: { name: "Ulm" },
  }));
  await client.listTools();
  const routed = await client.callTool({
    name: "route",
    arguments: { region: " süd ", level: 3 },
  });
  assertStringIncludes(JSON.stringify(routed.content), " süd ");
  const asked = await client.callTool({ name: "ask", arguments: {} });
  assertStringIncludes(JSON.stringify(asked.content), "It is Ulm");

  const cancel = new AbortController();
  const slow = client.callTool(
    { name: "slow", arguments: {} },
    { signal: cancel.signal },
  );
  await server.cues.started.find(({ tool }) => tool === "slow");
  cancel.abort("enough");
  await assertRejects(() => slow);
  await server.cues.cancelled.find(({ tool }) => tool === "slow");
});

Deno.test("a subscription stays open through the HTTP server, and tells what changes", async () => {
  await using server = await Sdk2Server.start({
    verifier: TEST_VERIFIER,
    eras: "modern",
  });
  await using proxy = await HttpProxy.start({ target: server.url });
  await using peer = await connectModern(proxy, "pinned");
  const changed = Promise.withResolvers<void>();
  peer.client.setNotificationHandler(
    "notifications/tools/list_changed",
    () => changed.resolve(),
  );
  const subscription = await peer.client.listen({ toolsListChanged: true });
  server.notify.toolsChanged();
  await within(changed.promise, "the change");
  await subscription.close();
});

Deno.test("server-everything works through the HTTP server: questions to the client, updates, progress", async (t) => {
  await using server = await startEverything();
  await using proxy = await HttpProxy.start({ target: server.url });
  const asked: string[] = [];
  const updated = new Arrivals<string>("resource update");
  await using peer = await connect(proxy, (client) => {
    answerQuestions(client, asked, updated);
  });
  const { client } = peer;
  const call = async (name: string, args: Record<string, unknown> = {}) =>
    JSON.stringify(await client.callTool({ name, arguments: args }));

  await t.step("tools", async () => {
    const { tools } = await client.listTools();
    assert(tools.some(({ name }) => name === "echo"));
    assertStringIncludes(await call("echo", { message: "hällo" }), "hällo");
  });

  await t.step("questions", async () => {
    const sampled = await call("trigger-sampling-request", {
      prompt: "say something",
    });
    assertStringIncludes(sampled, "sampled answer");
    await call("trigger-elicitation-request");
    assert(asked.includes("sampling") && asked.includes("elicitation"));
  });

  await t.step("updates", async () => {
    const uri = "demo://resource/dynamic/text/1";
    await client.subscribeResource({ uri });
    await call("toggle-subscriber-updates");
    assertEquals(await updated.at(0), uri);
    await call("toggle-subscriber-updates");
  });

  await t.step("progress", async () => {
    const steps = new Arrivals<number>("progress");
    const done = client.callTool(
      {
        name: "trigger-long-running-operation",
        arguments: { duration: 1, steps: 3 },
      },
      undefined,
      { onprogress: ({ progress }) => steps.add(progress) },
    );
    await steps.at(2);
    await done;
  });

  await peer.transport.terminateSession();
});
