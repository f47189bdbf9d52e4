import { assertEquals } from "@std/assert";
import { withCookies } from "../../src/net/cookies.ts";
import { Redactor } from "../../src/redact/redact.ts";
import { mcp, result, Sessions } from "../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../support/raw/server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../support/stream/client.ts";
import { keptLog } from "../support/kept_log.ts";

/** The cookies that arrived, where each answer sets the next of `given`. */
async function cookiesSent(
  given: string[],
  options: Partial<StreamClientOptions> = {},
): Promise<(string | undefined)[]> {
  const set = [...given];
  await using server = await RawServer.start(mcp({
    m: (message, reply) => {
      const cookie = set.shift();
      return reply.json(
        result(message),
        200,
        cookie === undefined ? {} : { "set-cookie": cookie },
      );
    },
  }));
  await using client = new StreamClient({ url: server.url, ...options });
  for (let id = 0; id <= given.length; id++) {
    client.request(id, "m");
    assertEquals((await client.answer(id)).json.error, undefined);
  }
  return server.requests.all.map((request) => request.header("cookie"));
}

/** The text as a redactor shows it that has seen these cookies come. */
async function shown(text: string, given: string[]): Promise<string> {
  const redactor = new Redactor();
  await cookiesSent(given, { redactor });
  return redactor.redact(text);
}

Deno.test("a cookie that comes again unchanged stays hidden", async () => {
  const given = Array<string>(60).fill("session=sticky-value-1-0001");
  assertEquals(await shown("sticky-value-1-0001", given), "[redacted]");
});

Deno.test("a cookie that was replaced, or is over, is not kept for hiding it", async () => {
  assertEquals(
    await shown("first-value-1-0001 second-value-2-0001 third-value-3-0001", [
      "a=first-value-1-0001",
      "a=second-value-2-0001",
      "b=third-value-3-0001",
      "b=third-value-3-0001; Max-Age=0",
    ]),
    "first-value-1-0001 [redacted] third-value-3-0001",
  );
});

Deno.test("a cookie whose name promises what it lacks is not kept, and the answer that sets it passes", async () => {
  const given = ["__Host-a=secret-value-1-0001", "b=secret-value-2-0001"];
  assertEquals((await cookiesSent(given)).at(-1), "b=secret-value-2-0001");
});

Deno.test("the newest 50 cookies are kept, and one of more than 4 KiB is not", async () => {
  const given = Array.from({ length: 120 }, (_, n) => `name${n}=${n}`);
  // Set anew each time, the oldest name is not the oldest cookie.
  const sticky = given.flatMap((cookie) => ["sticky=1", cookie]);
  const large = `large=${"x".repeat(5000)}`;
  const sent = (await cookiesSent([...sticky, large])).at(-1)?.split("; ");
  assertEquals(
    new Set(sent),
    new Set(["sticky=1", ...given.slice(-49)]),
  );
});

Deno.test("a cookie goes back to the target that set it", async () => {
  assertEquals(
    await cookiesSent(["AWSALB=first; Path=/", "AWSALB=second; Path=/"]),
    [undefined, "AWSALB=first", "AWSALB=second"],
  );
});

Deno.test("a cookie for another path, or one that is over, is not sent", async () => {
  assertEquals(
    await cookiesSent(["a=1; Path=/other", "b=2; Max-Age=0", "c=3; Path=/mcp"]),
    [undefined, undefined, undefined, "c=3"],
  );
});

Deno.test("a cookie with a domain is the exact host's all the same", async () => {
  assertEquals(await cookiesSent(["a=1; Domain=127.0.0.1; Path=/"]), [
    undefined,
    "a=1",
  ]);
});

Deno.test("without cookies none is kept, and a cookie of the user's own wins", async () => {
  assertEquals(await cookiesSent(["a=1; Path=/"], { cookies: false }), [
    undefined,
    undefined,
  ]);
  assertEquals(
    await cookiesSent(["a=1; Path=/"], { headers: [["Cookie", "mine=1"]] }),
    ["mine=1", "mine=1"],
  );
});

Deno.test("a cookie goes to no other origin, a port of the same host neither", async () => {
  const handler: RawHandler = (_request, reply) =>
    reply.status(200, { "set-cookie": "a=1; Path=/" });
  await using server = await RawServer.start(handler);
  await using other = await RawServer.start(handler);
  const fetching = withCookies(fetch, new Redactor());
  for (const { url } of [server, other, server]) {
    await (await fetching(url, undefined)).body?.cancel();
  }
  const cookies = [...server.requests.all, ...other.requests.all]
    .map((request) => request.header("cookie"));
  assertEquals(cookies, [undefined, "a=1", undefined]);
});

Deno.test("a request that brings a cookie of its own keeps it, whatever its target has set", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.status(200, { "set-cookie": "a=1; Path=/" })
  );
  const { url } = server;
  const fetching = withCookies(fetch, new Redactor());
  for (
    const headers of [
      undefined,
      undefined,
      { cookie: "mine=1" },
      new Headers({ cookie: "mine=2" }),
    ]
  ) await (await fetching(url, { headers })).body?.cancel();
  assertEquals(
    server.requests.all.map((request) => request.header("cookie")),
    [undefined, "a=1", "mine=1", "mine=2"],
  );
});

Deno.test("resumption, the standalone stream, recovery and the end carry the cookies, too", async () => {
  const sessions = new Sessions();
  await using server = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, { protocolVersion: "2025-11-25" }), 200, {
        "mcp-session-id": sessions.open(),
        "set-cookie": "AWSALB=sticky; Path=/",
      }),
    GET: async (_none, reply, request) => {
      const stream = await reply.sse();
      if (request.header("last-event-id") === "7") {
        return await stream.message(result({ id: 2 }));
      }
      await stream.closed;
    },
    cut: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.event({ id: "7", retry: 1, data: "" });
      await stream.cut();
    },
  }, sessions));
  await using client = new StreamClient({
    url: server.url,
    standaloneStream: true,
  });
  await client.initialize();
  await server.requests.find(({ method }) => method === "GET");
  client.request(2, "cut");
  await client.answer(2);
  sessions.known.clear();
  client.request(1, "m");
  await client.answer(1);
  await client.close();
  assertEquals(
    server.requests.all.slice(1).map((seen) => seen.header("cookie")),
    server.requests.all.slice(1).map(() => "AWSALB=sticky"),
  );
});

Deno.test("cookies are in no log line and in no error", async () => {
  const { log, lines } = keptLog();
  await using server = await RawServer.start(mcp({
    m: (message, reply) =>
      reply.json(result(message), 200, {
        "set-cookie": "a=secret-cookie-0001",
      }),
    n: (_message, reply, request) =>
      reply.status(500, {}, request.header("cookie")),
  }));
  await using client = new StreamClient({ url: server.url, log });
  client.request(1, "m");
  await client.answer(1);
  client.request(2, "n");
  const { text } = await client.answer(2);
  assertEquals(server.requests.all[1].header("cookie"), "a=secret-cookie-0001");
  assertEquals((text + lines.join("")).includes("secret-cookie-0001"), false);
});
