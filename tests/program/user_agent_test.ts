/** Whole-program tests: what `User-Agent` says of the proxy and its client. */
import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import { modern } from "../support/stream/modern_message.ts";
import {
  INITIALIZE_PARAMS,
  ProxyProcess,
  type ProxyProcessOptions,
} from "../support/program/proxy_process.ts";
import { mcp, Sessions } from "../support/raw/mcp.ts";
import { RawServer, type SeenRequest } from "../support/raw/server.ts";
import { KEYS, TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { tempDir } from "../support/temp_dir.ts";

const OWN = `sigv4-proxy/${VERSION}`;

/** A target that demands signatures, and the program before it. */
async function world(options: Omit<ProxyProcessOptions, "target"> = {}) {
  const server = await RawServer.start({
    handler: mcp({}, new Sessions()),
    verifier: TEST_VERIFIER,
  });
  const proxy = await ProxyProcess.startHere({
    target: server.url,
    ...options,
  });
  return {
    server,
    proxy,
    /** What all requests so far have said, each once; all were rightly signed. */
    agents(): (string | undefined)[] {
      const { all } = server.requests;
      assert(all.length > 0);
      for (const request of all) assertSigned(request);
      return [...new Set(all.map((request) => request.header("user-agent")))];
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** As the AWS SDKs do, it is not signed: proxies on the way may change it. */
function assertSigned(request: SeenRequest): void {
  assertEquals(request.verdict?.ok, true);
  const signed = /SignedHeaders=([^,]+)/
    .exec(request.header("authorization") ?? "")?.[1].split(";") ?? [];
  assertEquals(signed.includes("user-agent"), false);
  assertEquals(signed.includes("host"), true);
}

Deno.test("User-Agent names the proxy and the client with every request, GET and DELETE too", async () => {
  await using w = await world({ args: ["--sse"] });
  await w.proxy.initialize();
  await w.proxy.request("tools/list");
  await w.server.requests.find(({ method }) => method === "GET");
  await w.proxy.closeStdin();
  await w.proxy.status();
  assertEquals(
    new Set(w.server.requests.all.map(({ method }) => method)),
    new Set(["POST", "GET", "DELETE"]),
  );
  assertEquals(w.agents(), [`${OWN} raw-client/1.0.0`]);
});

Deno.test("a client of 2026-07-28 is named by what each request says", async () => {
  await using w = await world();
  await w.proxy.request("server/discover", modern());
  await w.proxy.request("tools/list", modern());
  assertEquals(w.agents(), [`${OWN} test/1`]);
});

Deno.test("through the bridge the client is named as itself", async () => {
  await using w = await world({ args: ["--bridge"] });
  await w.proxy.request("server/discover", modern());
  await w.proxy.request("tools/list", modern());
  assertEquals(w.agents(), [`${OWN} test/1`]);
});

Deno.test("a client's odd name is made a product, and a hostile one breaks nothing", async () => {
  for (
    const [clientInfo, product] of [
      [{ name: "My Client", version: "1.0 beta" }, " My-Client/1.0-beta"],
      [{ name: "a\r\nX-Evil: 1", version: "\u0000" }, " a-X-Evil-1"],
      [{ name: "x".repeat(100_000), version: "1" }, ` ${"x".repeat(64)}/1`],
      [{ name: "クライアント", version: "1" }, ""],
      [{ name: 7 }, ""],
      ["text", ""],
      [undefined, ""],
    ]
  ) {
    await using w = await world();
    await w.proxy.initialize({ ...INITIALIZE_PARAMS, clientInfo });
    assert(Object((await w.proxy.request("ping")).value).result);
    assertEquals(w.agents(), [OWN + product]);
    assertEquals(w.server.requests.all[0].header("x-evil"), undefined);
  }
});

Deno.test("--no-client-info leaves the client out, and a header of the user's goes before all", async () => {
  for (
    const [options, agent] of [
      [{ args: ["--no-client-info"] }, OWN],
      [{ env: { MCP_CLIENT_INFO: "false" } }, OWN],
      [{ args: ["--header", "user-agent: mine/2 (x)"] }, "mine/2 (x)"],
      [{ env: { MCP_HEADERS: "User-Agent=theirs" } }, "theirs"],
    ] as const
  ) {
    await using w = await world(options);
    await w.proxy.initialize();
    await w.proxy.request("ping");
    assertEquals(w.agents(), [agent]);
  }
});

const TOKEN = "a-token-of-these-tests";

/** Posts from a client of HTTP; without a name of its own, over a raw socket. */
async function post(
  proxy: ProxyProcess,
  message: unknown,
  agent?: string,
): Promise<void> {
  const url = new URL(await proxy.logged("url"));
  const body = JSON.stringify(message);
  const head = [
    `POST ${url.pathname} HTTP/1.1`,
    `host: ${url.host}`,
    `authorization: Bearer ${TOKEN}`,
    "content-type: application/json",
    "accept: application/json, text/event-stream",
    "connection: close",
    `content-length: ${new TextEncoder().encode(body).length}`,
    ...agent === undefined ? [] : [`user-agent: ${agent}`],
  ];
  using connection = await Deno.connect({
    hostname: url.hostname,
    port: Number(url.port),
  });
  const request = `${head.join("\r\n")}\r\n\r\n${body}`;
  await connection.write(new TextEncoder().encode(request));
  for await (const _ of connection.readable) { /* until it is answered */ }
}

const PING = { jsonrpc: "2.0", id: 1, method: "ping" };

Deno.test("over HTTP each client is named as itself: by its User-Agent, or else by its message", async () => {
  const initialize = {
    ...PING,
    method: "initialize",
    params: INITIALIZE_PARAMS,
  };
  for (
    const [args, agents] of [
      [[], [
        `${OWN} one/1`,
        `${OWN} two/2 (Linux)`,
        `${OWN} raw-client/1.0.0`,
        `${OWN} test/1`,
        OWN,
        `${OWN} header/1`,
        `${OWN} ok/1`,
        `${OWN} raw-client/1.0.0`,
        `${OWN} test/1`,
      ]],
      [["--no-client-info"], Array(9).fill(OWN)],
      [["--header", "User-Agent: mine"], Array(9).fill("mine")],
    ] as const
  ) {
    await using w = await world({
      args: [...args],
      permissions: { net: ["127.0.0.1:0"] },
      env: { MCP_LISTEN: "127.0.0.1:0", MCP_LISTEN_TOKEN: TOKEN },
    });
    await post(w.proxy, PING, "one/1");
    await post(w.proxy, PING, "two/2 (Linux)");
    await post(w.proxy, initialize);
    await post(w.proxy, { ...PING, method: "tools/list", params: modern() });
    await post(w.proxy, PING);
    await post(w.proxy, initialize, "header/1");
    await post(w.proxy, PING, '"odd" ok/1 \u00ff');
    await post(w.proxy, initialize, "");
    await post(
      w.proxy,
      { ...PING, method: "tools/list", params: modern() },
      '"odd"',
    );
    const { all } = w.server.requests;
    for (const request of all) assertSigned(request);
    assertEquals(all.map((request) => request.header("user-agent")), agents);
  }
});

Deno.test("each profile's requests name the client", async () => {
  await using home = await tempDir({
    ".aws/config": `[profile one]\n${KEYS}[profile two]\n${KEYS}`,
  });
  const args = ["--profile", "one", "--profile", "two"];
  await using w = await world({ args, home: home.path });
  await w.proxy.initialize();
  await w.proxy.request("tools/call", {
    name: "n",
    arguments: { aws_profile: "two" },
  });
  assertEquals(w.agents(), [`${OWN} raw-client/1.0.0`]);
  assertEquals(
    w.server.requests.all.filter((request) =>
      request.text().includes('"initialize"')
    ).length,
    2,
  );
});
