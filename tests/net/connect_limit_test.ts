import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { withConnectLimit } from "../../src/net/connect_limit.ts";
import { ProxyError } from "../../src/errors.ts";
import { within } from "../support/deadline.ts";
import { ProxyProcess } from "../support/proxy_process.ts";
import { mcp } from "../support/raw_mcp.ts";
import { RawServer } from "../support/raw_server.ts";
import { StreamClient } from "../support/stream_client.ts";

/**
 * A listener that accepts nothing, with its queue of waiting connections full,
 * so that the next one gets no answer at all.
 */
async function fullListener() {
  const listener = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
    // @ts-ignore not in the types; without effect where it is not known
    tcpBacklog: 1,
  });
  const { port } = listener.addr;
  const waiting: Deno.Conn[] = [];
  for (;;) {
    const limit = AbortSignal.timeout(250);
    try {
      waiting.push(
        await Deno.connect({ hostname: "127.0.0.1", port, signal: limit }),
      );
    } catch {
      break;
    }
  }
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    [Symbol.dispose]() {
      for (const connection of waiting) connection.close();
      listener.close();
    },
  };
}

Deno.test({
  name:
    "a target that never accepts the connection is unreachable after the connect timeout",
  // Elsewhere a full queue refuses at once.
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = await fullListener();
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
    assertStringIncludes(json.error.message, "--connect-timeout");
  },
});

Deno.test("a target that accepts and is slow to answer is not unreachable", async () => {
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await reply.json({ jsonrpc: "2.0", id: message.id, result: {} });
    },
  }));
  await using client = new StreamClient({
    url: server.url,
    connectTimeoutMs: 100,
  });
  client.request(1, "m");
  assertEquals((await client.next()).json.result, {});
});

Deno.test("a target that answers at once is not asked whether it accepts connections", async () => {
  await using server = await RawServer.start(mcp({}));
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
  using limited = withConnectLimit(fetch, {
    limitMs: 200,
    connect: (_url, signal) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      ),
  });
  const post = (method: string) =>
    limited(server.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method }),
    });
  await (await post("m")).body?.cancel();
  const error = await assertRejects(
    () => within(post("hang"), "the connect limit"),
    ProxyError,
  );
  assertEquals([error.reason, error.data.mayHaveRun], ["unreachable", true]);
});

Deno.test("a target that is slow over many calls at once is asked once whether it accepts connections", async () => {
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await reply.json({ jsonrpc: "2.0", id: message.id, result: {} });
    },
  }));
  await using client = new StreamClient({
    url: server.url,
    connectTimeoutMs: 200,
  });
  const count = 20;
  for (let id = 0; id < count; id++) client.request(id, "m");
  for (let id = 0; id < count; id++) await client.next();
  const asked = server.connections.length - count;
  assert(asked <= 2, `asked ${asked} times`);
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
  using limited = withConnectLimit(fetch, {
    limitMs: 400,
    connect: (_url, signal) => {
      most = Math.max(most, ++open);
      if (calls.length === 1) post();
      return new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => {
          open--;
          reject(signal.reason);
        })
      );
    },
  });
  post();
  await within(calls[0], "the first call's error");
  await within(calls[1], "the second call's error");
  assertEquals(most, 1);
});

Deno.test("a target that is slow over each call is not asked for each of them", async () => {
  await using server = await RawServer.start(mcp({
    m: async (message, reply) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await reply.json({ jsonrpc: "2.0", id: message.id, result: {} });
    },
  }));
  await using client = new StreamClient({
    url: server.url,
    connectTimeoutMs: 1_000,
  });
  for (let id = 0; id < 6; id++) {
    client.request(id, "m");
    await client.answer(id);
  }
  assert(
    server.connections.length <= 4,
    `${server.connections.length} connections`,
  );
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
      using listener = await fullListener();
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
    using listener = await fullListener();
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
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = gone.addr;
  gone.close();
  const target = new URL(`http://127.0.0.1:${port}/mcp`);
  await using proxy = await ProxyProcess.start({
    target,
    args: ["--retries=0"],
    env: { HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "127.0.0.1" },
    permissionFlags: [
      "--no-prompt",
      `--allow-net=${target.host}`,
      "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,HTTP_PROXY,ALL_PROXY,https_proxy,http_proxy,all_proxy",
    ],
  });
  const text = JSON.stringify((await proxy.request("ping")).value);
  assertStringIncludes(text, `cannot connect to ${target.origin}`);
  assert(!text.includes("HTTP_PROXY"), text);
});
