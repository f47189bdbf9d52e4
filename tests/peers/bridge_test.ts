/** Whole-program tests of `--bridge`: every pairing of clients and servers. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Arrivals } from "../support/arrivals.ts";
import { sdkClient } from "../support/sdk/client.ts";
import {
  type ClientMode,
  sdk2Client,
  sdk2ClientHere,
} from "../support/sdk/v2_client.ts";
import { Sdk2Server, type ServerEras } from "../support/sdk/v2_server.ts";
import { WATCHED_URI } from "../support/sdk/v2_tools.ts";
import { SdkServer } from "../support/sdk/server.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { allSigned } from "../support/sigv4/verifier.ts";

const BRIDGE = { args: ["--bridge"] };

Deno.test("a client of version 1 of the SDK works before a server of 2026-07-28 alone", async (t) => {
  await using server = await Sdk2Server.start({
    verifier: TEST_VERIFIER,
    eras: "modern",
  });
  const updated = new Arrivals<string>("resource update");
  const changed = new Arrivals<string>("list change");
  await using peer = await sdkClient({
    ...BRIDGE,
    target: server.url,
    capabilities: { elicitation: {} },
    configure(client) {
      client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
        assertEquals(params.message, "Your name?");
        return { action: "accept", content: { name: "Ada" } };
      });
      client.setNotificationHandler(
        ResourceUpdatedNotificationSchema,
        ({ params }) => updated.add(params.uri),
      );
      client.setNotificationHandler(
        ToolListChangedNotificationSchema,
        ({ method }) => changed.add(method),
      );
    },
  });
  const { client } = peer;
  assertEquals(client.getServerVersion()?.name, "test-server-2");
  assertEquals(client.getInstructions(), "For tests.");

  await t.step("tools, resources, prompts and ping", async () => {
    const { tools } = await client.listTools();
    assert(tools.some(({ name }) => name === "add"));
    const sum = await client.callTool({
      name: "add",
      arguments: { a: 2, b: 3 },
    });
    assertStringIncludes(JSON.stringify(sum), '"5"');
    const { contents } = await client.readResource({ uri: WATCHED_URI });
    assertStringIncludes(JSON.stringify(contents), "what is watched");
    const { messages } = await client.getPrompt({
      name: "greet",
      arguments: { name: "Ada" },
    });
    assertStringIncludes(JSON.stringify(messages), "Hello, Ada");
    await client.ping();
  });

  await t.step("what the server asks within a call", async () => {
    const answer = await client.callTool({ name: "ask", arguments: {} });
    assertStringIncludes(JSON.stringify(answer), "It is Ada");
  });

  await t.step("subscriptions and list changes", async () => {
    await client.subscribeResource({ uri: WATCHED_URI });
    server.notify.resourceUpdated(WATCHED_URI);
    assertEquals(await updated.at(0), WATCHED_URI);
    server.notify.toolsChanged();
    assert(await changed.at(0));
    await client.unsubscribeResource({ uri: WATCHED_URI });
  });

  await t.step("progress, and a call that is cancelled", async () => {
    const progressed = Promise.withResolvers<void>();
    const abort = new AbortController();
    const call = client.callTool(
      { name: "slow", arguments: {} },
      undefined,
      { onprogress: () => progressed.resolve(), signal: abort.signal },
    );
    await progressed.promise;
    abort.abort();
    await assertRejects(() => call);
    await server.cues.cancelled.at(0);
  });

  assert(allSigned(server.gate.records.all));
});

Deno.test("a client of 2026-07-28 alone works before a server of version 1 of the SDK", async (t) => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using peer = await sdk2Client({
    ...BRIDGE,
    mode: "pinned",
    target: server.url,
    capabilities: { elicitation: {} },
    configure(client) {
      client.setRequestHandler("elicitation/create", () => ({
        action: "accept" as const,
        content: { name: "Grace" },
      }));
    },
  });
  const { client } = peer;
  assertEquals(client.getProtocolEra(), "modern");

  await t.step("tools, resources, prompts", async () => {
    const { tools } = await client.listTools();
    assert(tools.some(({ name }) => name === "add"));
    const sum = await client.callTool({
      name: "add",
      arguments: { a: 2, b: 3 },
    });
    assertEquals(sum.structuredContent, { sum: 5 });
    const { resources } = await client.listResources();
    assert(resources.length > 0);
    const { contents } = await client.readResource({ uri: resources[0].uri });
    assertEquals(contents[0].uri, resources[0].uri);
  });

  await t.step("what the server asks within a call", async () => {
    const answer = await client.callTool({
      name: "elicit",
      arguments: { message: "Your name?" },
    });
    assertStringIncludes(JSON.stringify(answer), "Grace");
  });

  await t.step("what the client did not declare is refused", async () => {
    const answer = await client.callTool({ name: "roots", arguments: {} });
    assertEquals(answer.isError, true);
  });
});

interface Peer extends AsyncDisposable {
  readonly client: {
    callTool(params: {
      name: string;
      arguments: Record<string, unknown>;
    }): Promise<unknown>;
  };
}

/** What works for a client before a server: its era, or why it does not. */
async function outcome(connect: () => Promise<Peer>): Promise<string> {
  try {
    await using peer = await connect();
    await peer.client.callTool({ name: "era", arguments: {} });
    return "works";
  } catch {
    return "does not";
  }
}

const MODES: readonly ClientMode[] = ["legacy", "pinned", "auto"];
const ERAS: readonly ServerEras[] = ["legacy", "modern", "dual"];

const NAMES = {
  legacy: 'legacy (`mode: "legacy"`)',
  pinned: "2026-07-28 alone (`mode: { pin }`)",
  auto: 'both (`mode: "auto"`)',
} as const;

Deno.test("docs/eras.md has the table of what works, as it is", async () => {
  const table = [
    "| client | server | without `--bridge` | with `--bridge` |",
    "| --- | --- | --- | --- |",
  ];
  for (const mode of MODES) {
    for (const eras of ERAS) {
      await using server = await Sdk2Server.start({
        verifier: TEST_VERIFIER,
        eras,
      });
      const target = server.url;
      const start = mode === "auto" ? sdk2Client : sdk2ClientHere;
      const plain = await outcome(() => start({ mode, target }));
      const bridged = await outcome(() => start({ ...BRIDGE, mode, target }));
      table.push(`| ${NAMES[mode]} | ${eras} | ${plain} | ${bridged} |`);
    }
  }
  for (const eras of ["legacy", "modern", "dual"] as const) {
    await using server = await Sdk2Server.start({
      verifier: TEST_VERIFIER,
      eras,
    });
    const target = server.url;
    const plain = await outcome(() => sdkClient({ target }));
    const bridged = await outcome(() => sdkClient({ ...BRIDGE, target }));
    table.push(`| version 1 of the SDK | ${eras} | ${plain} | ${bridged} |`);
  }
  const docs = await Deno.readTextFile(
    new URL("../../docs/eras.md", import.meta.url),
  );
  const given = docs.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.replace(/ +/g, " ").replace(/-{3,}/g, "---"));
  const first = given.indexOf(table[0]);
  assertEquals(given.slice(first, first + table.length), table);
});
