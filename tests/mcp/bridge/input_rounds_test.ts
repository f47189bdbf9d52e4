import { assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import {
  bridged,
  legacyTarget,
  modernParams,
  modernTarget,
} from "../../support/stream/bridge_world.ts";
import { within } from "../../support/time/deadline.ts";
import { type McpHandler, result } from "../../support/raw/mcp.ts";

/** A legacy tool that asks `count` questions, one after the other. */
function legacyAsking(count: number, done = Promise.resolve()) {
  const answers = new Map<unknown, (value: unknown) => void>();
  const script: Record<string, McpHandler> = {
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      const got: unknown[] = [];
      for (let n = 0; n < count; n++) {
        const id = `${message.id}-${n}`;
        const { promise, resolve } = Promise.withResolvers<unknown>();
        answers.set(id, resolve);
        await stream.message({
          jsonrpc: "2.0",
          id,
          method: "elicitation/create",
          params: { message: `q${n}` },
        });
        got.push(await promise);
      }
      await done;
      await stream.message(result(message, { content: [], got }));
      await stream.end();
    },
    response: async (message, reply) => {
      await reply.status(202);
      answers.get(message.id)?.(message.result ?? message.error);
    },
  };
  return script;
}

Deno.test("what a legacy target asks within a call becomes input_required, and the retry's answer goes to the suspended call; --timeout stands still meanwhile", async () => {
  using clock = new Clock();
  await using w = await bridged(legacyTarget(legacyAsking(2)), {
    timeoutMs: 60_000,
  });
  const params = modernParams({ name: "x", arguments: {} }, {
    elicitation: {},
  });
  let json = await w.client.ask(1, "tools/call", params);
  for (let round = 0; round < 2; round++) {
    assertEquals(json.result.resultType, "input_required");
    const [[name, asked]] = Object.entries<{ params: { message: string } }>(
      json.result.inputRequests,
    );
    assertEquals(asked.params.message, `q${round}`);
    // A person takes longer than the limit.
    await clock.pass(70_000);
    const { requestState } = json.result;
    w.client.request(round + 2, "tools/call", {
      ...params,
      inputResponses: { [name]: { action: "accept", content: { round } } },
      requestState,
    });
    ({ json } = await w.client.answer(round + 2));
  }
  assertEquals(json.id, 3);
  assertEquals(json.result.got, [
    { action: "accept", content: { round: 0 } },
    { action: "accept", content: { round: 1 } },
  ]);
});

Deno.test("a call whose client has answered takes as long as it takes", async () => {
  const done = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await bridged(legacyTarget(legacyAsking(1, done.promise)));
  const params = modernParams({ name: "x" }, { elicitation: {} });
  const json = await w.client.ask(1, "tools/call", params);
  const { requestState, inputRequests } = json.result;
  const [name] = Object.keys(inputRequests);
  const answer = { action: "decline" };
  const inputResponses = { [name]: answer };
  w.client.request(2, "tools/call", {
    ...params,
    requestState,
    inputResponses,
  });
  await w.server.requests.find((seen) => seen.text().includes("decline"));
  // Longer than a client may take, and shorter than a target may be silent.
  await clock.pass(11 * 60_000);
  done.resolve();
  assertEquals((await w.client.answer(2)).json.result.got, [answer]);
});

Deno.test("a question that a legacy target takes back is no business of a modern client's, whose own request may have its ID", async () => {
  const answered = Promise.withResolvers<void>();
  await using w = await bridged(legacyTarget({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      const method = "elicitation/create";
      await stream.message({ jsonrpc: "2.0", id: 1, method, params: {} });
      await answered.promise;
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: 1 },
      });
      await stream.message(result(message, { content: [] }));
      await stream.end();
    },
    response: async (_message, reply) => {
      await reply.status(202);
      answered.resolve();
    },
  }));
  const params = modernParams({ name: "x" }, { elicitation: {} });
  const { result: { requestState, inputRequests } } = await w.client
    .ask(1, "tools/call", params);
  const [name] = Object.keys(inputRequests);
  const inputResponses = { [name]: { action: "accept" } };
  const retry = { ...params, requestState, inputResponses };
  assertEquals((await w.client.ask(2, "tools/call", retry)).id, 2);
  assertEquals(w.client.frames.map(({ json }) => json.id), [1, 2]);
});

Deno.test("a requestState is good for one retry, and an unknown one is an error", async () => {
  await using w = await bridged(legacyTarget(legacyAsking(1)));
  const params = modernParams({ name: "x" }, { elicitation: {} });
  const json = await w.client.ask(1, "tools/call", params);
  const { requestState, inputRequests } = json.result;
  const [name] = Object.keys(inputRequests);
  const retry = {
    ...params,
    requestState,
    inputResponses: { [name]: { action: "decline" } },
  };
  // It is that of a call, and no other method's.
  w.client.request("p", "prompts/get", retry);
  assertEquals((await w.client.answer("p")).json.error.code, -32602);
  assertEquals((await w.client.ask(2, "tools/call", retry)).result.got, [{
    action: "decline",
  }]);
  assertEquals((await w.client.ask(3, "tools/call", retry)).error.code, -32602);
});

Deno.test("at most 64 calls wait for their client; the next one's question is refused", async () => {
  await using w = await bridged(legacyTarget(legacyAsking(1)), {
    maxConcurrency: 100,
  });
  const params = modernParams({ name: "x" }, { elicitation: {} });
  for (let id = 0; id < 65; id++) w.client.request(id, "tools/call", params);
  const answers = [];
  for (let id = 0; id < 65; id++) answers.push((await w.client.next()).json);
  const refused = answers.filter(({ result }) =>
    result.resultType === "complete"
  );
  assertEquals(refused.length, 1);
  assertStringIncludes(JSON.stringify(refused[0].result.got), "64");
  const states = answers.map(({ result }) => result.requestState).filter(
    Boolean,
  );
  assertEquals(new Set(states).size, 64);
});

Deno.test("a large answer to a retried call has the client's ID", async () => {
  let calls = 0;
  await using w = await bridged(
    modernTarget({
      "tools/call": (message, reply) =>
        reply.json(
          calls++ === 0
            ? result(message, {
              resultType: "input_required",
              requestState: "s",
            })
            : result(message, {
              resultType: "complete",
              content: [{ type: "text", text: "x".repeat(9 * 2 ** 20) }],
            }),
        ),
    }),
    { maxAnswerBytes: 50_000_000 },
  );
  await w.client.initialize();
  w.client.request(1, "tools/call", { name: "x" });
  assertEquals((await w.client.next()).json.id, 1);
});

Deno.test("the ID of a call that waits for its client may be another request's, and each has its answer", async () => {
  await using w = await bridged(legacyTarget(legacyAsking(1)));
  const params = modernParams({ name: "x" }, { elicitation: {} });
  w.client.request(1, "tools/call", params);
  const { json } = await w.client.next();
  assertEquals(
    (await w.client.ask(1, "tools/list", params)).result.resultType,
    "complete",
  );
  const [name] = Object.keys(json.result.inputRequests);
  w.client.request(2, "tools/call", {
    ...params,
    requestState: json.result.requestState,
    inputResponses: { [name]: { action: "decline" } },
  });
  const answer = (await w.client.next()).json;
  assertEquals([answer.id, answer.result.resultType], [2, "complete"]);
});

Deno.test("a call may ask its client 64 questions at once; the next one is refused", async () => {
  const refused = Promise.withResolvers<string>();
  await using w = await bridged(legacyTarget({
    "tools/call": async (_message, reply) => {
      const stream = await reply.sse();
      for (let n = 0; n < 65; n++) {
        await stream.message({
          jsonrpc: "2.0",
          id: n,
          method: "elicitation/create",
          params: { message: `q${n}` },
        });
      }
      await stream.closed;
    },
    response: async (message, reply) => {
      await reply.status(202);
      if (message.error) refused.resolve(message.error.message);
    },
  }));
  w.client.request(
    1,
    "tools/call",
    modernParams({ name: "x" }, { elicitation: {} }),
  );
  const why = await within(refused.promise, "a question to be refused");
  assertStringIncludes(why, "64 questions");
});

/** A target that asks two things at once, and ends the call then or before. */
function askingTwo(end?: Promise<void>) {
  let answers = 0;
  let finish = async () => {};
  const script: Record<string, McpHandler> = {
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      const questions = ["a", "b"].map((id) =>
        JSON.stringify({
          jsonrpc: "2.0",
          id,
          method: "elicitation/create",
          params: { message: id },
        })
      );
      // In one piece: what comes later is asked later.
      await stream.raw(questions.map((data) => `data: ${data}\n\n`).join(""));
      finish = async () => {
        await stream.message(result(message, { content: [], answers }));
        await stream.end();
      };
      await (end ?? stream.closed);
      if (end) await finish();
    },
    response: async (_message, reply) => {
      await reply.status(202);
      if (++answers === 2) await finish();
    },
  };
  return legacyTarget(script);
}

Deno.test("a question that a retry does not answer is asked again, alone", async () => {
  await using w = await bridged(askingTwo());
  const params = modernParams({ name: "x" }, { elicitation: {} });
  let { result } = await w.client.ask(1, "tools/call", params);
  const [first, second] = Object.keys(result.inputRequests);
  for (const [id, name] of [[2, second], [3, first]] as const) {
    assertEquals(name in result.inputRequests, true);
    ({ result } = await w.client.ask(id, "tools/call", {
      ...params,
      requestState: result.requestState,
      inputResponses: { [name]: { action: "decline" } },
    }));
    if (id === 2) assertEquals(Object.keys(result.inputRequests), [first]);
  }
  assertEquals(result.answers, 2);
});

Deno.test("a state that is no text names no call that waits", async () => {
  await using w = await bridged(askingTwo());
  const requestState = { toString: 1 };
  const params = modernParams({ name: "x", requestState });
  const { error } = await w.client.ask(1, "tools/call", params);
  assertStringIncludes(error.message, "names no call that waits");
});

Deno.test("the result of a call that does not wait for what it asked is the retry's answer", async () => {
  const end = Promise.withResolvers<void>();
  await using w = await bridged(askingTwo(end.promise));
  const params = modernParams({ name: "x" }, { elicitation: {} });
  const asked = (await w.client.ask(1, "tools/call", params)).result;
  assertEquals(asked.resultType, "input_required");
  end.resolve();
  let result = asked;
  // Until the end is there, it is asked again.
  for (let id = 2; result.resultType === "input_required"; id++) {
    const { requestState } = result;
    const retry = { ...params, requestState, inputResponses: {} };
    ({ result } = await w.client.ask(id, "tools/call", retry));
  }
  assertEquals([result.resultType, result.answers], ["complete", 0]);
});

Deno.test("a target is refused what the client of its call did not say that it can do", async () => {
  const refused = Promise.withResolvers<string>();
  await using w = await bridged(legacyTarget({
    ...legacyAsking(1),
    response: async (message, reply) => {
      await reply.status(202);
      refused.resolve(message.error?.message);
    },
  }));
  const params = modernParams({ name: "x" }, { sampling: {} });
  w.client.request(1, "tools/call", params);
  const why = await within(refused.promise, "the question to be refused");
  assertEquals(why, "the client cannot be asked elicitation/create here");
});
