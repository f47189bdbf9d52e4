/** How the HTTP server stops. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { HttpProxy } from "../../support/program/http_proxy.ts";
import { onCue } from "../on_cue.ts";
import { RawClient } from "../../support/raw/client.ts";
import { type McpHandler, request } from "../../support/raw/mcp.ts";

/** Sends more than any buffer on the way holds. */
const flood = (onClose = () => {}): McpHandler => async (_message, reply) => {
  const stream = await reply.sse();
  stream.closed.then(onClose);
  const data = "x".repeat(100_000);
  for (let sent = 0; sent < 500; sent++) await stream.event({ data });
};

/** A client that reads the head of such an answer, and nothing more. */
async function flooded(proxy: HttpProxy): Promise<RawClient> {
  const client = await RawClient.connect(proxy.port);
  const call = '{"jsonrpc":"2.0","id":1,"method":"flood"}';
  await client.sendPost("/mcp", ["Host: localhost"], call);
  assertEquals((await client.head()).status, 200);
  return client;
}

Deno.test("a stop without requests is over at once, and nobody listens any more", async () => {
  await using proxy = await HttpProxy.before({});
  const { port, url } = proxy;
  assertEquals((await proxy.post({ jsonrpc: "2.0", method: "n" })).status, 202);
  await proxy.stop();
  await assertRejects(
    () => RawClient.connect(port),
    Deno.errors.ConnectionRefused,
  );
  await assertRejects(() => fetch(url), TypeError);
});

Deno.test("what is under way is answered, while new requests and /healthz get 503", async () => {
  const { handler, asked, go } = onCue();
  await using proxy = await HttpProxy.before({ slow: handler });
  const slow = proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" });
  await asked;
  const stopped = proxy.stop();
  const refused = await proxy.post({ jsonrpc: "2.0", id: 2, method: "m" });
  assertEquals(refused.status, 503);
  const { error } = await refused.json();
  assertEquals(error.code, -31018);
  const health = await proxy.fetch({}, "/healthz");
  assertEquals([health.status, await health.text()], [503, "draining\n"]);
  go();
  assertEquals((await (await slow).json()).result, {});
  await stopped;
});

Deno.test("a request that does not end is given up with an error and its id", async () => {
  const { handler, asked } = onCue();
  await using proxy = await HttpProxy.before({ slow: handler }, {
    drainMs: 50,
  });
  const slow = proxy.post({ jsonrpc: "2.0", id: "s", method: "slow" });
  await asked;
  const stopped = proxy.stop();
  const answer = await slow;
  const { id, error } = await answer.json();
  assertEquals([answer.status, id, error.code], [504, "s", -31018]);
  assertEquals(error.data.mayHaveRun, true, "it was sent");
  assertStringIncludes(error.message, "may have run");
  await stopped;
});

Deno.test("what is under way has as long as drainMs says", async () => {
  const { handler, asked, go } = onCue();
  using clock = new Clock();
  await using proxy = await HttpProxy.before({ slow: handler }, {
    drainMs: 60_000,
  });
  const slow = proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" });
  await asked;
  const stopped = proxy.stop();
  await clock.pass(59_000);
  const health = await proxy.fetch({}, "/healthz");
  assertEquals([health.status, await health.text()], [503, "draining\n"]);
  go();
  const answer = await slow;
  assertEquals(answer.headers.get("connection"), "close");
  assertEquals((await answer.json()).result, {});
  await stopped;
});

Deno.test("a stop that is hurried gives up what is under way", async () => {
  const { handler, asked } = onCue();
  const force = new AbortController();
  await using proxy = await HttpProxy.before({ slow: handler }, {
    force: force.signal,
  });
  const slow = proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" });
  await asked;
  const stopped = proxy.stop();
  force.abort();
  const { error } = await (await slow).json();
  assertEquals(error.code, -31018);
  await stopped;
});

Deno.test("a GET that the target has not answered yet does not hold up a stop", async () => {
  const asked = Promise.withResolvers<void>();
  await using proxy = await HttpProxy.before(async (_request, reply) => {
    asked.resolve();
    await reply.hang();
  });
  const get = proxy.fetch();
  await within(asked.promise, "the GET");
  const stopped = proxy.stop();
  const answer = await get;
  const { error } = await answer.json();
  assertEquals([answer.status, error.data.mayHaveRun], [503, false]);
  await stopped;
});

Deno.test("a call that says subscriptions/listen in its header alone is answered before a stop", async () => {
  const { handler, asked, go } = onCue();
  await using proxy = await HttpProxy.before({ slow: handler });
  const message = { jsonrpc: "2.0", id: 1, method: "slow" };
  const headers = { "mcp-method": "subscriptions/listen" };
  const slow = proxy.post(message, headers);
  await asked;
  const stopped = proxy.stop();
  const health = await proxy.fetch({}, "/healthz");
  assertEquals([health.status, await health.text()], [503, "draining\n"]);
  go();
  const answer = await slow;
  assertEquals([answer.status, (await answer.json()).result], [200, {}]);
  await stopped;
});

Deno.test("a subscriptions/listen that no header names does not hold up a stop", async () => {
  await using proxy = await HttpProxy.before({
    "subscriptions/listen": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.closed;
    },
  });
  const message = { jsonrpc: "2.0", id: 1, method: "subscriptions/listen" };
  const stream = await proxy.post(message);
  const cut = assertRejects(() => stream.text(), TypeError);
  await proxy.stop();
  await cut;
});

Deno.test("a client in the middle of its body is told at once that the proxy stops", async () => {
  await using proxy = await HttpProxy.before({}, { token: false });
  using client = await RawClient.connect(proxy.port);
  await client.sendHead(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Length: 1000",
    "Expect: 100-continue",
  );
  assertEquals((await client.head()).status, 100);
  await client.send("{");
  const stopped = proxy.stop();
  const { status, headers } = await client.head();
  assertEquals([status, headers.get("connection")], [503, "close"]);
  const body = await client.until("}}");
  assertStringIncludes(body, "-31018");
  assertStringIncludes(body, '"mayHaveRun":false');
  await stopped;
  assertEquals(proxy.target.requests.length, 0);
});

Deno.test("a client that takes nothing of its answer does not hold up a stop, while one that waits for its own is answered", async () => {
  const { handler, asked, go } = onCue();
  const cut = Promise.withResolvers<void>();
  using clock = new Clock();
  await using proxy = await HttpProxy.before({
    slow: handler,
    flood: flood(cut.resolve),
  }, { token: false, drainMs: 86_400_000 });
  using _silent = await flooded(proxy);
  const slow = proxy.post({ jsonrpc: "2.0", id: 2, method: "slow" });
  await asked;
  const stopped = proxy.stop();
  while (!proxy.logText.includes('"a request failed"')) await clock.pass(1_000);
  await within(cut.promise, "the end of the target's stream");
  go();
  assertEquals((await (await slow).json()).result, {});
  await stopped;
});

Deno.test("streams that stand open end at once, and do not wait for what is under way", async () => {
  const { handler, asked, go } = onCue();
  await using proxy = await HttpProxy.before({
    "slow": handler,
    "GET": async (_message, reply) => {
      const stream = await reply.sse();
      await stream.closed;
    },
  });
  const get = await proxy.fetch();
  const slow = proxy.post({ jsonrpc: "2.0", id: 1, method: "slow" });
  await asked;
  const stopped = proxy.stop();
  assertEquals(await get.text(), "");
  go();
  assertEquals((await (await slow).json()).result, {});
  await stopped;
  assertEquals(proxy.logText.includes('"warn"'), false);
});

Deno.test("a GET stream is ended as a target would, and a POST stream is broken off", async () => {
  const left: Promise<void>[] = [];
  const stream: McpHandler = async (_message, reply) => {
    const stream = await reply.sse();
    left.push(stream.closed);
    await stream.event({ id: "1", data: "{}" });
    await stream.closed;
  };
  await using proxy = await HttpProxy.before({
    "GET": stream,
    "tools/call": stream,
    "subscriptions/listen": stream,
  }, { drainMs: 50 });
  const get = await proxy.fetch();
  const post = await proxy.post(request("tools/call"));
  const listen = await proxy.post(request("subscriptions/listen", 2), {
    "mcp-method": "subscriptions/listen",
  });
  const read = Promise.allSettled([get.text(), post.text(), listen.text()]);
  await proxy.stop();
  const [ended, ...broken] = await read;
  assertEquals(ended, {
    status: "fulfilled",
    value: "id: 1\ndata: {}\n\n",
  });
  assertEquals(broken.map(({ status }) => status), ["rejected", "rejected"]);
  assertEquals(left.length, 3);
  await within(Promise.all(left), "the target to be left");
});

Deno.test("a client that reads nothing, and one in the middle of its head, do not hold up a stop", async () => {
  await using proxy = await HttpProxy.before({ flood: flood() }, {
    token: false,
    drainMs: 50,
  });
  using _silent = await flooded(proxy);
  using slow = await RawClient.connect(proxy.port);
  await slow.send("POST /mcp HTTP/1.1\r\nHost: loc");
  using unfinished = await RawClient.connect(proxy.port);
  await unfinished.sendHead(
    "POST /mcp HTTP/1.1",
    "Host: localhost",
    "Content-Length: 1000",
  );
  await proxy.stop();
});
