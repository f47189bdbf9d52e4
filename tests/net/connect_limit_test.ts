import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { OPTION_NAMES } from "../../src/naming.ts";
import {
  type ConnectLimit,
  withConnectLimit,
} from "../../src/net/connect_limit.ts";
import { ProxyError } from "../../src/errors.ts";
import { Clock } from "../support/time/clock.ts";
import { within } from "../support/time/deadline.ts";
import { FullListener } from "../support/net/full_listener.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { StreamClient } from "../support/stream/client.ts";

Deno.test({
  name:
    "a target that never accepts the connection is unreachable after the connect timeout",
  // Elsewhere a full queue refuses at once.
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = await FullListener.start();
    await using client = new StreamClient({
      url: listener.url,
      connectTimeoutMs: 300,
    });
    client.request(1, "m");
    const { json } = await client.next();
    assertEquals(
      [json.error.code, json.error.data.limitMs, json.error.data.mayHaveRun],
      [-31010, 300, false],
    );
    assertStringIncludes(json.error.message, "connectTimeoutMs");
  },
});

/** A fetch whose limit asks in this way whether the target accepts. */
const limitedBy = (connect: ConnectLimit["connect"], limitMs = 20_000) =>
  withConnectLimit(fetch, { limitMs, names: OPTION_NAMES, connect });

/** A target that answers when it is told to. */
async function onCue(): Promise<RawServer & { go(): void }> {
  let cue = Promise.withResolvers<void>();
  const server = await RawServer.start(mcp({
    m: async (message, reply) => {
      await cue.promise;
      await reply.json({ jsonrpc: "2.0", id: message.id, result: {} });
    },
  }));
  return Object.assign(server, {
    go() {
      cue.resolve();
      cue = Promise.withResolvers();
    },
  });
}

Deno.test("a target that accepts and is slow to answer is not unreachable", async () => {
  await using server = await onCue();
  using clock = new Clock();
  await using client = new StreamClient({
    url: server.url,
    connectTimeoutMs: 20_000,
  });
  client.request(1, "m");
  await server.requests.at(0);
  await clock.ring(1_000);
  await server.connections.at(1);
  // The next look is set when that one was accepted.
  await clock.ring(1_000);
  await clock.pass(20_000);
  server.go();
  assertEquals((await client.next()).json.result, {});
});

Deno.test("a target that answers at once is not asked whether it accepts connections", async () => {
  await using server = await RawServer.start(mcp({}));
  using _clock = new Clock();
  await using client = new StreamClient({
    url: server.url,
    connectTimeoutMs: 10_000,
  });
  for (let id = 0; id < 5; id++) {
    client.request(id, "m");
    await client.answer(id);
  }
  assertEquals(server.connections.length, 1);
});

Deno.test("a target that has answered and then accepts no more is unreachable, too", async () => {
  await using server = await RawServer.start(mcp({
    hang: (_message, reply) => reply.hang(),
  }));
  using clock = new Clock();
  using limited = limitedBy((_url, signal) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    )
  );
  const post = (method: string) =>
    limited(server.url, {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method }),
    });
  await (await post("m")).body?.cancel();
  const hung = assertRejects(
    () => within(post("hang"), "the connect limit"),
    ProxyError,
  );
  await clock.pass(60_000);
  const error = await hung;
  assertEquals([error.reason, error.data.mayHaveRun], ["unreachable", true]);
});

Deno.test("a target that answers one call while it is asked has accepted what waits beside it", async () => {
  await using server = await onCue();
  using clock = new Clock();
  const asked = Promise.withResolvers<AbortSignal>();
  using limited = limitedBy((_url, signal) => {
    asked.resolve(signal);
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  });
  const post = (body: string) => limited(server.url, { method: "POST", body });
  const slow = post('{"jsonrpc":"2.0","id":1,"method":"m"}');
  await server.requests.at(0);
  await clock.ring(1_000);
  const signal = await asked.promise;
  const quick = await post('{"jsonrpc":"2.0","id":2,"method":"other"}');
  await clock.pass(20_000);
  assert(signal.aborted);
  server.go();
  assertEquals((await slow).status, 200);
  await Promise.all([quick, await slow].map(({ body }) => body?.cancel()));
});

Deno.test("a call that was accepted goes on where one after it is not", async () => {
  await using server = await onCue();
  using clock = new Clock();
  const asked: PromiseWithResolvers<void>[] = [];
  using limited = limitedBy((_url, signal) => {
    const ask = Promise.withResolvers<void>();
    asked.push(ask);
    signal.addEventListener("abort", () => ask.reject(signal.reason));
    // That is how the first one is known to be accepted.
    if (asked.length === 1) ask.resolve();
    return ask.promise;
  });
  const post = () =>
    limited(server.url, {
      method: "POST",
      body: '{"jsonrpc":"2.0","id":1,"method":"m"}',
    });
  const first = post();
  await server.requests.at(0);
  await clock.ring(1_000);
  await asked[0].promise;
  const second = assertRejects(
    () => within(post(), "the connect limit"),
    ProxyError,
  );
  await server.requests.at(1);
  await clock.pass(60_000);
  assertEquals((await second).reason, "unreachable");
  server.go();
  const { status, body } = await first;
  assertEquals(status, 200);
  await body?.cancel();
});

Deno.test("a target that refuses to be asked is left to the request, which its caller may end", async () => {
  await using server = await onCue();
  using clock = new Clock();
  const asked = Promise.withResolvers<void>();
  using limited = limitedBy(() => {
    asked.resolve();
    return Promise.reject(new Error("refused"));
  });
  const caller = new AbortController();
  const call = limited(server.url, {
    method: "POST",
    body: '{"jsonrpc":"2.0","id":1,"method":"m"}',
    signal: caller.signal,
  });
  await server.requests.at(0);
  await clock.ring(1_000);
  await asked.promise;
  await clock.pass(15_000);
  caller.abort(new Error("enough"));
  await assertRejects(() => within(call, "the caller's end"), Error, "enough");
});

Deno.test("a target that is slow over many calls at once is asked once whether it accepts connections", async () => {
  await using server = await onCue();
  using clock = new Clock();
  let asked = 0;
  using limited = limitedBy(() => Promise.resolve(void asked++));
  await using client = new StreamClient({ url: server.url, fetch: limited });
  const count = 20;
  for (let id = 0; id < count; id++) client.request(id, "m");
  await server.requests.at(count - 1);
  for (let look = 0; look < 15; look++) await clock.ring(1_000);
  server.go();
  for (let id = 0; id < count; id++) {
    assertEquals((await client.next()).json.result, {});
  }
  assertEquals(asked, 1);
});

Deno.test("a target that does not accept is asked by one connection at a time, whatever comes meanwhile", async () => {
  await using server = await RawServer.start((_request, reply) => reply.hang());
  const calls: Promise<unknown>[] = [];
  let open = 0;
  let most = 0;
  const post = () => {
    const call = limited(server.url, { method: "POST", body: "{}" });
    calls.push(assertRejects(() => call, ProxyError));
  };
  using limited = limitedBy((_url, signal) => {
    most = Math.max(most, ++open);
    if (calls.length === 1) post();
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => {
        open--;
        reject(signal.reason);
      })
    );
  }, 400);
  post();
  await within(calls[0], "the first call's error");
  await within(calls[1], "the second call's error");
  assertEquals(most, 1);
});

Deno.test("a target that is slow over each call is not asked for each of them", async () => {
  await using server = await onCue();
  using clock = new Clock();
  let asked = 0;
  using limited = limitedBy(() => Promise.resolve(void asked++));
  await using client = new StreamClient({ url: server.url, fetch: limited });
  for (let id = 0; id < 6; id++) {
    client.request(id, "m");
    await server.requests.at(id);
    await clock.pass(15_000);
    server.go();
    assertEquals((await client.answer(id)).json.result, {});
  }
  assertEquals(asked, 1);
});

for (
  const [what, environment] of [
    ["of another scheme", { HTTPS_PROXY: "http://proxy.invalid:3128" }],
    ["that the target is exempt from", {
      HTTP_PROXY: "http://proxy.invalid:3128",
      no_proxy: "127.0.0.1",
    }],
  ] as const
) {
  Deno.test({
    name: `the connect timeout holds beside a proxy ${what}`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      using listener = await FullListener.start();
      await using proxy = await ProxyProcess.start({
        target: listener.url,
        args: ["--connect-timeout=300ms", "--retries=0"],
        env: environment,
      });
      const text = JSON.stringify((await proxy.request("ping")).value);
      assertStringIncludes(text, `${listener.url.origin} did not accept`);
    },
  });
}

Deno.test({
  name:
    "a proxy that never accepts the connection is named after the connect timeout",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = await FullListener.start();
    const { host, origin } = listener.url;
    await using proxy = await ProxyProcess.start({
      target: new URL("http://192.0.2.1/mcp"),
      args: ["--connect-timeout=300ms", "--retries=0", "--allow-http"],
      env: { HTTP_PROXY: origin, NO_PROXY: undefined, no_proxy: undefined },
      permissions: { net: [host] },
    });
    const text = JSON.stringify((await proxy.request("ping")).value);
    assertStringIncludes(
      text,
      `the HTTP proxy ${origin} (HTTP_PROXY) did not accept a connection within 300 ms`,
    );
  },
});

Deno.test("a proxy is not blamed when it cannot be known whether the target is exempt", async () => {
  await using proxy = await ProxyProcess.start({
    target: NOBODY,
    args: ["--retries=0"],
    env: { HTTP_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.1" },
    permissionFlags: [
      "--no-prompt",
      `--allow-net=${NOBODY.host}`,
      "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,HTTP_PROXY,ALL_PROXY,https_proxy,http_proxy,all_proxy",
    ],
  });
  const text = JSON.stringify((await proxy.request("ping")).value);
  assertStringIncludes(text, `cannot connect to ${NOBODY.origin}`);
  assert(!text.includes("HTTP_PROXY"), text);
});
