import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Clock } from "../../support/time/clock.ts";
import { within } from "../../support/time/deadline.ts";
import { result } from "../../support/raw/mcp.ts";
import { PING, World } from "./world.ts";

/** A message of this many bytes. */
function messageOf(byteLength: number): string {
  const message = '{"jsonrpc":"2.0","id":1,"method":"m","params":{"x":""}}';
  const filling = "x".repeat(byteLength - message.length);
  return message.replace('""', `"${filling}"`);
}

Deno.test("a body of the largest size passes, and one byte more is 413", async () => {
  await using world = await World.make({ maxBodyBytes: 100_000 });
  const right = await world.post(messageOf(100_000));
  assertEquals((await right.json()).id, 1);
  const large = await world.post(messageOf(100_001));
  const { error } = await large.json();
  assertEquals([large.status, error.code], [413, -31016]);
  assertEquals(error.data.limitBytes, 100_000);
  assertStringIncludes(error.message, "maxBodyBytes");
  assertEquals(world.target.requests.length, 1);
});

Deno.test("a body that is too large and does not say so is 413, too", async () => {
  await using world = await World.make({ maxBodyBytes: 1000 });
  const chunked = await fetch(world.url, {
    method: "POST",
    body: new Blob([messageOf(500), messageOf(501)]).stream(),
  });
  assertEquals(chunked.status, 413);
  await chunked.body?.cancel();
  const right = await fetch(world.url, {
    method: "POST",
    body: new Blob([messageOf(1000)]).stream(),
  });
  assertEquals((await right.json()).id, 1);
  assertEquals(world.target.requests.all[0].text(), messageOf(1000));
});

Deno.test("a body that is announced too large is refused before it comes", async () => {
  await using world = await World.make({ maxBodyBytes: 1000 });
  using client = await world.begin("Content-Length: 1001");
  assertEquals((await client.head()).status, 413);
});

Deno.test("a body in very many pieces takes no more than its size", async () => {
  await using world = await World.make({});
  using client = await world.begin("Transfer-Encoding: chunked");
  const message = messageOf(50_000);
  const chunks = [...message].map((char) => `1\r\n${char}\r\n`);
  await client.send(`${chunks.join("")}0\r\n\r\n`);
  assertEquals((await client.head()).status, 200);
  assertEquals(world.target.requests.all[0].text(), message);
});

Deno.test("more bodies than there is memory for are 503, until one is gone", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let count = 0;
  await using world = await World.make({ maxBodyBytes: 1000 }, async (
    request,
    reply,
  ) => {
    if (++count === 4) asked.resolve();
    await release.promise;
    await reply.json(result(JSON.parse(request.text())));
  });
  const held = Array.from(
    { length: 4 },
    () => world.post(messageOf(1000)),
  );
  await within(asked.promise, "four requests");
  const refused = await world.post(PING);
  const { error } = await refused.json();
  assertEquals([refused.status, error.data.mayHaveRun], [503, false]);
  assertEquals(refused.headers.get("retry-after"), "1");
  release.resolve();
  for (const answer of held) assertEquals((await (await answer).json()).id, 1);
  const taken = await world.post(PING);
  assertEquals((await taken.json()).id, 1);
});

Deno.test("bodies that came to nothing leave their memory to others", async () => {
  await using world = await World.make({
    maxBodyBytes: 1000,
    bodyIdleTimeoutMs: 50,
  });
  for (let late = 0; late < 5; late++) {
    using client = await world.begin("Content-Length: 1000");
    await client.send("x".repeat(999));
    assertEquals((await client.head()).status, 408);
  }
  const post = () => world.post(messageOf(1000));
  let right = await post();
  // On a machine that is slow this one is late, too.
  while (right.status === 408) {
    right = (await right.body?.cancel(), await post());
  }
  assertEquals((await right.json()).id, 1);
});

Deno.test("a body that stops coming is 408", async () => {
  await using world = await World.make({ bodyIdleTimeoutMs: 40 });
  using client = await world.begin("Content-Length: 1000");
  await client.send("{");
  assertEquals((await client.head()).status, 408);
  assertStringIncludes(await client.until("}}"), "-31014");
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a body that comes byte by byte for too long is 408", async () => {
  await using world = await World.make({
    bodyIdleTimeoutMs: 60_000,
    bodyTimeoutMs: 200,
  });
  using client = await world.begin("Content-Length: 60000000");
  let isAnswered = false;
  const answered = client.head().finally(() => isAnswered = true);
  while (!isAnswered) await client.send("x");
  assertEquals((await answered).status, 408);
  assertStringIncludes(await client.until("}}"), "did not come within 200 ms");
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a body that is announced too large is refused before the client is told to send it", async () => {
  await using world = await World.make({ maxBodyBytes: 1000 });
  const lines = ["POST /mcp HTTP/1.1", "Host: localhost"];
  const expect = "Expect: 100-continue";
  using large = await world.open(...lines, "Content-Length: 1001", expect);
  assertEquals((await large.head()).status, 413);
  using right = await world.open(...lines, "Content-Length: 1000", expect);
  assertEquals((await right.head()).status, 100);
});

Deno.test("bodies that are announced and do not come take no memory", async () => {
  const size = 64 * 1024 * 1024;
  await using world = await World.make({ maxBodyBytes: size });
  using clients = new DisposableStack();
  const before = Deno.memoryUsage().external;
  for (let count = 0; count < 10; count++) {
    const client = clients.use(
      await world.begin(`Content-Length: ${size}`, "Expect: 100-continue"),
    );
    assertEquals((await client.head()).status, 100);
    await client.send("{");
  }
  const right = await world.post(PING);
  assertEquals((await right.json()).id, 1);
  const taken = Deno.memoryUsage().external - before;
  assert(taken < size, `${taken} bytes`);
});

Deno.test("a client that leaves in the middle of its body leaves nothing behind", async () => {
  await using world = await World.make({ maxRequests: 1 });
  {
    using client = await world.begin("Content-Length: 1000");
    await client.send("{");
  }
  const line = await world.log.find((line) => line.includes("answered"));
  assertEquals(JSON.parse(line).complete, false);
  assertEquals((await world.post(PING)).status, 200);
});

Deno.test("a body in a coding that is not taken off is 501, and not sent on", async () => {
  await using world = await World.make({});
  const head = ["POST /mcp HTTP/1.1", "Host: localhost"];
  using coded = await world.open(...head, "Transfer-Encoding: gzip, chunked");
  assertEquals((await coded.head()).status, 501);
  using plain = await world.open(...head, "Transfer-Encoding: Chunked");
  await plain.send(`${PING.length.toString(16)}\r\n${PING}\r\n0\r\n\r\n`);
  assertEquals((await plain.head()).status, 200);
  assertEquals(world.target.requests.length, 1);
});

Deno.test("the rest of a refused body may come, so that the client sees why", async () => {
  using clock = new Clock();
  await using world = await World.make({ maxBodyBytes: 1000 });
  const size = 8 * 1024 * 1024;
  using client = await world.begin(`Content-Length: ${size}`);
  const told = (async () => {
    await client.send(new Uint8Array(size));
    return [await client.head(), await client.rest()] as const;
  })();
  let isTold = false;
  told.catch(() => {}).finally(() => isTold = true);
  // The HTTP server rests after each piece.
  while (!isTold) await Promise.race([told, clock.ring(10)]);
  const [{ status, headers }, rest] = await told;
  assertEquals([status, headers.get("connection")], [413, "close"]);
  assertStringIncludes(rest, "-31016");
});
