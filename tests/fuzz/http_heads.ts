/**
 * What comes at the HTTP server's port, byte by byte. Each connection comes to an
 * end, the target hears of nothing that did not bring the token, and of no
 * request that was hidden in another one.
 */

import { within } from "../support/time/deadline.ts";
import { HttpProxy, TEST_TOKEN } from "../support/program/http_proxy.ts";
import type { Random } from "../support/random.ts";
import { mcp, PING } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { wrong } from "./fuzzer.ts";
import { broken } from "./json_text.ts";

/** Whoever sees it at the target was reached past the guard. */
const HIDDEN_BODY = '{"jsonrpc":"2.0","id":9,"method":"hidden"}';
const HIDDEN = [
  "POST /mcp HTTP/1.1",
  "Host: localhost",
  "Content-Type: application/json",
  `Content-Length: ${HIDDEN_BODY.length}`,
  "",
  HIDDEN_BODY,
].join("\r\n");

const FIRST_LINES = [
  "POST /mcp HTTP/1.1",
  "POST /mcp HTTP/1.1",
  "POST /mcp HTTP/1.1",
  "POST /mcp HTTP/1.0",
  "POST /mcp HTTP/2.0",
  "POST  /mcp HTTP/1.1",
  "POST /mcp",
  "POST http://localhost/mcp HTTP/1.1",
  "POST //mcp HTTP/1.1",
  "POST /mcp?a=%00 HTTP/1.1",
  "POST /%6dcp HTTP/1.1",
  "POST * HTTP/1.1",
  "GET /mcp HTTP/1.1",
  "DELETE /mcp HTTP/1.1",
  "CONNECT localhost:1 HTTP/1.1",
  "OPTIONS /mcp HTTP/1.1",
  "GET /healthz HTTP/1.1",
  "PRI * HTTP/2.0",
];
const LINES = [
  "Host: localhost",
  "Host: localhost",
  "Host: evil.example",
  "Host: localhost, localhost",
  "host:localhost",
  "Origin: null",
  "Origin: http://localhost",
  "Content-Type: application/json",
  "Content-Length: 0",
  "Content-Length: +5",
  "Content-Length: 5, 5",
  "Content-Length: 99999999999999999999",
  "Content-Length : 5",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding:\tchunked",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
  "Expect: 100-continue",
  "Expect: all",
  "Connection: close",
  "Connection: keep-alive, authorization",
  "Connection: upgrade\r\nUpgrade: websocket",
  "Connection: upgrade, http2-settings\r\nUpgrade: h2c",
  "X-Long: " + "x".repeat(40_000),
  "X-Nul: a\u0000b",
  "X-Bare: a\rb",
  " folded: line",
  ": no name",
  "no colon",
  "Mcp-Session-Id: é\u0080",
  "Mcp-Method: subscriptions/listen",
  "X-Amz-Date: 20200101T000000Z",
  "Accept: text/event-stream",
];
const BODIES = [
  PING,
  PING,
  "",
  "{",
  `0\r\n\r\n${HIDDEN}`,
  `5\r\nhello\r\n0\r\n\r\n${HIDDEN}`,
  `5;a="\r\n"\r\nhello\r\n0\r\n\r\n`,
  "fffffffffffffffff\r\n",
  "-1\r\n",
  HIDDEN,
  `${PING}${HIDDEN}`,
];

const latin1 = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);

interface Case {
  readonly bytes: Uint8Array;
  readonly hasToken: boolean;
}

/** Tells at the target which case a request is of. */
const CASE = "X-Case";

function request(random: Random, name: string): Case {
  const end = random.chance(0.95) ? "\r\n" : random.pick(["\n", "\r"]);
  const hasToken = random.chance(0.5);
  const body = random.pick(BODIES);
  const lines = [random.pick(FIRST_LINES), `${CASE}: ${name}`];
  if (random.chance(0.9)) lines.push("Host: localhost");
  if (hasToken) lines.push(`Authorization: Bearer ${TEST_TOKEN}`);
  else if (random.chance(0.3)) lines.push("Authorization: Bearer wrong");
  if (random.chance(0.7)) lines.push(`Content-Length: ${body.length}`);
  for (let left = random.below(4); left > 0; left--) {
    lines.splice(1 + random.below(lines.length), 0, random.pick(LINES));
  }
  const head = random.chance(0.95) ? end + end : end;
  const bytes = latin1(lines.join(end) + head + body);
  if (random.chance(0.2)) return { bytes: broken(random, bytes), hasToken };
  const length = random.chance(0.1) ? random.below(bytes.length) : undefined;
  return { bytes: bytes.slice(0, length), hasToken };
}

/** Sends bytes, no more than those, and reads what comes until the end. */
async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    for (let at = 0; at < bytes.length;) {
      at += await connection.write(bytes.subarray(at));
    }
    await connection.closeWrite();
    let text = "";
    const buffer = new Uint8Array(64 * 1024);
    for (;;) {
      const reading = connection.read(buffer);
      const count = await within(reading, "the end of a connection");
      if (count === null) return text;
      text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
  } catch (error) {
    // It may be ended before all was taken.
    const isEnd = error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.ConnectionAborted ||
      error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.NotConnected;
    if (isEnd) return "";
    throw error;
  }
}

/** Tries requests, each on a connection of its own. */
export async function fuzzHttpHeads(
  random: Random,
  cases: number,
): Promise<void> {
  const seen = new Map<string, number>();
  const unknown: string[] = [];
  let hidden = 0;
  const handler = mcp({ GET: (_none, reply) => reply.status(405) });
  await using target = await RawServer.start({
    remembers: false,
    handler: async (request, reply) => {
      const name = request.header(CASE) ?? "";
      seen.set(name, (seen.get(name) ?? 0) + 1);
      const body = request.text();
      if (body.startsWith(HIDDEN_BODY)) hidden++;
      if (request.method === "POST" && body !== PING) {
        return await reply.status(400);
      }
      await handler(request, reply);
    },
  });
  await using proxy = await HttpProxy.start({ target: target.url });
  for (let number = 0; number < cases; number++) {
    // A digit that is changed makes no other case of it.
    const name = `case-${number}-${number * 7919 % 10007}`;
    const { bytes, hasToken } = request(random, name);
    const text = await exchange(proxy.port, bytes);
    if (text !== "" && !text.startsWith("HTTP/1.1 ")) {
      wrong(`no answer of HTTP came: ${text}`, bytes);
    }
    if (text.includes(TEST_TOKEN)) wrong("the token is shown", bytes);
    if (!hasToken) unknown.push(name);
    const times = seen.get(name) ?? 0;
    if (times > (hasToken ? 1 : 0) || hidden > 0) {
      wrong("the target had what it should not have", bytes);
    }
  }
  const late = unknown.filter((name) => seen.has(name));
  if (late.length > 0) wrong("the target was reached", late);
  const health = await proxy.fetch({}, "/healthz");
  await health.body?.cancel();
  if (health.status !== 200) wrong(`/healthz says ${health.status}`, cases);
  if (proxy.logText.includes(TEST_TOKEN)) wrong("the token is logged", cases);
}
