import { VERSION } from "../../src/version.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/errors.ts";
import { requestHeaders, responseHeaders } from "../../src/http/headers.ts";

function names(headers: ReadonlyMap<string, string>): string[] {
  return [...headers.keys()].sort();
}

/** Headers as they come: by lower-case name, each trimmed. */
function headersOf(init: HeadersInit): Map<string, string> {
  return new Map(new Headers(init));
}

const SETTINGS = { headers: [], clientInfo: true };

Deno.test("the headers of MCP, of trace context and of a client's own go on", () => {
  const headers = headersOf({
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Session-Id": "1",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "=?base64?SGVsbG8=?=",
    "Mcp-Param-Region": "eu west",
    "Last-Event-ID": "7",
    "Content-Encoding": "gzip",
    "User-Agent": `sigv4-proxy/${VERSION} client/1`,
    "Traceparent": "00-1-2-01",
    "Tracestate": "a=b",
    "Baggage": "c=d",
    "X-Tenant": "t",
    "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": "s",
    "X-Amzn-Trace-Id": "Root=1-2-3",
  });
  const received = new Map([...headers, ["user-agent", "client/1"]] as const);
  assertEquals([...requestHeaders(received, SETTINGS)], [...headers]);
});

const KEPT_BACK = "Authorization Proxy-Authorization Cookie X-Amz-Date " +
  "X-Amz-Security-Token X-Amz-Content-Sha256 X-Amzn-Lattice-Identity " +
  "X-Amzn-Mtls-Clientcert X-Amzn-Oidc-Accesstoken X-Amzn-Tls-Version " +
  "Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto " +
  "X-Real-Ip Via Connection Keep-Alive Proxy-Connection " +
  "Proxy-Features HTTP2-Settings If-Range Range TE Trailer " +
  "Transfer-Encoding Upgrade Host Content-Length Expect Date " +
  "Accept-Encoding Origin Referer Sec-Fetch-Mode";

for (const name of KEPT_BACK.split(" ")) {
  Deno.test(`a request's ${name} does not go on`, () => {
    const headers = headersOf({ [name]: "a", "accept": "b" });
    assertEquals(names(requestHeaders(headers, SETTINGS)), [
      "accept",
      "user-agent",
    ]);
  });
}

Deno.test("what Connection names does not go on, either way", () => {
  const headers = headersOf({
    "connection": "keep-alive, X-Hop ,x-other",
    "x-hop": "1",
    "x-other": "2",
    "x-kept": "3",
  });
  assertEquals(names(requestHeaders(headers, SETTINGS)), [
    "user-agent",
    "x-kept",
  ]);
  assertEquals(names(responseHeaders(headers)), ["x-kept"]);
});

Deno.test("a header that the user adds takes the place of the client's, and of the proxy's", () => {
  const received = headersOf({ "X-Team": "client", "User-Agent": "client/1" });
  const headers = requestHeaders(received, {
    ...SETTINGS,
    headers: [["x-team", "user"], ["X-More", "more"], ["User-Agent", "mine"]],
  });
  assertEquals([...headers], [
    ["user-agent", "mine"],
    ["x-team", "user"],
    ["x-more", "more"],
  ]);
});

Deno.test("an answer's headers of MCP, of caching and of limits come back", () => {
  const headers = headersOf({
    "Content-Type": "text/event-stream",
    "Mcp-Session-Id": "1",
    "Cache-Control": "no-cache, no-transform",
    "Retry-After": "3",
    "Allow": "POST",
    "X-Accel-Buffering": "no",
    "X-Amzn-RequestId": "r",
    "Vary": "Accept",
    "Date": "Sun, 22 Nov 2026 16:00:00 GMT",
  });
  assertEquals([...responseHeaders(headers)], [...headers]);
});

const KEPT_FROM_CLIENTS = "Set-Cookie WWW-Authenticate Proxy-Authenticate " +
  "Access-Control-Allow-Origin Access-Control-Expose-Headers " +
  "Strict-Transport-Security Location Alt-Svc Via Connection " +
  "Content-Length HTTP2-Settings Keep-Alive Proxy-Connection " +
  "Proxy-Status TE Trailer Transfer-Encoding Upgrade";

for (const name of KEPT_FROM_CLIENTS.split(" ")) {
  Deno.test(`an answer's ${name} does not come back`, () => {
    const headers = headersOf({ [name]: "a", "content-type": "b" });
    assertEquals(names(responseHeaders(headers)), ["content-type"]);
  });
}

Deno.test("the coding that fetch has taken off does not come back, and another one does", () => {
  for (const coding of ["gzip", "br", "GZIP", " Br "]) {
    const decoded = headersOf({ "content-encoding": coding });
    assertEquals(names(responseHeaders(decoded)), []);
  }
  const other = headersOf({ "content-encoding": "zstd" });
  assertEquals([...responseHeaders(other)], [...other]);
});

Deno.test("several codings are an error, since fetch may have taken one off", () => {
  const headers = headersOf({ "content-encoding": "gzip, br" });
  assertThrows(() => responseHeaders(headers), ProxyError, "(gzip, br)");
});
