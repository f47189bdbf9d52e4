/** Event streams that cost more to read than they are long. */
import { assertEquals } from "@std/assert";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { StreamClient } from "../support/stream/client.ts";

const MIB = 1024 * 1024;

async function gzipped(text: string): Promise<Uint8Array> {
  const zip = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return await new Response(zip).bytes();
}

for (const line of ["\r", "data: x\r", ":\r", "id: 1\r", "retry: 1\r", "\n"]) {
  Deno.test(`a ping is answered while a stream of ${JSON.stringify(line)} goes on`, async () => {
    const flood = line.repeat(4 * MIB / line.length);
    const flooded = Promise.withResolvers<void>();
    await using server = await RawServer.start(mcp({
      m: async (_message, reply) => {
        const stream = await reply.sse();
        for (let n = 0; n < 4; n++) {
          await stream.raw(flood);
          flooded.resolve();
        }
        await stream.closed;
      },
    }));
    await using client = new StreamClient({ url: server.url });
    client.request(1, "m");
    await flooded.promise;
    client.request(2, "ping");
    assertEquals((await client.next()).json, {
      jsonrpc: "2.0",
      id: 2,
      result: {},
    });
  });
}

for (const begin of ["x", ": ", "id: ", "event: ", "data: "]) {
  Deno.test(`a line that begins with ${JSON.stringify(begin)} and does not end, out of little gzip, ends its call and no other`, async () => {
    // Data may be the answer that is waited for, and is read for longer.
    const bytes = (begin === "data: " ? 96 : 24) * MIB;
    const body = await gzipped(begin + "x".repeat(bytes));
    await using server = await RawServer.start(mcp({
      m: async (_message, reply) => {
        const stream = await reply.stream(200, {
          "content-type": "text/event-stream",
          "content-encoding": "gzip",
        });
        await stream.raw(body);
        await stream.closed;
      },
    }));
    await using client = new StreamClient({ url: server.url });
    client.request(1, "m");
    const { json } = await client.next();
    assertEquals([json.id, json.error?.data.reason], [1, "frame-too-large"]);
    client.request(2, "ping");
    assertEquals((await client.next()).json.id, 2);
  });
}
