/** What waits for a login, and what does not: limits, pings, lost sessions. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CredentialsError } from "../../../src/errors.ts";
import { Clock } from "../../support/time/clock.ts";
import { result } from "../../support/raw/mcp.ts";
import { asked, ended, OPENS_PAGES, PAGE, question, world } from "./world.ts";

Deno.test("the limits of a call stand still while it waits for a login", async () => {
  using clock = new Clock();
  await using w = await world({}, { timeoutMs: 1_000, idleTimeoutMs: 2_000 });
  await ended(w);
  await asked(w, 1);
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
  await asked(w, 1);
  w.begun[0].resolve();
  await w.server.requests.at(2);
  await clock.pass(1_200);
  assertEquals((await w.client.answer(1)).json.error.data.reason, "timeout");
});

Deno.test("a ping that keeps an idle session alive asks nobody to sign in", async () => {
  using clock = new Clock();
  await using w = await world({}, { keepAliveMs: 3_000 });
  await ended(w);
  await clock.pass(30_000);
  assertEquals(w.begun.length, 0);
  assertEquals(w.posted.includes("ping"), false);
  await asked(w, 1);
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
});

Deno.test("a session that was lost is made anew after the login, and the call is sent in it, once", async () => {
  await using w = await world();
  await w.client.initialize(OPENS_PAGES);
  await w.server.requests.at(1);
  w.sessions.known.clear();
  w.end();
  await asked(w, 1);
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
  assertEquals(w.posted.slice(2), [
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
  await asked(w, 1);
  w.begun[0].resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
});

Deno.test("no number of notifications keeps the client's answer from being read during a login", async () => {
  await using w = await world();
  await ended(w);
  const { id } = await asked(w, 1);
  for (let index = 0; index < 3_000; index++) {
    w.client.notify("notifications/roots/list_changed");
  }
  w.client.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
  const { error } = (await w.client.answer(1)).json;
  assertStringIncludes(error.message, "the user declined it");
  assert(!w.posted.includes("tools/call"));
});

for (const result of ["yes", null, [], {}, { action: "accept" }]) {
  Deno.test(`the answer ${JSON.stringify(result)} ends no login, one that comes after it counts for nothing, and neither reaches the target`, async () => {
    await using w = await world();
    await ended(w);
    const { id } = await asked(w, 1);
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
  const { id } = await asked(w, 1);
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
  const { id } = await asked(w, 1);
  w.client.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
  const { error } = (await w.client.answer(1)).json;
  assertEquals([error.data.reason, error.data.login, begun], [
    "credentials",
    undefined,
    1,
  ]);
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
  await question(w);
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
  await asked(w, 1);
  w.client.stop();
  const { error } = (await w.client.answer(1)).json;
  assertEquals(error.data, {
    source: "sigv4-proxy",
    reason: "shutting-down",
    mayHaveRun: false,
  });
  await w.client.done;
});
