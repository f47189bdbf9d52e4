/** Who the HTTP server lets in. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HttpProxy, TEST_TOKEN } from "../support/program/http_proxy.ts";
import { RawClient } from "../support/raw/client.ts";
import { PING } from "../support/raw/mcp.ts";

const BEARER = `Authorization: Bearer ${TEST_TOKEN}`;

class World extends HttpProxy {
  /** The status of a POST with these header lines. */
  async status(...lines: string[]): Promise<number> {
    using client = await RawClient.connect(this.port);
    await client.sendPost("/mcp", lines, PING);
    return (await client.head()).status;
  }
}

Deno.test("a request with the token passes, and no other does", async () => {
  await using world = await World.before({});
  for (
    const [status, ...lines] of [
      [200, BEARER],
      [200, BEARER.replace("Bearer", "bearer")],
      [401],
      [401, `${BEARER}x`],
      [401, BEARER.slice(0, -1)],
      [401, "Authorization: Bearer"],
      [401, `Authorization: Basic ${TEST_TOKEN}`],
      [401, `Authorization: ${TEST_TOKEN}`],
      [400, BEARER, BEARER],
    ] as const
  ) {
    assertEquals(await world.status("Host: localhost", ...lines), status);
  }
  assertEquals(world.target.requests.length, 2);
});

Deno.test("a request without the token is told what is wanted, whatever others have sent", async () => {
  await using world = await World.before({});
  // What is hidden where the target says it.
  const session = "Mcp-Session-Id: proxy-wants-its-token-1";
  assertEquals(await world.status("Host: localhost", BEARER, session), 200);
  for (
    const [authorization, challenge, words] of [
      [
        " ",
        'Bearer realm="sigv4-proxy"',
        "this proxy wants its token: Authorization: Bearer <token>",
      ],
      [
        "Bearer x",
        'Bearer realm="sigv4-proxy", error="invalid_token"',
        "the bearer token is not the one that this proxy wants",
      ],
    ]
  ) {
    const answer = await world.post(PING, { authorization });
    assertEquals(answer.status, 401);
    assertEquals(answer.headers.get("www-authenticate"), challenge);
    const { error } = await answer.json();
    assertEquals([error.code, error.data.reason], [-31019, "blocked"]);
    assertEquals(error.message, words);
  }
});

Deno.test("the token is in no line of the log and in no request to the target", async () => {
  await using world = await World.before({});
  assertEquals(await world.status("Host: localhost", BEARER), 200);
  assertEquals(await world.status("Host: localhost", `${BEARER}x`), 401);
  assertEquals(world.logText.includes(TEST_TOKEN), false);
  const sent = JSON.stringify(world.target.requests.all);
  assertEquals(sent.includes(TEST_TOKEN), false);
});

const OWN_HOSTS = "localhost localhost:1234 LOCALHOST.:80 127.0.0.1 " +
  "127.0.0.1:65535 [::1]:8080 app.localhost";

const STRANGE_HOSTS = "evil.example evil.example:8080 " +
  "127.0.0.1.evil.example localhost.evil.example 169.254.169.254 0.0.0.0 " +
  "user@localhost localhost/x [::1";

Deno.test("an HTTP server on loopback is reached under the names of loopback alone", async () => {
  await using world = await World.before({});
  const own = OWN_HOSTS.split(" ");
  for (const host of own) {
    assertEquals(await world.status(`Host: ${host}`, BEARER), 200, host);
  }
  for (const host of ["a b", ...STRANGE_HOSTS.split(" ")]) {
    assertEquals(await world.status(`Host: ${host}`, BEARER), 403, host);
  }
  assertEquals(world.target.requests.length, own.length);
});

Deno.test("a request without a Host, or with two, is refused", async () => {
  await using world = await World.before({});
  assertEquals(await world.status(BEARER), 400);
  assertEquals(await world.status("Host:", BEARER), 400);
  const host = "Host: localhost";
  assertEquals(await world.status(host, host, BEARER), 400);
  assertEquals(await world.status(host, "Host: evil.example", BEARER), 400);
  assertEquals(world.target.requests.length, 0);
});

Deno.test("a request target that is a whole URL is looked at like a Host", async () => {
  await using world = await World.before({});
  const status = async (url: string, host: string): Promise<number> => {
    using client = await RawClient.connect(world.port);
    await client.sendPost(url, [`Host: ${host}`, BEARER], PING);
    return (await client.head()).status;
  };
  assertEquals(await status("http://localhost/mcp", "localhost"), 200);
  assertEquals(await status("http://evil.example/mcp", "localhost"), 403);
  assertEquals(await status("http://localhost/mcp", "evil.example"), 403);
});

Deno.test("the page of another origin is refused, whatever token it has", async () => {
  await using world = await World.before({});
  const host = `Host: localhost:${world.port}`;
  const status = (origin: string) => world.status(host, BEARER, origin);
  assertEquals(
    await status(`Origin: http://localhost:${world.port}`),
    200,
  );
  for (
    const origin of [
      "http://evil.example",
      "https://evil.example:443",
      "http://localhost",
      "http://localhost:1",
      `http://127.0.0.1:${world.port}`,
      "null",
      "file://",
      "chrome-extension://abcdef",
      "",
    ]
  ) {
    assertEquals(await status(`Origin: ${origin}`), 403, origin);
  }
  assertEquals(await status("Sec-Fetch-Site: cross-site"), 403);
  assertEquals(await status("Sec-Fetch-Site: same-site"), 403);
  assertEquals(await status("Sec-Fetch-Site: none"), 200);
  assertEquals(world.target.requests.length, 2);
});

Deno.test("a refused Host or Origin is named in an error without an id", async () => {
  await using world = await World.before({});
  const answer = await world.post(PING, {
    origin: "http://evil.example",
  });
  const body = await answer.json();
  assertEquals("id" in body, false);
  assertStringIncludes(body.error.message, "http://evil.example");
});

Deno.test("an HTTP server on all interfaces is reached by address, and by names it is told", async () => {
  await using world = await World.before({}, {
    listen: { hostname: "0.0.0.0", port: 0 },
    hosts: ["Proxy.internal"],
  });
  const own = "10.1.2.3:80 [fd00::1] localhost proxy.internal:443";
  for (const host of own.split(" ")) {
    assertEquals(await world.status(`Host: ${host}`, BEARER), 200, host);
  }
  for (const host of ["evil.example", "internal", "x.proxy.internal"]) {
    assertEquals(await world.status(`Host: ${host}`, BEARER), 403, host);
  }
});

Deno.test("without a token any program may ask, and the log warns", async () => {
  await using world = await World.before({}, { token: false });
  assertEquals(await world.status("Host: localhost"), 200);
  assertEquals(await world.status("Host: evil.example"), 403);
  assertMatch(world.logText, /"level":"warn".*no token is asked for/);
});
