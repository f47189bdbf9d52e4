/** What waits for a login, and what does not: limits, pings, lost sessions. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Credentials } from "../../../src/aws/credentials/types.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { CredentialsError } from "../../../src/errors.ts";
import type { Login, LoginPage } from "../../../src/login.ts";
import { Clock } from "../../support/clock.ts";
import { Arrivals } from "../../support/arrivals.ts";
import {
  mcp,
  type McpHandler,
  result,
  Sessions,
} from "../../support/raw_mcp.ts";
import { modern } from "../../support/modern_message.ts";
import { RawServer } from "../../support/raw_server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream_client.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../../support/test_identity.ts";

const OPENS_PAGES = { capabilities: { elicitation: { url: {} } } };
const PAGE: LoginPage = { url: "https://example.com/", message: "Sign in." };

/** A target that demands a signature, and who signs, as long as it is set. */
async function world(
  script: Record<string, McpHandler> = {},
  options: Partial<StreamClientOptions> = {},
) {
  const sessions = new Sessions();
  const server = await RawServer.start({
    handler: mcp(script, sessions),
    verifier: TEST_VERIFIER,
  });
  const identity: { keys?: Credentials } = { keys: TEST_CREDENTIALS };
  const over = new CredentialsError("the session is over");
  const begun: PromiseWithResolvers<void>[] = [];
  const found = new Arrivals<unknown>("request that a login would help");
  const login: Login = {
    key: "session",
    async begin(show, signal) {
      const done = Promise.withResolvers<void>();
      begun.push(done);
      show(PAGE).catch(done.reject);
      signal.addEventListener("abort", () => done.reject(signal.reason));
      await done.promise;
      identity.keys = TEST_CREDENTIALS;
    },
  };
  const client = new StreamClient({
    url: server.url,
    fetch: createSignedFetch({
      origin: server.url,
      ...TEST_SCOPE,
      credentials: {
        get: () =>
          identity.keys ? Promise.resolve(identity.keys) : Promise.reject(over),
      },
    }),
    findLogin(failure) {
      if (failure !== over) return undefined;
      found.add(failure);
      return login;
    },
    ...options,
  });
  return {
    /** Requests that came to wait for a login. */
    found,
    server,
    sessions,
    client,
    begun,
    end: () => identity.keys = undefined,
    /** The methods that reached the target. */
    reached: (): string[] =>
      server.requests.all.filter(({ method }) => method === "POST")
        .map((request) => JSON.parse(request.text()).method),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Parameters of a modern client that opens pages. */
function opening(more: Record<string, unknown> = {}): Record<string, unknown> {
  return modern({ name: "x", ...more }, {
    "io.modelcontextprotocol/clientCapabilities": OPENS_PAGES.capabilities,
  });
}

type World = Awaited<ReturnType<typeof world>>;

/** A session in use that has just ended. */
async function ended(w: World): Promise<void> {
  await w.client.initialize(OPENS_PAGES);
  await w.server.requests.at(1);
  w.end();
}

async function nextOf(w: World, method: string) {
  for (;;) {
    const { json } = await w.client.next();
    if (json.method === method) return json;
  }
}

Deno.test("the limits of a call stand still while it waits for a login", async () => {
  using clock = new Clock();
  await using w = await world({}, { timeoutMs: 1_000, idleTimeoutMs: 2_000 });
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  await clock.pass(5_000);
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
});

Deno.test("a limit that a call has left after a login still rings", async () => {
  using clock = new Clock();
  await using w = await world({
    "tools/call": (_message, reply) => reply.hang(),
  }, { timeoutMs: 1_000 });
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  w.begun[0].resolve();
  await w.server.requests.at(2);
  await clock.pass(1_200);
  assertEquals((await w.client.answer(1)).json.error.data.reason, "timeout");
});

Deno.test("a ping that keeps an idle session alive asks nobody to sign in", async () => {
  using clock = new Clock();
  const warnings: string[] = [];
  await using w = await world({}, {
    keepAliveMs: 3_000,
    log: {
      debug() {},
      info() {},
      warn: (message) => void warnings.push(message),
      error() {},
    },
  });
  await ended(w);
  await clock.pass(30_000);
  assertEquals(w.begun.length, 0);
  assertEquals(w.reached().includes("ping"), false);
  w.client.request(1, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
});

Deno.test("a session that was lost is made anew after the login, and the call is sent in it, once", async () => {
  await using w = await world();
  await w.client.initialize(OPENS_PAGES);
  await w.server.requests.at(1);
  w.sessions.known.clear();
  w.end();
  w.client.request(1, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
  assertEquals(w.reached().slice(2), [
    "tools/call",
    "initialize",
    "notifications/initialized",
    "tools/call",
  ]);
});

Deno.test("the session's end in the middle of a renewal waits for the login, too", async () => {
  const ending: { now?: () => void } = {};
  await using w = await world({
    "tools/call": (message, reply) => {
      if (ending.now === undefined) return reply.json(result(message));
      ending.now();
      ending.now = undefined;
      return reply.status(404);
    },
  });
  await w.client.initialize(OPENS_PAGES);
  await w.server.requests.at(1);
  ending.now = w.end;
  w.client.request(1, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
});

Deno.test("no number of notifications keeps the client's answer from being read during a login", async () => {
  await using w = await world();
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  const { id } = await nextOf(w, "elicitation/create");
  for (let index = 0; index < 3_000; index++) {
    w.client.notify("notifications/roots/list_changed");
  }
  w.client.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
  const { error } = (await w.client.answer(1)).json;
  assertStringIncludes(error.message, "the user declined it");
  assert(!w.reached().includes("tools/call"));
});

for (const result of ["yes", null, [], {}, { action: "accept" }]) {
  Deno.test(`the answer ${JSON.stringify(result)} ends no login, one that comes after it counts for nothing, and neither reaches the target`, async () => {
    await using w = await world();
    await ended(w);
    w.client.request(1, "tools/call", { name: "x" });
    const { id } = await nextOf(w, "elicitation/create");
    w.client.send({ jsonrpc: "2.0", id, result });
    w.client.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
    w.client.request(2, "tools/call", { name: "x" });
    await w.found.at(1);
    w.begun[0].resolve();
    for (const id of [1, 2]) {
      assertEquals((await w.client.answer(id)).json.result, {});
    }
    const sent = w.server.requests.all.map((request) => request.text());
    assert(!sent.some((text) => text.includes(`${id}`)));
  });
}

Deno.test("a client that cannot ask after all ends the login, and its words are told", async () => {
  await using w = await world();
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  const { id } = await nextOf(w, "elicitation/create");
  const refusal = { code: -32603, message: "no window to show it in" };
  w.client.send({ jsonrpc: "2.0", id, error: refusal });
  const { error } = (await w.client.answer(1)).json;
  assertEquals(error.data.login, "failed");
  assertStringIncludes(error.message, "no window to show it in");
});

Deno.test("a call that fails again after a login gets its error: nobody is asked twice for it", async () => {
  let begun = 0;
  await using w = await world({}, {
    findLogin: (failure) =>
      failure instanceof CredentialsError
        ? { key: "vain", begin: (show) => (begun++, show(PAGE)) }
        : undefined,
  });
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  const { id } = await nextOf(w, "elicitation/create");
  w.client.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
  const { error } = (await w.client.answer(1)).json;
  assertEquals([error.data.reason, error.data.login, begun], [
    "credentials",
    undefined,
    1,
  ]);
});

Deno.test("after a no, a minute passes before anybody is asked again", async () => {
  using clock = new Clock();
  await using w = await world();
  await ended(w);
  const outcome = async (id: number): Promise<string | undefined> => {
    w.client.request(id, "tools/call", { name: "x" });
    return (await w.client.answer(id)).json.error?.data.login;
  };
  w.client.request(1, "tools/call", { name: "x" });
  const { id } = await nextOf(w, "elicitation/create");
  w.client.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
  await w.client.answer(1);
  await clock.pass(59_999);
  assertEquals([await outcome(2), w.begun.length], ["declined", 1]);
  await clock.pass(1);
  w.client.request(3, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  w.begun[1].resolve();
  assertEquals((await w.client.answer(3)).json.result, {});
});

Deno.test("a call that comes a minute after the page was opened shows it again, and none that comes before", async () => {
  using clock = new Clock();
  await using w = await world();
  await ended(w);
  const call = async (id: number) => {
    const { length } = w.found;
    w.client.request(id, "tools/call", { name: "x" });
    await w.found.at(length);
  };
  await call(1);
  const first = await nextOf(w, "elicitation/create");
  // As long as the client shows it, it need not be shown again.
  await clock.pass(120_000);
  await call(2);
  const accepted = { action: "accept" };
  w.client.send({ jsonrpc: "2.0", id: first.id, result: accepted });
  await call(3);
  await clock.pass(59_999);
  await call(4);
  await clock.pass(1);
  await call(5);
  const second = await nextOf(w, "elicitation/create");
  assertEquals(second.params.url, first.params.url);
  assert(second.params.elicitationId !== first.params.elicitationId);
  await call(6);
  w.begun[0].resolve();
  for (const id of [1, 2, 3, 4, 5, 6]) {
    assertEquals((await w.client.answer(id)).json.result, {});
  }
  const rest = await w.client.close();
  const asked = [...w.client.frames, ...rest]
    .filter(({ json }) => json.method === "elicitation/create");
  assertEquals([asked.length, w.begun.length], [2, 1]);
});

Deno.test("who says no to a page that is shown again ends the login", async () => {
  using clock = new Clock();
  await using w = await world();
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  const { id } = await nextOf(w, "elicitation/create");
  w.client.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
  w.client.request(3, "tools/call", { name: "x" });
  await w.found.at(1);
  await clock.pass(60_000);
  w.client.request(2, "tools/call", { name: "x" });
  const again = await nextOf(w, "elicitation/create");
  const result = { action: "decline" };
  w.client.send({ jsonrpc: "2.0", id: again.id, result });
  const answers = [await w.client.next(), await w.client.next()];
  answers.push(await w.client.next());
  for (const { json: { error } } of answers) {
    assertEquals(error.data.login, "declined");
  }
});

for (
  const [action, outcome] of [
    ["decline", "declined"],
    ["cancel", "dismissed"],
  ]
) {
  Deno.test(`a retry of the modern era that says ${action} ends the login for all that wait, and asks for no other`, async () => {
    await using w = await world();
    w.end();
    w.client.request(1, "tools/call", opening());
    const { requestState } = (await w.client.answer(1)).json.result;
    w.client.request(2, "tools/list", opening());
    await w.found.at(1);
    const inputResponses = { login: { action } };
    w.client.request(
      3,
      "tools/call",
      opening({ inputResponses, requestState }),
    );
    for (const _answer of [2, 3]) {
      const { error } = (await w.client.next()).json;
      assertEquals(error.data.login, outcome);
    }
    assertEquals(w.begun.length, 1);
  });
}

Deno.test("a call of the modern era that comes a minute after the page was shown is told to ask again, and the one that waits is not", async () => {
  using clock = new Clock();
  await using w = await world();
  w.end();
  const call = (id: number, more?: Record<string, unknown>) =>
    w.client.request(id, "tools/call", opening(more));
  call(1);
  const told = (await w.client.answer(1)).json.result;
  const inputResponses = { login: { action: "accept" } };
  call(2, { inputResponses, requestState: told.requestState });
  await w.found.at(1);
  await clock.pass(60_000);
  call(3);
  const again = (await w.client.answer(3)).json.result;
  assertEquals(again.inputRequests, told.inputRequests);
  assert(again.requestState !== told.requestState);
  call(4);
  await w.found.at(3);
  w.begun[0].resolve();
  for (const id of [2, 4]) {
    assertEquals((await w.client.answer(id)).json.result, {});
  }
  assertEquals(w.begun.length, 1);
});

Deno.test("after a page was dismissed the next call asks, and the one that was told so does not", async () => {
  await using w = await world();
  await ended(w);
  for (const turn of [0, 1]) {
    w.client.request(turn, "tools/call", { name: "x" });
    const { id } = await nextOf(w, "elicitation/create");
    w.client.send({ jsonrpc: "2.0", id, result: { action: "cancel" } });
    const { error } = (await w.client.answer(turn)).json;
    assertEquals(error.data.login, "dismissed");
  }
  assertEquals(w.begun.length, 2);
});

Deno.test("a batch waits for a login as a whole", async () => {
  await using w = await world({
    batch: (messages, reply) =>
      reply.json(messages.map((message: unknown) => result(message))),
  });
  await ended(w);
  w.client.send([1, 2].map((id) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "x" },
  })));
  await nextOf(w, "elicitation/create");
  w.begun[0].resolve();
  const answers: unknown[] = [];
  while (answers.length < 2) {
    const { json } = await w.client.next();
    answers.push(...[json].flat().filter(({ result }) => result));
  }
  assertEquals(w.begun.length, 1);
});

Deno.test("the end of the proxy does not wait for a login that does not end", async () => {
  await using w = await world({}, {
    findLogin: (failure) =>
      failure instanceof CredentialsError
        ? {
          key: "stuck",
          begin: (show) => (show(PAGE), new Promise(() => {})),
        }
        : undefined,
  });
  await ended(w);
  w.client.request(1, "tools/call", { name: "x" });
  await nextOf(w, "elicitation/create");
  w.client.stop();
  const { error } = (await w.client.answer(1)).json;
  assertEquals(error.data, {
    source: "sigv4-proxy",
    reason: "shutting-down",
    mayHaveRun: false,
  });
  await w.client.done;
});
