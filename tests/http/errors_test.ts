/** What the HTTP server says when a request fails, or the target refuses it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CredentialsError } from "../../src/errors.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { FullListener } from "../support/net/full_listener.ts";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { IamGate } from "../support/aws/iam_gate.ts";
import { request } from "../support/raw/mcp.ts";
import type { RawReply } from "../support/raw/server.ts";
import {
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../support/aws/test_identity.ts";
import { keptLog } from "../support/kept_log.ts";

Deno.test("a redirect is not passed on and not followed", async () => {
  await using proxy = await HttpProxy.before((_request, reply) =>
    reply.status(307, { "location": "/elsewhere?token=secret" })
  );
  const answer = await proxy.post({ jsonrpc: "2.0", id: "r", method: "m" });
  const { id, error } = await answer.json();
  assertEquals([answer.status, id, error.code], [502, "r", -31017]);
  assertEquals(
    error.data.location,
    new URL("/elsewhere", proxy.target.url).href,
  );
  assertEquals(answer.headers.has("location"), false);
  assertEquals(proxy.target.requests.length, 1);
});

Deno.test("a target that is not there is an error with the request's id", async () => {
  await using proxy = await HttpProxy.start({ target: NOBODY });
  const answer = await proxy.post(
    '{"jsonrpc":"2.0","id":12345678901234567890,"method":"m"}',
  );
  const text = await answer.text();
  assertEquals(answer.status, 502);
  assertStringIncludes(text, '"id":12345678901234567890,');
  assertEquals(JSON.parse(text).error.code, -31010);
});

Deno.test("missing credentials are an error that says what to do", async () => {
  await using proxy = await HttpProxy.start({
    target: NOBODY,
    fetch: () =>
      Promise.reject(new CredentialsError("no credentials: run aws sso login")),
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  const { id, error } = await answer.json();
  assertEquals([answer.status, id, error.code], [502, 1, -31012]);
  assertStringIncludes(error.message, "aws sso login");
});

Deno.test("a refusal by IAM is told with its cause, its status and the request's id, and without an echo", async () => {
  await using gate = await IamGate.start({
    verifier: { ...TEST_VERIFIER, principals: {} },
    handler: (_request, response) => void response.end(),
  });
  await using proxy = await HttpProxy.start({
    target: new URL("/mcp", gate.origin),
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 7, method: "m" });
  const text = await answer.text();
  const { id, error } = JSON.parse(text);
  assertEquals([answer.status, id], [403, 7]);
  assertEquals(error.data.source, "sigv4-proxy");
  assert([-31012, -31013].includes(error.code), text);
  assertEquals(text.includes(TEST_CREDENTIALS.sessionToken), false);
  assertEquals(proxy.logText.includes(TEST_CREDENTIALS.sessionToken), false);
});

Deno.test("a 401 of the target's becomes 403, since the token of the HTTP server was right", async () => {
  await using proxy = await HttpProxy.before((_request, reply) =>
    reply.json({ message: "Unauthorized" }, 401, {
      "www-authenticate": "Bearer",
    })
  );
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  assertEquals(answer.status, 403);
  assertEquals(answer.headers.has("www-authenticate"), false);
  await answer.body?.cancel();
});

const ERRORS: readonly (readonly [number, string, string])[] = [
  [
    404,
    "application/json",
    '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}',
  ],
  [
    400,
    "application/json",
    '{"jsonrpc":"2.0", "id":1,"error":{"code":-32020,"message":"HeaderMismatch"}}',
  ],
  [404, "text/plain", "Session not found"],
  [405, "text/plain", ""],
  [429, "application/json", '{"message":"Too Many Requests"}'],
  [503, "text/html", "<h1>Service Unavailable</h1>"],
];

for (const [status, type, body] of ERRORS) {
  Deno.test(`HTTP ${status} with ${body.slice(0, 30) || "no body"} passes as it is`, async () => {
    await using proxy = await HttpProxy.before((_request, reply) =>
      reply.status(status, { "content-type": type, "retry-after": "3" }, body)
    );
    const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
    assertEquals(
      [
        answer.status,
        answer.headers.get("content-type"),
        answer.headers.get("retry-after"),
        await answer.text(),
      ],
      [status, type, "3", body],
    );
  });
}

Deno.test("an HTTP error that echoes a secret is told without it", async () => {
  const { sessionToken } = TEST_CREDENTIALS;
  await using proxy = await HttpProxy.before((request, reply) =>
    reply.status(
      500,
      { "content-type": "text/plain", "retry-after": "9" },
      `debug: ${request.header("x-amz-security-token")} is what was sent`,
    )
  );
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  const text = await answer.text();
  const { id, error } = JSON.parse(text);
  assertEquals([answer.status, id, error.code], [500, 1, -31011]);
  assertStringIncludes(error.message, "is what was sent");
  assertEquals(text.includes(sessionToken), false);
  assertEquals(answer.headers.get("retry-after"), "9");
  assertEquals(answer.headers.get("content-type"), "application/json");
});

Deno.test("what one answer's headers bring is shown in no other one", async () => {
  const session = "session-of-somebody-else";
  await using proxy = await HttpProxy.before((request, reply) =>
    request.text().includes("initialize")
      ? reply.status(200, { "mcp-session-id": session })
      : reply.status(500, {}, `there is ${session}`)
  );
  const begun = await proxy.post(request("initialize"));
  assertEquals(begun.headers.get("mcp-session-id"), session);
  await begun.body?.cancel();
  const answer = await proxy.post({ jsonrpc: "2.0", id: 2, method: "m" });
  const text = await answer.text();
  assertStringIncludes(text, "there is ");
  assert(!text.includes(session), text);
});

Deno.test("a refusal as an event stream is told without its echo of the request", async () => {
  const { sessionToken } = TEST_CREDENTIALS;
  await using proxy = await HttpProxy.before((request, reply) =>
    reply.status(
      403,
      { "content-type": "text/event-stream" },
      `data: The Canonical String for this request should have been 'POST x-amz-security-token:${
        request.header("x-amz-security-token")
      }'\n\n`,
    )
  );
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  const text = await answer.text();
  assertEquals([answer.status, text.includes(sessionToken)], [403, false]);
});

Deno.test("a redirect and a content type that echo a secret are told without it", async () => {
  const { sessionToken } = TEST_CREDENTIALS;
  await using proxy = await HttpProxy.before((request, reply) => {
    const echo = request.header("x-amz-security-token") ?? "";
    return request.text().includes("tools/list")
      ? reply.status(200, { "content-type": `text/${echo}` }, "{}")
      : reply.status(307, { "location": `/${echo}` });
  }, { tools: { deny: ["write"] } });
  for (const method of ["ping", "tools/list"]) {
    const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method });
    const text = await answer.text();
    assertEquals(answer.status, 502);
    assertEquals(text.includes(sessionToken), false, text);
  }
  assertEquals(proxy.logText.includes(sessionToken), false);
});

Deno.test({
  name: "a target that never accepts the connection is an error in time",
  // Elsewhere a full queue refuses at once.
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = await FullListener.start();
    await using proxy = await HttpProxy.start({
      target: listener.url,
      connectTimeoutMs: 200,
    });
    const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
    const { error } = await answer.json();
    assertEquals([answer.status, error.code], [502, -31010]);
    assertStringIncludes(error.message, "connectTimeoutMs");
  },
});

/** What a client brings and a target gives, by the header that has it. */
const SESSION = "client-session-0123456789";
const GIVEN = "target-session-9876543210";
const OWN = "x-amzn-bedrock-agentcore-runtime-session-id";

/** Ways in which a target says again what it was told. */
const ECHOES: Readonly<
  Record<string, (said: string, reply: RawReply) => Promise<void>>
> = {
  "a redirect": (said, reply) =>
    reply.status(307, { "location": `/${said}`, "mcp-session-id": GIVEN }),
  "a content type": (said, reply) =>
    reply.status(200, {
      "content-type": `text/${said}`,
      "mcp-session-id": GIVEN,
    }, "{}"),
  "an error page": (said, reply) =>
    reply.status(500, { "mcp-session-id": GIVEN }, `lost ${said}`),
  "an error of AWS's": (said, reply) =>
    reply.json({ message: `no access with ${said}` }, 403, {
      "mcp-session-id": GIVEN,
      "x-amzn-errortype": "AccessDeniedException",
    }),
};

for (const [what, echo] of Object.entries(ECHOES)) {
  Deno.test(`session IDs that ${what} repeats are in no line of the log and in no error`, async () => {
    // A log that hides nothing itself.
    const { log, lines } = keptLog();
    await using proxy = await HttpProxy.before((request, reply) =>
      echo(
        `${request.header("mcp-session-id")}.${GIVEN}.${request.header(OWN)}`,
        reply,
      ), { log, tools: { deny: ["other"] } });
    const answer = await proxy.post(
      { jsonrpc: "2.0", id: 1, method: "tools/list" },
      { "mcp-session-id": SESSION, [OWN]: `own-${SESSION}` },
    );
    const text = lines.join("\n") + await answer.text();
    assertStringIncludes(text, "a request failed");
    for (const secret of [SESSION, GIVEN]) assert(!text.includes(secret), text);
  });
}

Deno.test("of a batch that is not answered each request has its error, also two with one ID", async () => {
  await using proxy = await HttpProxy.before((_request, reply) => reply.cut());
  const answer = await proxy.post([
    { jsonrpc: "2.0", id: 1, method: "a" },
    { jsonrpc: "2.0", id: 1, method: "b" },
    { jsonrpc: "2.0", method: "c" },
    { jsonrpc: "2.0", id: "1", method: "d" },
  ]);
  assertEquals(answer.status, 502);
  const errors: { id: unknown; error: { code: number } }[] = await answer
    .json();
  assertEquals(errors.map(({ id }) => id), [1, 1, "1"]);
  assert(errors.every(({ error }) => error.code === -31010));
});

Deno.test("a batch of very many requests has one error, and no error of each", async () => {
  await using proxy = await HttpProxy.before({}, { tools: { deny: ["bad"] } });
  const call = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "bad" },
  };
  const answer = await proxy.post(Array(1001).fill(call));
  assertEquals([answer.status, (await answer.json()).error.code], [
    400,
    -31019,
  ]);
  assertEquals(proxy.target.requests.length, 0);
});
