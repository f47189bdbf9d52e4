import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { CredentialsError, ProxyError } from "../../../src/errors.ts";
import { Clock } from "../../support/time/clock.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { IamGate } from "../../support/aws/iam_gate.ts";
import { modern } from "../../support/stream/modern_message.ts";
import {
  error,
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
} from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { StreamClient } from "../../support/stream/client.ts";
import {
  TEST_CREDENTIALS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../../support/aws/test_identity.ts";

const DISCOVER = "server/discover";
const FOUND = { supportedVersions: ["2026-07-28"], capabilities: {} };

/** The error that a client is told when `server/discover` meets this. */
async function errorWhen(handler: McpHandler, timeoutMs?: number) {
  await using w = await StreamWorld.start({ [DISCOVER]: handler }, {
    timeoutMs,
  });
  const json = await w.client.ask("probe", DISCOVER, modern());
  return { ...json.error, tries: w.server.requests.length };
}

const LEGACY_BODIES: Record<string, unknown> = {
  "no body": undefined,
  "a page": "<h1>what?</h1>",
  "the v1 SDK's error": error(
    { id: null },
    -32000,
    "Bad Request: Mcp-Session-Id header is required",
  ),
  "a lost session": error({ id: null }, -32001, "Session not found"),
  "an error of JSON-RPC": error({ id: "probe" }, -32602, "Invalid params"),
};

for (const status of [400, 404, 405]) {
  for (const [what, body] of Object.entries(LEGACY_BODIES)) {
    Deno.test(`a ${status} with ${what} to server/discover is -32601 with data.status`, async () => {
      const told = await errorWhen((_message, reply) =>
        typeof body === "object"
          ? reply.json(body, status)
          : reply.status(status, {}, String(body ?? ""))
      );
      assertEquals(
        [told.code, told.data.status, told.data.source, told.tries],
        [-32601, status, "sigv4-proxy", 1],
      );
    });
  }
}

for (const code of [-32020, -32021, -32022]) {
  Deno.test(`a 400 with ${code} to server/discover goes to the client as it is`, async () => {
    const { tries: _, ...told } = await errorWhen((message, reply) =>
      reply.json({
        jsonrpc: "2.0",
        id: message.id,
        error: { code, message: "no", data: { supported: ["2027-01-01"] } },
      }, 400)
    );
    assertEquals(told, {
      code,
      message: "no",
      data: { supported: ["2027-01-01"] },
    });
  });
}

Deno.test("a 200 with -32601 to server/discover goes to the client as it is", async () => {
  const told = await errorWhen((message, reply) =>
    reply.json(error(message, -32601, "Method not found"))
  );
  assertEquals([told.code, told.data, told.tries], [-32601, undefined, 1]);
});

const PASSING: Record<string, McpHandler> = {
  "a 401": (_message, reply) => reply.status(401),
  "a 403": (_message, reply) => reply.status(403),
  "a 429": (_message, reply) => reply.status(429, { "retry-after": "0" }),
  "a 500": (_message, reply) => reply.status(500),
  "a 500 with a JSON-RPC error": (message, reply) =>
    reply.json(error(message, -32603, "crashed"), 500),
  "a 503": (_message, reply) => reply.status(503),
  "a connection that is dropped": (_message, reply) => reply.cut(),
  "a stream that is cut": async (_message, reply) => {
    const stream = await reply.sse();
    await stream.comment();
    await stream.cut();
  },
};

for (const [what, handler] of Object.entries(PASSING)) {
  Deno.test(`server/discover that meets ${what} is tried again`, async () => {
    await using w = await StreamWorld.start({
      [DISCOVER]: (message, reply, request) =>
        request.index === 0
          ? handler(message, reply, request)
          : reply.json(result(message, FOUND)),
    });
    assertEquals((await w.client.ask(1, DISCOVER, modern())).result, FOUND);
    assertEquals(w.server.requests.length, 2);
  });

  Deno.test(`server/discover that meets ${what} again and again is answered truthfully`, async () => {
    const told = await errorWhen(handler, 700);
    assert(told.tries > 1, `${told.tries} tries`);
    assert(![-32601, -32020, -32021, -32022, -31014].includes(told.code));
    const status = Number(/\d\d\d/.exec(what)?.[0]);
    if (told.code === -32603) return;
    if (status) assertEquals(told.data.status, status);
    else assertEquals(told.code, what.includes("stream") ? -31015 : -31010);
  });
}

Deno.test("a server/discover over its time is answered with what it met before", async () => {
  const told = await errorWhen(
    (_message, reply, { index }) =>
      index === 0 ? reply.status(503) : reply.hang(),
    400,
  );
  assertEquals([told.code, told.data.status, told.tries], [-31011, 503, 2]);
});

Deno.test("a Retry-After beyond 10 s answers server/discover at once", async () => {
  const told = await errorWhen((_message, reply) =>
    reply.status(429, { "retry-after": "11" })
  );
  assertEquals(
    [told.code, told.data.status, told.data.retryAfterMs, told.tries],
    [-31011, 429, 11_000, 1],
  );
});

Deno.test("credentials that appear meanwhile, and are right then, answer server/discover", async () => {
  await using server = await RawServer.start(
    mcp({ [DISCOVER]: (message, reply) => reply.json(result(message, FOUND)) }),
  );
  const met = [
    new CredentialsError("failed to load AWS credentials"),
    new ProxyError("signature", "the signature does not match"),
  ];
  await using client = new StreamClient({
    url: server.url,
    fetch: (input, init) => {
      const error = met.shift();
      return error ? Promise.reject(error) : fetch(input, init);
    },
  });
  assertEquals((await client.ask(1, DISCOVER, modern())).result, FOUND);
});

Deno.test("the initialize that follows a failed server/discover names the same cause", async () => {
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: (_request, response) => void response.end(),
  });
  const url = new URL("/mcp", gate.origin);
  using clock = new Clock();
  await using client = new StreamClient({
    url,
    fetch: createSignedFetch({
      origin: url,
      ...TEST_SCOPE,
      credentials: { ...TEST_CREDENTIALS, secretAccessKey: "another-secret" },
    }),
  });
  client.request(1, DISCOVER, modern());
  const { json: probe } = await clock.until(client.answer(1));
  client.request(2, "initialize", { protocolVersion: "2025-11-25" });
  const { json: initialize } = await clock.until(client.answer(2));
  assertEquals(probe.error.code, -31013);
  assertEquals(initialize.error, probe.error);
});

Deno.test("one connection may probe with server/discover and then fall back to initialize", async () => {
  await using w = await StreamWorld.start({
    [DISCOVER]: (_message, reply) =>
      reply.json(error({ id: null }, -32000, "Server not initialized"), 400),
    initialize: (message, reply) =>
      reply.json(result(message, INITIALIZED), 200, {
        "mcp-session-id": "the-session-of-the-test",
      }),
  });
  const json = await w.client.ask(0, DISCOVER, modern());
  assertEquals(json.error.code, -32601);
  assertStringIncludes(json.error.message, "Server not initialized");
  await w.client.initialize();
  await w.client.ask(1, "tools/list");
  const [probe, initialize, , list] = w.server.requests.all;
  assertEquals(
    [probe, initialize, list].map((seen) => [
      seen.header("mcp-protocol-version"),
      seen.header("mcp-method"),
      seen.header("mcp-session-id"),
    ]),
    [
      ["2026-07-28", "server/discover", undefined],
      [undefined, undefined, undefined],
      ["2025-11-25", undefined, "the-session-of-the-test"],
    ],
  );
});
