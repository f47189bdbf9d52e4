/** The same as in heap_test.ts, in HTTP server mode. */
import { assert, assertEquals } from "@std/assert";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { RawClient } from "../support/raw/client.ts";
import { mcp, type McpHandler } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";

const MIB = 1024 * 1024;

const TOKEN = "a-token-for-the-attacked-program";

/** An attack in HTTP server mode. */
interface HttpAttack {
  readonly target?: Readonly<Record<string, McpHandler>>;
  readonly client: (url: URL, proxy: ProxyProcess) => Promise<void>;
}

const WITH_TOKEN = ["Host: localhost", `Authorization: Bearer ${TOKEN}`];

async function post(
  url: URL,
  method: string,
  session = "a-session",
): Promise<string> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "mcp-session-id": session },
    body: `{"jsonrpc":"2.0","id":1,"method":"${method}"}`,
  });
  return `${answer.status} ${await answer.text()}`;
}

const HTTP: Readonly<Record<string, HttpAttack>> = {
  "H2: an answer that says two lengths": {
    target: {
      m: async (_, reply) => {
        const forged = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
        const headers = {
          "content-length": "2",
          "transfer-encoding": "chunked",
        };
        await reply.status(
          200,
          headers,
          `${(2 + forged.length).toString(16)}\r\n{}${forged}\r\n0\r\n\r\n`,
        );
        await reply.cut();
      },
    },
    client: async (url) => {
      using client = await RawClient.connect(Number(url.port));
      await client.sendPost(
        "/mcp",
        WITH_TOKEN,
        '{"jsonrpc":"2.0","id":1,"method":"m"}',
      );
      await client.sendHead(
        "GET /healthz HTTP/1.1",
        "Host: localhost",
        "Connection: close",
      );
      const rest = await client.rest();
      assert(!rest.endsWith("forged"), rest.slice(-500));
    },
  },
  "H4: a hundred errors of 1 MiB at once": {
    target: { m: (_, reply) => reply.status(500, {}, " ".repeat(MIB)) },
    client: async (url) => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => post(url, "m")),
      );
      assertEquals(
        new Set(answers.map((text) => text.slice(0, 3))),
        new Set(["500"]),
      );
    },
  },
  "H5: connections that send on after their 401": {
    client: async (url) => {
      const piece = new Uint8Array(MIB);
      await Promise.all(Array.from({ length: 8 }, async () => {
        using client = await RawClient.connect(Number(url.port));
        await client.sendHead(
          "POST /mcp HTTP/1.1",
          "Host: localhost",
          "Content-Length: 99999999999",
        );
        try {
          for (;;) await client.send(piece);
        } catch {
          // It is closed in the end.
        }
      }));
    },
  },
  "H10: a client that leaves a stream and ten calls": {
    target: {
      GET: (_, reply) => reply.hang(),
      m: (_, reply) => reply.hang(),
    },
    client: async (url) => {
      for (let n = 0; n < 20; n++) {
        using client = await RawClient.connect(Number(url.port));
        await client.sendHead("GET /mcp HTTP/1.1", ...WITH_TOKEN);
        for (let call = 0; call < 10; call++) {
          await client.sendPost(
            "/mcp",
            WITH_TOKEN,
            '{"jsonrpc":"2.0","id":1,"method":"m"}',
          );
        }
      }
    },
  },
  "H13: a target that echoes the client's session IDs": {
    target: {
      m: (_, reply, request) =>
        reply.status(500, {}, `${request.header("mcp-session-id")} `),
    },
    client: async (url, proxy) => {
      for (let n = 0; n < 100; n++) {
        const answer = await post(url, "m", `session-${n}-of-a-client`);
        assert(!answer.includes("-of-a-client"), answer);
      }
      assert(!proxy.stderr.includes("-of-a-client"));
    },
  },
  "H18: a 101, and a 204 that has a length": {
    target: {
      m: (_, reply) =>
        reply.status(101, { upgrade: "x", connection: "upgrade" }),
      n: (_, reply) => reply.status(204, { "content-length": "5" }),
    },
    client: async (url) => {
      for (const method of ["m", "n"]) await post(url, method);
    },
  },
};

for (const [what, { target = {}, client }] of Object.entries(HTTP)) {
  Deno.test({
    name: `the program in HTTP server mode survives ${what}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using server = await RawServer.start(mcp(target));
      await using proxy = await ProxyProcess.start({
        target: server.url,
        env: {
          MCP_LISTEN: "127.0.0.1:0",
          MCP_LISTEN_TOKEN: TOKEN,
          MCP_LOG_LEVEL: "info",
        },
        permissions: { net: ["127.0.0.1:0"] },
      });
      const url = new URL(await proxy.logged("url"));
      await client(url, proxy);
      assertEquals((await post(url, "ping")).slice(0, 3), "200");
      proxy.signal("SIGTERM");
      assertEquals((await proxy.status()).code, 0, proxy.stderr.slice(-500));
    },
  });
}
