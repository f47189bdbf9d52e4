/** The SDK's server behind the gate, driven by the SDK's own client. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Client } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { Arrivals } from "../support/arrivals.ts";
import { aws4Fetch } from "../support/sigv4/aws4_signer.ts";
import { within } from "../support/time/deadline.ts";
import { SdkServer, type SdkServerOptions } from "../support/sdk/server.ts";
import { STATIC_URI } from "../support/sdk/tools.ts";
import { allSigned } from "../support/sigv4/verifier.ts";

const KEY = { accessKeyId: "AKIDTEST", secretAccessKey: "a-secret-for-tests" };
const SCOPE = { region: "eu-west-1", service: "execute-api" };
const OPTIONS: SdkServerOptions = {
  verifier: { ...SCOPE, principals: { AKIDTEST: KEY } },
};

class TestClient implements AsyncDisposable {
  readonly client = new Client({ name: "test", version: "1" }, {
    capabilities: {
      sampling: {},
      elicitation: {},
      roots: { listChanged: true },
    },
  });
  readonly heard = new Arrivals<string>("notification");
  readonly transport: StreamableHTTPClientTransport;

  private constructor(url: URL, key = KEY) {
    this.transport = new StreamableHTTPClientTransport(url, {
      fetch: aws4Fetch(key, SCOPE),
    });
    this.client.setRequestHandler(
      CreateMessageRequestSchema,
      ({ params }) => ({
        role: "assistant" as const,
        model: "none",
        content: {
          type: "text" as const,
          text: `re: ${JSON.stringify(params.messages[0]?.content)}`,
        },
      }),
    );
    this.client.setRequestHandler(
      ElicitRequestSchema,
      () => ({ action: "accept" as const, content: { name: "Ada" } }),
    );
    this.client.setRequestHandler(
      ListRootsRequestSchema,
      () => ({ roots: [{ uri: "file:///root" }] }),
    );
    for (
      const schema of [
        LoggingMessageNotificationSchema,
        ResourceUpdatedNotificationSchema,
        ToolListChangedNotificationSchema,
      ]
    ) {
      this.client.setNotificationHandler(schema, ({ method, params }) => {
        this.heard.add(`${method} ${JSON.stringify(params ?? {})}`);
      });
    }
  }

  static async connect(url: URL, key = KEY): Promise<TestClient> {
    const test = new TestClient(url, key);
    await test.client.connect(test.transport);
    return test;
  }

  /** Calls a tool and gives its text. */
  async call(name: string, args: Record<string, unknown> = {}) {
    const { content } = await this.client.callTool({ name, arguments: args });
    assert(Array.isArray(content));
    return String(content[0]?.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

for (const mode of ["stateful", "stateless"] as const) {
  for (const answers of ["json", "stream"] as const) {
    Deno.test(`a ${mode} server with ${answers} answers does what each tool says`, async () => {
      await using server = await SdkServer.start({ ...OPTIONS, mode, answers });
      await using test = await TestClient.connect(server.url);
      assertEquals(test.transport.sessionId !== undefined, mode === "stateful");
      assertEquals(server.sessionCount, mode === "stateful" ? 1 : 0);
      assertEquals(await test.call("echo", { text: "ab", times: 3 }), "ababab");
      assertEquals(await test.call("echo", { value: { n: [1] } }), '{"n":[1]}');
      assertEquals(await test.call("add", { a: 1, b: 2 }), "3");
      assertEquals(await test.call("fail", { message: "no" }), "no");
      assertEquals(await test.call("slow", { steps: 2 }), "2 steps");
      const { tools } = await test.client.listTools();
      assertEquals(
        tools.map(({ name }) => name).join(" "),
        "echo add fail slow hang log ask elicit roots",
      );
      const big = await test.call("echo", {
        text: "x".repeat(1000),
        times: 999,
      });
      assertEquals(big.length, 999_000);
      assert(allSigned(server.gate.records.all));
    });
  }
}

Deno.test("progress comes step by step, on cue", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  const steps = new Arrivals<number>("step");
  const done = test.client.callTool(
    { name: "slow", arguments: { steps: 3, onCue: true } },
    undefined,
    { onprogress: ({ progress }) => steps.add(progress) },
  );
  for (const step of [1, 2, 3]) {
    assertEquals(steps.length, step - 1);
    server.cues.release();
    assertEquals(await steps.next(), step);
  }
  await done;
});

Deno.test("a call that is cancelled is seen to be", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  for (const name of ["hang", "slow"]) {
    const controller = new AbortController();
    const call = assertRejects(() =>
      test.client.callTool(
        { name, arguments: { steps: 1, onCue: true } },
        undefined,
        { signal: controller.signal },
      )
    );
    const { requestId } = await server.cues.started.next();
    controller.abort("enough");
    await call;
    const cancelled = await server.cues.cancelled.next();
    assertEquals(cancelled, { tool: name, requestId, reason: "enough" });
  }
  // A cue goes to who still waits, not to who gave up.
  const slow = test.call("slow", { steps: 1, onCue: true });
  await server.cues.started.next();
  server.cues.release();
  assertEquals(await within(slow, "the call that was released"), "1 steps");
});

Deno.test("the client is asked on the call's own stream and on the standing one", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  await server.standaloneStream();
  for (const standing of [false, true]) {
    const sampled = JSON.parse(
      await test.call("ask", { prompt: "hi", standing }),
    );
    assertEquals(sampled.content.text, 're: {"type":"text","text":"hi"}');
    const elicited = JSON.parse(
      await test.call("elicit", { message: "who?", standing }),
    );
    assertEquals(elicited.content, { name: "Ada" });
    const { roots } = JSON.parse(await test.call("roots", { standing }));
    assertEquals(roots, [{ uri: "file:///root" }]);
  }
});

Deno.test("the standalone stream carries list changes, updates and the log, filtered", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  await server.standaloneStream();
  await server.announce("tools");
  assertEquals(
    await test.heard.next(),
    "notifications/tools/list_changed {}",
  );
  await test.client.subscribeResource({ uri: STATIC_URI });
  assertEquals(await server.cues.subscribed.next(), {
    uri: STATIC_URI,
    isOn: true,
  });
  await server.update("test://item/1");
  await server.update(STATIC_URI);
  assertEquals(
    await test.heard.next(),
    `notifications/resources/updated {"uri":"${STATIC_URI}"}`,
  );
  await test.client.unsubscribeResource({ uri: STATIC_URI });
  await server.update(STATIC_URI);
  await test.client.setLoggingLevel("warning");
  await test.call("log", { level: "info", standing: true });
  await test.call("log", { level: "error", standing: true });
  assertEquals(
    await test.heard.next(),
    'notifications/message {"level":"error","logger":"test","data":{"line":0}}',
  );
  await test.call("log", { count: 2 });
  assertEquals(
    await test.heard.at(4),
    'notifications/message {"level":"info","logger":"test","data":{"line":1}}',
  );
  await test.client.sendRootsListChanged();
  await server.cues.notified.find((method) =>
    method === "notifications/roots/list_changed"
  );
});

Deno.test("resources, templates, prompts and completion are there", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  const { client } = test;
  const { resources } = await client.listResources();
  assertEquals(resources.map(({ uri }) => uri), [
    STATIC_URI,
    "test://item/1",
    "test://item/2",
  ]);
  const { resourceTemplates } = await client.listResourceTemplates();
  assertEquals(resourceTemplates[0]?.uriTemplate, "test://item/{id}");
  const { contents } = await client.readResource({ uri: "test://item/7" });
  assertEquals(contents, [{ uri: "test://item/7", text: "item 7" }]);
  const { messages } = await client.getPrompt({
    name: "greet",
    arguments: { name: "Ada" },
  });
  assertEquals(messages[0]?.content, { type: "text", text: "Hello, Ada" });
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "greet" },
    argument: { name: "name", value: "A" },
  });
  assertEquals(completion.values, ["Ada", "Alan"]);
});

Deno.test("a stream that the server ends early is resumed from its events", async () => {
  await using server = await SdkServer.start({
    ...OPTIONS,
    resumable: true,
    retryMs: 1,
  });
  await using test = await TestClient.connect(server.url);
  const steps: number[] = [];
  await test.client.callTool(
    { name: "slow", arguments: { steps: 4, cutAfter: 2 } },
    undefined,
    { onprogress: ({ progress }) => steps.push(progress) },
  );
  assertEquals(steps, [1, 2, 3, 4]);
  const resumed = await server.gate.records.find((record) =>
    record.header("last-event-id") !== undefined
  );
  assertEquals(resumed.method, "GET");
});

Deno.test("after a restart the port is the same, the sessions are gone", async () => {
  await using server = await SdkServer.start(OPTIONS);
  const { href } = server.url;
  await using test = await TestClient.connect(server.url);
  await server.restart();
  assertEquals(server.url.href, href);
  assertEquals(server.sessionIds, []);
  await assertRejects(
    () => test.call("echo", { text: "a" }),
    Error,
    "Session not found",
  );
  await using again = await TestClient.connect(server.url);
  assertEquals(await again.call("echo", { text: "a" }), "a");
  assertEquals(server.sessionCount, 2);
});

Deno.test("dropped sessions answer 404 until the client initialises again", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  await test.call("echo", { text: "a" });
  await server.dropSessions();
  await assertRejects(
    () => test.call("echo", { text: "a" }),
    Error,
    "Session not found",
  );
});

Deno.test("a session that the client ends is gone", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await using test = await TestClient.connect(server.url);
  assertEquals(server.sessionIds, [test.transport.sessionId]);
  await test.transport.terminateSession();
  assertEquals(server.sessionIds, []);
});

Deno.test("a client with a wrong key is not let in", async () => {
  await using server = await SdkServer.start(OPTIONS);
  await assertRejects(
    () => TestClient.connect(server.url, { ...KEY, secretAccessKey: "wrong" }),
    Error,
    "The request signature we calculated does not match",
  );
  assertEquals(server.sessionCount, 0);
});

Deno.test("a body that is not JSON gets the SDK's parse error", async () => {
  await using server = await SdkServer.start({ ...OPTIONS, mode: "stateless" });
  const response = await aws4Fetch(KEY, SCOPE)(server.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: "{nonsense",
  });
  assertEquals(response.status, 400);
  assertEquals((await response.json()).error.code, -32700);
});
