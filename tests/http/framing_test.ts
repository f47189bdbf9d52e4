/** That no target answers in the HTTP server's name, however it frames its answers. */
import { assert, assertEquals } from "@std/assert";
import {
  HttpProxy,
  type HttpProxyStart,
  TEST_TOKEN,
} from "../support/program/http_proxy.ts";
import { type RawAnswers, readAnswers } from "../support/raw/answers.ts";
import { RawClient } from "../support/raw/client.ts";

const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}';

/** What a target would have the client take for the next answer. */
const FORGED = "HTTP/1.1 200 OK\r\nSet-Cookie: forged=1\r\n" +
  "Content-Length: 7\r\n\r\nforged\n";

const JSON_TYPE = "Content-Type: application/json";

function chunked(...chunks: string[]): string {
  return chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join("") + "0\r\n\r\n";
}

function answer(
  status: number,
  headers: readonly string[],
  body: string,
): string {
  return [`HTTP/1.1 ${status} Raw`, ...headers, "", body].join("\r\n");
}

/**
 * Sends a call and, on the same connection and at once, a health check; gives
 * what came back. The target answers with these bytes and closes.
 */
async function exchange(
  bytes: string,
  options: Partial<HttpProxyStart> = {},
): Promise<RawAnswers> {
  await using proxy = await HttpProxy.before(async (_request, reply) => {
    await reply.write(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
    await reply.cut();
  }, { ...options });
  using client = await RawClient.connect(proxy.port);
  await client.sendPost("/mcp", [
    "Host: localhost",
    `Authorization: Bearer ${TEST_TOKEN}`,
    JSON_TYPE,
  ], CALL);
  await client.sendHead(
    "GET /healthz HTTP/1.1",
    "Host: localhost",
    "Connection: close",
  );
  return readAnswers(await client.rest());
}

/** The status, the body and the rest of what may differ. */
function checkHealth({ answers, rest }: RawAnswers): void {
  assertEquals(rest, "");
  assertEquals(answers.length, 2);
  assertEquals([answers[1].status, answers[1].body], [200, "ok\n"]);
  const text = JSON.stringify(answers);
  assert(!/set-cookie/i.test(text) || answers[0].body.includes("Set-Cookie"));
  assertEquals(
    answers.flatMap(({ headers }) => headers)
      .filter(([name]) => name === "set-cookie" || name === "trailer"),
    [],
  );
}

const LENGTH = `Content-Length: ${ANSWER.length}`;
const CHUNKED = "Transfer-Encoding: chunked";

const EVENTS = "Content-Type: text/event-stream";

/** More than the answer, in chunks, and after it. */
const MORE = chunked(ANSWER, FORGED);
const AFTER = ANSWER + FORGED;

/** An answer of JSON. */
function ok(headers: readonly string[], body: string): string {
  return answer(200, [JSON_TYPE, ...headers], body);
}

/** Answers whose body is clear to HTTP, whatever their headers would say. */
const CLEAR: Readonly<Record<string, string>> = {
  "a length before chunks that hold more": ok([LENGTH, CHUNKED], MORE),
  "a length after chunks that hold more": ok([CHUNKED, LENGTH], MORE),
  "chunks that hold less than the length": ok(
    ["Content-Length: 4000", CHUNKED],
    chunked(ANSWER),
  ),
  "a coding that is not chunked, and a length": ok(
    ["Transfer-Encoding: xchunked", LENGTH],
    AFTER,
  ),
  "the identity coding, and a length": ok(
    ["Transfer-Encoding: identity", LENGTH],
    AFTER,
  ),
  "the same length twice": ok([LENGTH, LENGTH], ANSWER),
  "more than its length": ok([LENGTH], AFTER),
  "no length, to the end of the connection": ok([], AFTER),
  "trailers that frame": ok(
    [CHUNKED, "Trailer: Content-Length, Set-Cookie"],
    `${ANSWER.length.toString(16)}\r\n${ANSWER}\r\n0\r\n` +
      "Content-Length: 3\r\nSet-Cookie: forged=1\r\n\r\n",
  ),
  "a length that Connection names": ok(
    ["Connection: content-length, x", LENGTH, CHUNKED],
    MORE,
  ),
  "an event stream with a length, in chunks": answer(
    200,
    [EVENTS, "Content-Length: 8", CHUNKED],
    chunked(`data: ${ANSWER}\n\n`, FORGED),
  ),
  "a coding by another name, and a length": ok(
    ["Content-Encoding: x-own", "Content-Length: 3", CHUNKED],
    MORE,
  ),
  "an error with a length and chunks": answer(
    400,
    [JSON_TYPE, "Content-Length: 3", CHUNKED],
    MORE,
  ),
  "an error that is an event stream": answer(
    500,
    [EVENTS, "Content-Length: 3", CHUNKED],
    chunked(`data: ${ANSWER}\n\n`, FORGED),
  ),
  "a 204 with a length and a body": answer(204, [LENGTH], AFTER),
  "a 204 in chunks": answer(204, [CHUNKED], MORE),
  "a 205 with a length and a body": answer(205, [LENGTH], AFTER),
  "a 304 with a length and a body": answer(304, [LENGTH], AFTER),
  "a 202 with a length and a body": answer(
    202,
    ["Content-Length: 3", CHUNKED],
    chunked(FORGED),
  ),
  "headers of a connection": ok([
    ...["Keep-Alive: timeout=1", "Upgrade: h2c", "TE: trailers"],
    ...["Proxy-Connection: close", LENGTH],
  ], ANSWER),
  "a 103 before it": "HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n" +
    ok([LENGTH], ANSWER),
};

for (const [what, bytes] of Object.entries(CLEAR)) {
  for (const policy of [undefined, { deny: ["other"] }]) {
    const how = policy ? "looked through" : "as it comes";
    Deno.test(`an answer with ${what} is one answer, ${how}, and the next one the HTTP server's own`, async () => {
      const seen = await exchange(bytes, policy && { tools: policy });
      checkHealth(seen);
    });
  }
}

/** Answers that HTTP leaves open. */
const UNCLEAR: Readonly<Record<string, string>> = {
  "two lengths": ok([LENGTH, "Content-Length: 3"], AFTER),
  "a list of lengths": ok([`${LENGTH}, 3`], AFTER),
  "a folded header": ok(["X-A: 1\r\n Content-Length: 3", LENGTH], ANSWER),
  "a CR within a header": ok(["X-A: 1\rContent-Length: 3", LENGTH], ANSWER),
  "several codings": ok(
    ["Content-Encoding: gzip", "Content-Encoding: br", LENGTH],
    ANSWER,
  ),
  "a length of 0 and chunks": ok(["Content-Length: 0", CHUNKED], MORE),
  "the status 101": answer(
    101,
    ["Upgrade: h2c", "Connection: Upgrade"],
    FORGED,
  ),
  "the status 600": answer(600, [JSON_TYPE, LENGTH], ANSWER),
  "the status 999": answer(999, [JSON_TYPE, LENGTH], ANSWER),
};

for (const [what, bytes] of Object.entries(UNCLEAR)) {
  Deno.test(`an answer with ${what} is a 502, and the next one the HTTP server's own`, async () => {
    const seen = await exchange(bytes);
    checkHealth(seen);
    const [{ status, body }] = seen.answers;
    assertEquals([status, JSON.parse(body).id], [502, 1]);
  });
}

for (const status of [204, 205, 304]) {
  Deno.test(`a ${status} of the target's comes without a body`, async () => {
    const { answers } = await exchange(answer(status, [LENGTH], ANSWER));
    assertEquals([answers[0].status, answers[0].body], [status, ""]);
  });
}

Deno.test("a 401 of the target's is a 403 as an event stream, too", async () => {
  const { answers } = await exchange(answer(
    401,
    [EVENTS, CHUNKED],
    chunked(`data: ${ANSWER}\n\n`),
  ));
  assertEquals(answers[0].status, 403);
});

/** Answers that break off, by how they say how long they are. */
const BROKEN: Readonly<Record<string, string>> = {
  "shorter than its length": ok(["Content-Length: 4000"], ANSWER),
  "without its last chunk": ok([CHUNKED], chunked(ANSWER).slice(0, -5)),
  "cut in a chunk": answer(
    200,
    [EVENTS, CHUNKED],
    `100\r\ndata: ${ANSWER}\n\n`,
  ),
  "with a chunk size that is none": answer(
    200,
    [EVENTS, CHUNKED],
    `10\r\ndata: 01234567\n\n\r\nxyz\r\n`,
  ),
  "in gzip that is none": ok(["Content-Encoding: gzip", LENGTH], ANSWER),
};

for (const [what, bytes] of Object.entries(BROKEN)) {
  Deno.test(`an answer ${what} is not whole for the client, and none follows it`, async () => {
    const { answers, rest } = await exchange(bytes);
    assertEquals(answers, []);
    assert(!rest.includes("ok\n"), rest);
  });

  Deno.test(`an answer ${what} ends in a reset for a client of HTTP/1.0`, async () => {
    await using proxy = await HttpProxy.before(async (_request, reply) => {
      await reply.write(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
      await reply.cut();
    });
    const connection = await Deno.connect({
      hostname: "127.0.0.1",
      port: proxy.port,
    });
    const text = `POST /mcp HTTP/1.0\r\nHost: localhost\r\n${JSON_TYPE}\r\n` +
      `Authorization: Bearer ${TEST_TOKEN}\r\n` +
      `Content-Length: ${CALL.length}\r\n\r\n${CALL}`;
    await connection.write(new TextEncoder().encode(text));
    const buffer = new Uint8Array(64 * 1024);
    let end: unknown = "closed as if it were whole";
    try {
      while (await connection.read(buffer) !== null);
    } catch (error) {
      end = error;
    }
    connection.close();
    assert(end instanceof Deno.errors.ConnectionReset, String(end));
  });
}
