import { assertEquals, assertMatch } from "@std/assert";
import { error, result } from "../../support/raw/mcp.ts";
import { count, described, hangForProd, ProfilesWorld } from "./world.ts";

Deno.test("a call that is cancelled while its profile's session is opened is never sent", async () => {
  const release = Promise.withResolvers<void>();
  await using w = await ProfilesWorld.make({
    initialize: async (message, reply, request) => {
      if (request.header("x-who") === "prod") await release.promise;
      await w.open(message, reply);
    },
  });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("initialize prod");
  w.client.notify("notifications/cancelled", { requestId: 1 });
  release.resolve();
  await w.arrival("notifications/initialized prod");
  assertEquals(await w.client.close(), []);
  assertEquals(
    w.seen().filter((line) => /call|cancelled/.test(line)),
    [],
  );
});

Deno.test("a session that cannot be opened is the call's error, which says that the call was not sent, and the next call tries again", async () => {
  let isRefused = true;
  await using w = await ProfilesWorld.make({
    initialize: (message, reply, request) =>
      request.header("x-who") === "prod" && isRefused
        ? reply.json(error(message, -32000, "not you"))
        : w.open(message, reply),
  });
  await w.client.initialize();
  const json = await w.ask(1, "prod");
  assertEquals(json.error, {
    code: -32000,
    message:
      "no session could be opened for the profile prod: not you; the call was not sent",
    data: { mayHaveRun: false },
  });
  // What is answered is under way nowhere.
  w.client.notify("notifications/cancelled", { requestId: 1 });
  await w.arrival("notifications/cancelled dev");
  isRefused = false;
  assertEquals("result" in await w.ask(2, "prod"), true);
  assertEquals(count(w.seen(), "initialize prod"), 2);
});

Deno.test("a session whose opening may have reached the target leaves no doubt about the call", async () => {
  await using w = await ProfilesWorld.make({
    initialize: (message, reply, request) =>
      request.header("x-who") === "prod"
        ? reply.reset()
        : w.open(message, reply),
  }, { retries: 0 });
  await w.client.initialize();
  const json = await w.ask(1, "prod");
  assertEquals(json.error.code, -31010);
  assertEquals(json.error.data, {
    source: "sigv4-proxy",
    reason: "unreachable",
    mayHaveRun: false,
  });
  assertMatch(
    json.error.message,
    /^no session could be opened for the profile prod: the connection to /,
  );
  assertEquals(json.error.message.includes("may have run"), false);
});

Deno.test("at a stop a call whose session is still opened is told that it was not sent", async () => {
  await using w = await ProfilesWorld.make({
    initialize: hangForProd((message, reply) => w.open(message, reply)),
  });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("initialize prod");
  w.client.stop();
  const { json } = await w.client.answer(1);
  assertEquals(json.error, {
    code: -31018,
    message:
      "no session could be opened for the profile prod: the proxy is stopping; the call was not sent",
    data: { source: "sigv4-proxy", reason: "shutting-down", mayHaveRun: false },
  });
});

Deno.test("at a stop a call whose profile is asked for its tools is answered once", async () => {
  const tools = [{ name: "x", annotations: { readOnlyHint: true } }];
  await using w = await ProfilesWorld.make({
    "tools/list": hangForProd((message, reply) =>
      reply.json(result(message, { tools }))
    ),
  }, { tools: { readOnly: true } });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("tools/list prod");
  w.client.stop();
  const frames = await w.client.close();
  assertEquals(frames.map(({ json }) => [json.id, json.error?.data.reason]), [
    [1, "shutting-down"],
  ]);
});

Deno.test("a call before initialize goes without a session, and the first one after it opens one", async () => {
  await using w = await ProfilesWorld.make();
  await w.ask(1, "prod");
  await w.client.initialize();
  await w.ask(2, "prod");
  const prod = w.server.requests.all
    .filter((request) => request.header("x-who") === "prod");
  assertEquals(
    prod.map((request) => [
      JSON.parse(request.text()).method,
      request.header("mcp-session-id") !== undefined,
    ]),
    [
      ["tools/call", false],
      ["initialize", false],
      ["notifications/initialized", true],
      ["tools/call", true],
    ],
  );
});

Deno.test("when the client initialises again, the other sessions are opened anew as it says", async () => {
  await using w = await ProfilesWorld.make();
  const client = (name: string) => ({ clientInfo: { name, version: "1" } });
  await w.client.initialize(client("first"));
  await w.ask(1, "prod");
  await w.client.initialize(client("second"));
  await w.ask(2, "prod");
  await w.ask(3, "prod");
  const names = w.server.requests.all
    .filter((request) => described(request) === "initialize prod")
    .map((request) => JSON.parse(request.text()).params.clientInfo.name);
  assertEquals(names, ["first", "second"]);
});

Deno.test("an attempt that fails late leaves alone the session that a later one opened", async () => {
  const release = Promise.withResolvers<void>();
  let attempts = 0;
  await using w = await ProfilesWorld.make({
    initialize: async (message, reply, request) => {
      if (request.header("x-who") === "prod" && ++attempts === 1) {
        await release.promise;
        return await reply.json(error(message, -32000, "not yet"));
      }
      await w.open(message, reply);
    },
  });
  await w.client.initialize();
  w.call(1, "prod");
  await w.arrival("initialize prod");
  await w.client.initialize();
  w.call(2, "prod");
  release.resolve();
  const codes = new Map<number, number | undefined>();
  while (codes.size < 2) {
    const { json } = await w.client.next();
    codes.set(json.id, json.error?.code);
  }
  assertEquals([codes.get(1), codes.get(2)], [-32000, undefined]);
  assertEquals("result" in await w.ask(3, "prod"), true);
  assertEquals(count(w.seen(), "initialize prod"), 2);
});
