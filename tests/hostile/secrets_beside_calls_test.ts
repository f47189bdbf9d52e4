/**
 * Secrets that a target says elsewhere than in the answer to a call: over
 * streams, at the end, while a session is recovered.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { modern } from "../support/stream/modern_message.ts";
import { mcp, type McpHandler, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import {
  COOKIE,
  HEADER,
  KEY,
  opened,
  QUERY,
  Run,
  SESSION,
  signatureOf,
} from "./secrets_world.ts";

Deno.test("no v4a signature is shown, nor any secret of the modern era", async () => {
  const echoAll: McpHandler = (_message, reply, request) =>
    reply.status(
      500,
      { "set-cookie": `lb=${COOKIE}` },
      `${signatureOf(request)} ${request.headers.flat().join(" ")}`,
    );
  await using run = new Run(
    await RawServer.start(mcp({ "x/y": echoAll })),
    {},
    { signatureVersion: "v4a" },
  );
  for (const id of [1, 2]) {
    run.client.request(id, "x/y", modern());
    const { text } = await run.client.answer(id);
    assertStringIncludes(text, "[redacted]");
    run.assertUnseen(text);
  }
});

Deno.test("no secret is shown of a standalone stream, of notifications and of the end that are refused", async () => {
  const refuse: McpHandler = (_none, reply, request) =>
    reply.status(400, {}, request.headers.map(([, value]) => value).join(" "));
  await using run = new Run(
    await RawServer.start(mcp({
      initialize: opened,
      GET: refuse,
      DELETE: refuse,
      "notifications/odd": refuse,
    })),
    { standaloneStream: true },
  );
  await run.client.initialize();
  run.client.notify("notifications/odd");
  await run.server.requests.find(({ method }) => method === "GET");
  run.client.request(1, "ping");
  await run.client.answer(1);
  await run.client.close();
  assertStringIncludes(run.lines.join(""), "[redacted]");
  run.assertUnseen();
});

Deno.test("no secret is shown of a session whose recovery is refused", async () => {
  let started = 0;
  await using run = new Run(
    await RawServer.start(mcp({
      initialize: async (message, reply, request) => {
        if (started++ === 0) return await opened(message, reply, request);
        const values = request.headers.map(([, value]) => value);
        await reply.status(500, {}, `${COOKIE} ${values.join(" ")}`);
      },
      lost: (_message, reply) => reply.status(404, {}, `${SESSION} is gone`),
    })),
  );
  await run.client.initialize();
  run.client.request(1, "lost");
  const { text } = await run.client.answer(1);
  assertEquals(started, 2);
  run.assertUnseen(text);
});

Deno.test("sixty cookies push no secret out, and none of those that are kept is shown", async () => {
  let count = 0;
  const cookies: string[] = [];
  await using run = new Run(
    await RawServer.start(mcp({
      initialize: opened,
      more: (message, reply) => {
        cookies.push(`a-numbered-cookie-${++count}-value`);
        return reply.json(result(message), 200, {
          "set-cookie": `n${count}=${cookies.at(-1)}`,
        });
      },
      say: (_message, reply, request) =>
        reply.status(500, {}, `${request.header("cookie")}`.slice(-400)),
      keys: (_message, reply) =>
        reply.status(500, {}, `${SESSION} ${KEY.sessionToken} ${HEADER}`),
    })),
  );
  await run.client.initialize();
  for (let id = 1; id <= 60; id++) {
    run.client.request(id, "more");
    await run.client.answer(id);
  }
  run.client.request(61, "say");
  const said = (await run.client.answer(61)).text;
  assertStringIncludes(said, "[redacted]");
  assertEquals(said.includes("a-numbered-cookie"), false);
  run.client.request(62, "keys");
  const { text } = await run.client.answer(62);
  assertStringIncludes(text, "[redacted] [redacted] [redacted]");
});

Deno.test("no secret is shown that a target of HTTP+SSE says", async () => {
  await using run = new Run(
    await RawServer.start(async (request, reply) => {
      if (request.method === "GET") {
        const stream = await reply.sse({ "set-cookie": `lb=${COOKIE}` });
        await stream.event({
          event: "endpoint",
          data: `/messages?session=${SESSION}`,
        });
        return await stream.closed;
      }
      const values = request.headers.map(([, value]) => value);
      await reply.status(500, {}, `${QUERY} ${HEADER} ${values.join(" ")}`);
    }),
    { transport: "sse" },
  );
  run.client.request(1, "initialize");
  const { text } = await run.client.answer(1);
  assertStringIncludes(text, "[redacted]");
  run.assertUnseen(text);
});
