/** The reference server, driven through the program by the official SDK's client. */
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  LoggingMessageNotificationSchema,
  ProgressNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import {
  assert,
  assertEquals,
  assertGreater,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import { Arrivals } from "../support/arrivals.ts";
import {
  answerQuestions,
  startEverything,
} from "../support/sdk/everything_server.ts";
import { sdkClient } from "../support/sdk/client.ts";

Deno.test("server-everything works through the program, feature by feature", async (t) => {
  await using server = await startEverything();
  const asked: string[] = [];
  const logged = new Arrivals<string>("log message");
  const updated = new Arrivals<string>("resource update");
  await using peer = await sdkClient({
    target: server.url,
    args: ["--sse"],
    capabilities: { sampling: {}, elicitation: {}, roots: {} },
    configure(client) {
      answerQuestions(client, asked, updated);
      client.setNotificationHandler(
        LoggingMessageNotificationSchema,
        ({ params }) => logged.add(params.level),
      );
    },
  });
  const { client } = peer;
  const call = async (name: string, args: Record<string, unknown> = {}) =>
    JSON.stringify(await client.callTool({ name, arguments: args }));

  await t.step("tools", async () => {
    const { tools } = await client.listTools();
    assert(tools.some(({ name }) => name === "echo"));
    assertStringIncludes(await call("echo", { message: "hällo" }), "hällo");
    assertStringIncludes(await call("get-sum", { a: 2, b: 40 }), "42");
    assertStringIncludes(
      await call("get-structured-content", { location: "New York" }),
      "structuredContent",
    );
    assertStringIncludes(await call("get-tiny-image"), "image/png");
  });

  await t.step("resources", async () => {
    const { resources } = await client.listResources();
    assertGreater(resources.length, 0);
    const { contents } = await client.readResource({ uri: resources[0].uri });
    assertEquals(contents[0].uri, resources[0].uri);
    const { resourceTemplates } = await client.listResourceTemplates();
    assertGreater(resourceTemplates.length, 0);
  });

  await t.step("resource updates on the standalone stream", async () => {
    const uri = "demo://resource/dynamic/text/1";
    await client.subscribeResource({ uri });
    await call("toggle-subscriber-updates");
    assertEquals(await updated.at(0), uri);
    await call("toggle-subscriber-updates");
    await client.unsubscribeResource({ uri });
  });

  await t.step("prompts and completion", async () => {
    const { prompts } = await client.listPrompts();
    const names = prompts.map(({ name }) => name);
    assert(names.includes("completable-prompt"), names.join());
    const { messages } = await client.getPrompt({
      name: "args-prompt",
      arguments: { city: "Ulm", state: "BW" },
    });
    assertStringIncludes(JSON.stringify(messages), "Ulm");
    const { completion } = await client.complete({
      ref: { type: "ref/prompt", name: "completable-prompt" },
      argument: { name: "department", value: "E" },
    });
    assertEquals(completion.values, ["Engineering"]);
  });

  await t.step("logging", async () => {
    await client.setLoggingLevel("debug");
    await call("toggle-simulated-logging");
    assert(await logged.at(0));
    await call("toggle-simulated-logging");
  });

  await t.step("progress", async () => {
    // By a handler of its own: the client's drops what comes together with the
    // result.
    const seen = new Arrivals<number>("progress");
    client.setNotificationHandler(
      ProgressNotificationSchema,
      ({ params }) => seen.add(params.progress),
    );
    await client.callTool({
      name: "trigger-long-running-operation",
      arguments: { duration: 0.2, steps: 4 },
      _meta: { progressToken: "token" },
    });
    await seen.at(3);
    assertEquals(seen.all, [1, 2, 3, 4]);
  });

  await t.step("sampling, elicitation and roots", async () => {
    assertStringIncludes(
      await call("trigger-sampling-request", { prompt: "hi", maxTokens: 5 }),
      "sampled answer",
    );
    assertStringIncludes(
      await call("trigger-elicitation-request"),
      "elicited answer",
    );
    assertStringIncludes(await call("get-roots-list"), "rooted");
    assertEquals([...new Set(asked)].sort(), [
      "elicitation",
      "roots",
      "sampling",
    ]);
  });

  await t.step("errors", async () => {
    const answer = await client.callTool({ name: "no-such-tool" });
    assertObjectMatch(answer, { isError: true });
  });

  assertEquals(
    server.gate.records.all.filter(({ verdict }) => !verdict.ok),
    [],
  );
});
