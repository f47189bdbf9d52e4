/** The channel of HTTP+SSE: how it opens, and how it ends. */
import type { Target } from "../../../src/mcp/transport/target.ts";
import { ProxyError } from "../../../src/errors.ts";
import { AttemptError } from "../../../src/mcp/transport/retry.ts";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { ResponseRouter } from "../../../src/mcp/transport/answers/response_router.ts";
import { SseChannel } from "../../../src/mcp/session/http_sse.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import { within } from "../../support/time/deadline.ts";
import { RawServer } from "../../support/raw/server.ts";

/** Opens a channel where nobody waits for an answer. */
function openChannel(
  url: URL,
  { redactor = new Redactor(), idleTimeoutMs = 60_000, endpointLimitMs }: {
    redactor?: Redactor;
    idleTimeoutMs?: number;
    endpointLimitMs?: number;
  } = {},
): Promise<SseChannel> {
  const target: Target = {
    url,
    fetch,
    names: OPTION_NAMES,
    headers: [],
    log: SILENT_LOG,
    redactor,
    explain: () => undefined,
    emit: () => Promise.resolve(),
    emitPieces: () => Promise.resolve(),
    maxAnswerBytes: 1024,
    timeoutMs: undefined,
    idleTimeoutMs,
    maxConcurrency: 1,
    retries: 0,
  };
  const router = new ResponseRouter(target, {
    era: "legacy",
    onAnswer: () => {},
    refuse: () => {},
  });
  return SseChannel.open(target, router, undefined, endpointLimitMs);
}

/** A server whose stream begins with this text, and then stands open. */
function streamBeginning(text: string): Promise<RawServer> {
  return RawServer.start(async (_request, reply) => {
    const stream = await reply.sse();
    await stream.raw(text);
    await stream.closed;
  });
}

Deno.test("comments, heartbeats and blocks without data may come before the endpoint event", async () => {
  await using server = await streamBeginning(
    ": hello\n\nretry: 3000\n\nid: 4\n\ndata: ping\n\n" +
      'data: {"type":"heartbeat"}\n\nevent: endpoint\ndata: /messages\n\n',
  );
  const channel = await openChannel(server.url);
  assertEquals(channel.endpoint.pathname, "/messages");
  channel.close();
  assert(channel.over.aborted);
  await channel.closed;
});

Deno.test("a message before the endpoint event is refused", async () => {
  const note = '{"jsonrpc":"2.0","method":"notifications/message"}';
  await using server = await streamBeginning(
    `retry: 3000\n\ndata: ${note}\n\n`,
  );
  const error = await assertRejects(
    () => openChannel(server.url),
    ProxyError,
  );
  assertEquals(error.reason, "bad-answer");
});

Deno.test("a channel that is silent for too long is closed", async () => {
  await using server = await streamBeginning(
    "event: endpoint\ndata: /messages\n\n",
  );
  const channel = await openChannel(server.url, { idleTimeoutMs: 20 });
  await within(channel.closed, "the end of a silent channel");
  assert(channel.over.aborted);
  assertInstanceOf(channel.cause, Error);
  assertStringIncludes(channel.cause.message, "silent for 20 ms");
});

Deno.test("the session ID in the endpoint's query is hidden", async () => {
  await using server = await streamBeginning(
    "event: endpoint\ndata: /messages?sessionId=c0ffee-1234\n\n",
  );
  const redactor = new Redactor();
  const channel = await openChannel(server.url, { redactor });
  const text = redactor.redact(`POST ${channel.endpoint} failed`);
  channel.close();
  await channel.closed;
  assert(!text.includes("c0ffee-1234"), text);
});

Deno.test("a GET refused with 503 and Retry-After may be sent again after that time", async () => {
  await using server = await RawServer.start((_request, reply) =>
    reply.status(503, { "retry-after": "7" })
  );
  const error = await assertRejects(
    () => openChannel(server.url),
    AttemptError,
  );
  assertEquals([error.retryable, error.retryAfterMs], ["always", 7000]);
});

for (const names of ["no event at all", "a comment alone", "no headers"]) {
  Deno.test(`a target whose stream has ${names} in time is told to name no endpoint`, async () => {
    await using server = await RawServer.start(async (_request, reply) => {
      if (names === "no headers") return await reply.hang();
      const stream = await reply.sse();
      if (names === "a comment alone") await stream.comment("hello");
      await stream.closed;
    });
    const error = await assertRejects(
      () => openChannel(server.url, { endpointLimitMs: 100 }),
      ProxyError,
    );
    assertEquals([error.reason, error.data.limitMs], [
      "timeout",
      100,
    ]);
    assertStringIncludes(error.message, "named no endpoint");
    assertStringIncludes(error.message, 'leave out transport: "sse"');
  });
}
