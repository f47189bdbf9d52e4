import { assertEquals, assertStringIncludes } from "@std/assert";
import { mcp } from "./support/raw_mcp.ts";
import { RawServer } from "./support/raw_server.ts";
import { StreamClient } from "./support/stream_client.ts";

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

Deno.test("once the target has answered, no connection is opened to ask ahead", async () => {
  await using server = await RawServer.start(mcp({}));
  await using client = new StreamClient({
    url: server.url,
    connectTimeoutMs: 10_000,
  });
  for (let id = 0; id < 5; id++) {
    client.request(id, "m");
    await client.answer(id);
  }
  // One that asked ahead, one that carries the requests.
  assertEquals(server.connections.length, 2);
});
