import { assert, assertEquals } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { modern } from "../../support/stream/modern_message.ts";
import { asked, ended, OPENS_PAGES, question, world } from "./world.ts";

/** Parameters of a modern client that opens pages. */
function opening(more: Record<string, unknown> = {}): Record<string, unknown> {
  return modern({ name: "x", ...more }, {
    "io.modelcontextprotocol/clientCapabilities": OPENS_PAGES.capabilities,
  });
}

Deno.test("after a no, a minute passes before anybody is asked again", async () => {
  using clock = new Clock();
  await using w = await world();
  await ended(w);
  const outcome = async (id: number): Promise<string | undefined> => {
    return (await w.client.ask(id, "tools/call", { name: "x" })).error?.data
      .login;
  };
  const { id } = await asked(w, 1);
  w.client.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
  await w.client.answer(1);
  await clock.pass(59_999);
  assertEquals([await outcome(2), w.begun.length], ["declined", 1]);
  await clock.pass(1);
  await asked(w, 3);
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
  const first = await question(w);
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
  const second = await question(w);
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
  const { id } = await asked(w, 1);
  w.client.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
  w.client.request(3, "tools/call", { name: "x" });
  await w.found.at(1);
  await clock.pass(60_000);
  const again = await asked(w, 2);
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
    const { requestState } =
      (await w.client.ask(1, "tools/call", opening())).result;
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

Deno.test("a call of the modern era that answers more than is kept is not told to ask, and does not leave", async () => {
  await using w = await world();
  w.end();
  const call = (id: number, length: number) =>
    w.client.ask(
      id,
      "tools/call",
      opening({ inputResponses: { own: { text: "x".repeat(length) } } }),
    );
  assertEquals((await call(1, 70_000)).error?.data.reason, "credentials");
  assertEquals((await call(2, 60_000)).result.resultType, "input_required");
  assertEquals(w.server.requests.length, 0);
});

Deno.test("after a page was dismissed the next call asks, and the one that was told so does not", async () => {
  await using w = await world();
  await ended(w);
  for (const turn of [0, 1]) {
    const { id } = await asked(w, turn);
    w.client.send({ jsonrpc: "2.0", id, result: { action: "cancel" } });
    const { error } = (await w.client.answer(turn)).json;
    assertEquals(error.data.login, "dismissed");
  }
  assertEquals(w.begun.length, 2);
});

Deno.test("no request of the modern era but a call is told to ask", async () => {
  await using w = await world();
  w.end();
  const { error } = await w.client.ask(1, "tools/list", opening());
  assertEquals(error?.data.reason, "credentials");
  assertEquals(w.begun.length, 0);
});
