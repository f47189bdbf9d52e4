/** Sessions of accounts: how many there are, and when they end. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Redactor } from "../../../src/redact/redact.ts";
import { Clock } from "../../support/time/clock.ts";
import { type McpHandler, result } from "../../support/raw/mcp.ts";
import type { RawReply } from "../../support/raw/server.ts";
import { as } from "./world.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** What it is where nothing is said, and never over within a test. */
const LONG_MS = 15 * 60_000;

const callFor = (account: string) => (
  { name: "x", arguments: { aws_account: account } }
);

/** A target, and a client whose calls may name any account. */
async function world(
  idleMs: number | undefined,
  script: Record<string, McpHandler> = {},
  secret = "",
) {
  const redactor = new Redactor();
  redactor.add(secret);
  const opened: string[] = [];
  const disposed: string[] = [];
  const w = await StreamWorld.start(script, {
    accounts: {
      allow: ["*"],
      idleMs,
      open(account) {
        opened.push(account);
        return Object.assign(as(account), {
          redactor,
          [Symbol.dispose]: () => void disposed.push(account),
        });
      },
    },
  });
  await w.client.initialize();
  return Object.assign(w, {
    opened,
    disposed,
    call(id: number, account: string): void {
      w.client.request(id, "tools/call", callFor(account));
    },
    ask: (id: number, account: string) =>
      w.client.ask(id, "tools/call", callFor(account)),
    /** A request of an account that ends its session, past or to come. */
    end: (account: string) =>
      w.server.requests.find((request) =>
        request.method === "DELETE" && request.header("x-who") === account
      ),
    /** The requests of an account that ended a session, so far. */
    ends: (account: string) =>
      w.server.requests.all.filter((request) =>
        request.method === "DELETE" && request.header("x-who") === account
      ).length,
  });
}

const accountOf = (n: number) => String(n).padStart(12, "0");

Deno.test("a session that nobody needs ends, one with a call under way does not, and the next call begins anew", async () => {
  const held = Promise.withResolvers<RawReply>();
  let isFirst = true;
  await using w = await world(1, {
    "tools/call": async (message, reply, request) => {
      if (request.header("x-who") !== accountOf(1) || !isFirst) {
        return await reply.json(result(message));
      }
      isFirst = false;
      held.resolve(reply);
      await ended.promise;
      await reply.json(result(message));
    },
  });
  const ended = Promise.withResolvers<void>();
  w.call(1, accountOf(1));
  await held.promise;
  await w.ask(2, accountOf(2));
  await w.end(accountOf(2));
  assertEquals([w.ends(accountOf(1)), w.disposed.includes(accountOf(1))], [
    0,
    false,
  ]);
  ended.resolve();
  assertEquals((await w.client.answer(1)).json.result, {});
  await w.end(accountOf(1));
  assertEquals((await w.ask(3, accountOf(2))).result, {});
  assertEquals(w.opened, [accountOf(1), accountOf(2), accountOf(2)]);
  await w.client.close();
  assertEquals(w.disposed.toSorted(), w.opened.toSorted());
});

Deno.test("an answer to what an account asked whose session is over goes to nobody", async () => {
  await using w = await world(1, {
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      const method = "elicitation/create";
      await stream.message({ jsonrpc: "2.0", id: 1, method, params: {} });
      await stream.message(result(message));
      await stream.end();
    },
  });
  w.call(1, accountOf(1));
  const { id } = (await w.client.next()).json;
  await w.end(accountOf(1));
  const answer = { jsonrpc: "2.0", id, result: { action: "accept" } };
  w.client.send(answer);
  w.client.send([answer, { jsonrpc: "2.0", method: "notifications/x" }]);
  await w.client.close();
  const sent = w.server.requests.all.map((seen) => seen.text());
  assertEquals(sent.filter((text) => text.includes("accept")), []);
  assertEquals(sent.filter((text) => text.includes("/x")).length, 1);
});

Deno.test("a task that an account's call began is asked for in a new session of it when the first is over", async () => {
  await using w = await world(1, {
    "tools/call": (message, reply) =>
      reply.json(
        result(message, { task: { taskId: "t-1", status: "working" } }),
      ),
  });
  await w.ask(1, accountOf(1));
  await w.end(accountOf(1));
  await w.client.ask(2, "tasks/get", { taskId: "t-1" });
  const asked = w.server.requests.all.filter((request) =>
    request.text().includes("tasks/get")
  );
  assertEquals(asked.map((request) => request.header("x-who")), [accountOf(1)]);
  assertEquals(w.opened, [accountOf(1), accountOf(1)]);
});

Deno.test("the end waits until the session of an idle account is ended, too", async () => {
  const ended = Promise.withResolvers<void>();
  using clock = new Clock();
  await using w = await world(undefined, {
    DELETE: async (_message, reply, request) => {
      if (request.header("x-who") === accountOf(1)) await ended.promise;
      await reply.status(204);
    },
  });
  await w.ask(1, accountOf(1));
  await clock.pass(LONG_MS + 100);
  await w.end(accountOf(1));
  let isOver = false;
  const closed = w.client.close().then(() => isOver = true);
  const deletes = () =>
    w.server.requests.all.filter(({ method }) => method === "DELETE");
  await w.server.requests.find(() => deletes().length === 2);
  await clock.pass(0);
  await clock.pass(0);
  assertEquals(isOver, false);
  ended.resolve();
  await closed;
});

Deno.test("of 257 accounts the one that was used longest ago gives its place to the last", async () => {
  await using w = await world(LONG_MS);
  for (let n = 1; n <= 256; n++) {
    await w.ask(n, accountOf(n));
  }
  await w.ask(300, accountOf(1));
  assertEquals(w.opened.length, 256);
  await w.ask(257, accountOf(257));
  await w.end(accountOf(2));
  assertEquals(
    w.server.requests.all.filter(({ method }) => method === "DELETE").length,
    1,
  );
});

Deno.test("while 256 accounts are busy, a call for another is overloaded at once, is not sent, and one without an account is answered", async () => {
  const replies: (() => Promise<void>)[] = [];
  const allHeld = Promise.withResolvers<void>();
  await using w = await world(LONG_MS, {
    "tools/call": async (message, reply, request) => {
      if (request.header("x-who") === undefined) {
        return await reply.json(result(message, { own: true }));
      }
      replies.push(() => reply.json(result(message)));
      if (replies.length === 256) allHeld.resolve();
      await reply.closed;
    },
  });
  for (let n = 1; n <= 256; n++) w.call(n, accountOf(n));
  await allHeld.promise;
  const { error } = await w.ask(257, accountOf(257));
  assertEquals([error.code, error.data.mayHaveRun], [-31020, false]);
  assertStringIncludes(error.message, "calls are under way for 256 other");
  w.client.request(258, "tools/call", { name: "x", arguments: {} });
  assertEquals((await w.client.answer(258)).json.result, { own: true });
  assertEquals(w.opened.length, 256);
  await Promise.all(replies.map((answer) => answer()));
});

Deno.test("what an account signs with is kept out of what its calls are told", async () => {
  const secret = "secret-of-the-account";
  await using w = await world(LONG_MS, {
    "tools/call": (_message, reply) => reply.status(500, {}, `no ${secret}`),
  }, secret);
  const { error } = await w.ask(1, accountOf(1));
  assertStringIncludes(error.message, "no [redacted]");
});
