/** Recordings of what targets and clients do, each played by the same program. */
import { assertEquals } from "@std/assert";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import { error, mcp, result, Sessions } from "../../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";

const CALL = { name: "work", arguments: { on: "a thing", times: 3 } };
const TEXT = { content: [{ type: "text", text: "it is done" }] };

interface Kind {
  readonly target: () => RawHandler;
  readonly client: (proxy: ProxyProcess) => Promise<unknown>;
  readonly args?: readonly string[];
}

/** Initialises and calls, so many times. */
function calls(count: number, params: unknown = CALL): Kind["client"] {
  return async (proxy) => {
    await proxy.initialize();
    for (let call = 0; call < count; call++) {
      await proxy.request("tools/call", params);
    }
  };
}

/** Does one thing for each call in turn, and the last for all that follow. */
function inTurn(
  ...handlers: NonNullable<Parameters<typeof mcp>[0][string]>[]
): Parameters<typeof mcp>[0][string] {
  let count = 0;
  return (message, reply, request) =>
    handlers[Math.min(count++, handlers.length - 1)](message, reply, request);
}

/** The same call in the era without sessions. */
const STATELESS = {
  ...CALL,
  _meta: {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  },
};

/** A target of the era without sessions. */
const stateless = (): RawHandler =>
  mcp({
    "server/discover": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: { tools: {} },
        serverInfo: { name: "raw", version: "1" },
      })),
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        resultType: "complete",
        ttlMs: 0,
        cacheScope: "private",
        tools: [{
          name: "work",
          inputSchema: {
            type: "object",
            properties: {
              on: { type: "string", "x-mcp-header": "On" },
              times: { type: "number" },
            },
          },
        }],
      })),
    "tools/call": (message, reply) =>
      reply.json(result(message, { resultType: "complete", ...TEXT })),
  });

const KINDS: Readonly<Record<string, Kind>> = {
  "connections that break before an answer": {
    target: () =>
      mcp({
        "tools/call": inTurn(
          (_message, reply) => reply.reset(),
          (_message, reply) => reply.cut(),
          (message, reply) => reply.json(result(message, TEXT)),
        ),
      }),
    client: calls(3),
  },
  "429, 503 and other statuses": {
    target: () =>
      mcp({
        "tools/call": inTurn(
          (_message, reply) => reply.json({}, 429, { "retry-after": "0" }),
          (message, reply) => reply.json(result(message)),
          (_message, reply) => reply.json({ message: "wait" }, 503),
          (_message, reply) => reply.json({ message: "wait" }, 503),
          (_message, reply) => reply.status(500, {}, "broken"),
          (_message, reply) => reply.status(404, {}, "nothing here"),
        ),
      }),
    client: calls(5),
  },
  "a refusal that names who was refused": {
    target: () =>
      mcp({
        "tools/call": (_message, reply) =>
          reply.json(
            {
              Message:
                "User: arn:aws:sts::123456789012:assumed-role/Administrator/somebody@example.com is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:********9012:abc/x with an explicit deny in a policy of the organization that is longer than what an error takes of it, whatever the names in it are, and goes on after that for a while with words that say nothing",
            },
            403,
            { "x-amzn-errortype": "AccessDeniedException" },
          ),
      }),
    client: calls(1),
  },
  "redirects": {
    target: () =>
      mcp({
        "tools/call": (_message, reply) =>
          reply.status(307, { location: "https://elsewhere.example/mcp?a=b" }),
      }),
    client: calls(1),
  },
  "bodies that are cut": {
    target: () =>
      mcp({
        "tools/call": inTurn(
          async (_message, reply) => {
            const headers = {
              "content-type": "application/json",
              "content-length": "100",
            };
            await reply.status(200, headers, '{"jsonrpc":"2.0",');
            await reply.cut();
          },
          async (_message, reply) => {
            await reply.head(200, { "content-type": "application/json" });
            await reply.cut();
          },
          async (_message, reply) => {
            const stream = await reply.stream(200, {
              "content-type": "application/json",
            });
            await stream.raw('{"jsonrpc":');
            await stream.reset();
          },
        ),
      }),
    client: calls(3),
  },
  "streams that are cut, resumed, slow and empty": {
    target: () => {
      let cut: unknown;
      return mcp({
        "tools/call": inTurn(
          async (message, reply) => {
            cut = message;
            const stream = await reply.sse();
            await stream.event({ id: "first", data: "", retry: 10 });
            await stream.cut();
          },
          async (message, reply) => {
            const stream = await reply.sse({}, { chunkBytes: 7 });
            await stream.raw(": a comment\r\n\r\n");
            await stream.message(result(message, TEXT));
            await stream.end();
          },
          async (_message, reply) => {
            const stream = await reply.sse();
            await stream.end();
          },
          async (message, reply) => {
            const stream = await reply.sse();
            await stream.message(result(message, TEXT));
            await stream.cut();
          },
        ),
        GET: async (_message, reply, request) => {
          if (request.header("last-event-id") === undefined) {
            return await reply.status(405);
          }
          const stream = await reply.sse();
          await stream.message(result(cut, TEXT), "second");
          await stream.end();
        },
      });
    },
    client: calls(4),
  },
  "sessions that are lost while calls are under way": {
    target: () => {
      const sessions = new Sessions();
      let count = 0;
      return mcp({
        "tools/call": async (message, reply) => {
          if (++count === 4) {
            sessions.known.clear();
            return await reply.json(
              error({ id: null }, -32001, "Session not found"),
              404,
            );
          }
          await reply.json(result(message, TEXT));
        },
      }, sessions);
    },
    client: async (proxy) => {
      await proxy.initialize();
      await Promise.all(
        Array.from({ length: 8 }, () => proxy.request("tools/call", CALL)),
      );
    },
  },
  "calls that are cancelled": {
    target: () =>
      mcp({
        "tools/call": async (message, reply) => {
          const stream = await reply.sse();
          await stream.message({
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken: 1, progress: 1, message: "half of it" },
          });
          await reply.closed;
          void message;
        },
      }),
    client: async (proxy) => {
      await proxy.initialize();
      await proxy.send({
        jsonrpc: "2.0",
        id: 7,
        method: "tools/call",
        params: { ...CALL, _meta: { progressToken: 1 } },
      });
      await proxy.frames.find(({ text }) => text.includes("half of it"));
      await proxy.notify("notifications/cancelled", { requestId: 7 });
      await proxy.request("ping");
    },
  },
  "frames that are no messages": {
    target: () => mcp({}),
    client: async (proxy) => {
      await proxy.initialize();
      for (
        const line of [
          "no JSON",
          '{"jsonrpc":"2.0","id":5,"method":',
          "[]",
          "17",
          '{"id":6,"method":"ping"}',
          '{"jsonrpc":"2.0","id":{},"method":"ping"}',
          '{"jsonrpc":"2.0","id":8,"method":9}',
          '{"jsonrpc":"2.0","id":9,"result":{},"error":{}}',
          '[{"jsonrpc":"2.0","id":10,"method":"ping"},3]',
        ]
      ) await proxy.write(`${line}\n`);
      await proxy.write(new Uint8Array([0x7b, 0xff, 0x7d, 0x0a]));
      await proxy.write('{"jsonrpc":"2.0","id":11,"method":"ping","params":"');
      await proxy.write(new Uint8Array([0xc3, 0x28]));
      await proxy.write('"}\n');
      await proxy.request("ping");
    },
  },
  "large IDs, odd numbers and members that are there twice": {
    target: () => mcp({}),
    client: async (proxy) => {
      await proxy.initialize();
      for (
        const line of [
          '{"jsonrpc":"2.0","id":12345678901234567890,"method":"ping"}',
          '{"jsonrpc":"2.0","id":12345678901234567891,"method":"ping"}',
          '{"jsonrpc":"2.0","id":"a\\u0062c","method":"ping"}',
          '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
          '{"jsonrpc":"2.0","id":1.5,"method":"ping","params":{"n":1e400}}',
        ]
      ) {
        await proxy.write(`${line}\n`);
        await proxy.next();
      }
    },
  },
  "batches": {
    target: () =>
      mcp({
        batch: (messages, reply) =>
          reply.json(messages.map((message: unknown) => result(message))),
        initialize: (message, reply) =>
          reply.json(
            result(message, {
              protocolVersion: "2025-03-26",
              capabilities: {},
              serverInfo: { name: "raw", version: "1" },
            }),
          ),
      }),
    client: async (proxy) => {
      await proxy.request("initialize", {
        protocolVersion: "2025-03-26",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      });
      await proxy.notify("notifications/initialized");
      await proxy.send([
        { jsonrpc: "2.0", id: "b-1", method: "ping" },
        { jsonrpc: "2.0", id: "b-2", method: "tools/list" },
      ]);
      await proxy.next();
      await proxy.request("ping");
    },
  },
  "large answers and large arguments": {
    target: () =>
      mcp({
        "tools/call": inTurn(
          (message, reply) =>
            reply.json(result(message, {
              content: [{ type: "text", text: "x".repeat(200_000) }],
            })),
          (message, reply) =>
            reply.json(result(message, {
              content: [{ type: "text", text: "x".repeat(2_000_000) }],
            })),
          async (message, reply) => {
            const stream = await reply.sse();
            await stream.message({
              jsonrpc: "2.0",
              method: "notifications/message",
              params: { level: "info", data: "y".repeat(1_000_000) },
            });
            await stream.message(result(message, TEXT));
            await stream.end();
          },
        ),
      }),
    client: async (proxy) => {
      await proxy.initialize();
      for (let call = 0; call < 3; call++) {
        await proxy.request("tools/call", CALL);
      }
      await proxy.request("tools/call", {
        name: "work",
        arguments: { text: "z".repeat(1_000_000) },
      });
      await proxy.request("ping");
    },
  },
  "an answer that passes while it arrives": {
    target: () =>
      mcp({
        "tools/call": (message, reply) =>
          reply.json(result(message, {
            content: [{ type: "text", text: "x".repeat(12_000_000) }],
          })),
      }),
    client: async (proxy) => {
      await calls(1)(proxy);
      await proxy.request("ping");
    },
    args: ["--max-answer", "32MiB"],
  },
  "a client that leaves while a call is under way": {
    target: () =>
      mcp({
        "tools/call": async (message, reply) => {
          await new Promise((resolve) => setTimeout(resolve, 300));
          await reply.json(result(message, TEXT));
        },
      }),
    client: async (proxy) => {
      await proxy.initialize();
      await proxy.send({
        jsonrpc: "2.0",
        id: 7,
        method: "tools/call",
        params: CALL,
      });
    },
  },
  "a client that says nothing": {
    target: () => mcp({}),
    client: () => Promise.resolve(),
  },
  "answers that are none": {
    target: () =>
      mcp({
        "tools/call": inTurn(
          (_message, reply) => reply.json({ hello: "world" }),
          (_message, reply) => reply.status(200, {}, ""),
          (_message, reply) =>
            reply.status(200, { "content-type": "text/html" }, "<p>no</p>"),
          (_message, reply) =>
            reply.json({ jsonrpc: "2.0", id: 77, result: {} }),
          (_message, reply) => reply.status(202),
          (message, reply) => reply.json([result(message), result(message)]),
        ),
      }),
    client: calls(6),
  },
  "the era without sessions": {
    target: stateless,
    client: async (proxy) => {
      const { _meta } = STATELESS;
      await proxy.request("server/discover", { _meta });
      await proxy.request("tools/list", { _meta });
      await proxy.request("tools/call", STATELESS);
      await proxy.request("tools/call", {
        ...STATELESS,
        arguments: { on: "a thong", times: 12 },
      });
      await proxy.request("resources/read", { _meta, uri: "file:///a/ü" });
    },
  },
  "a client of the era with sessions at a target without": {
    target: stateless,
    client: async (proxy) => {
      await proxy.initialize();
      await proxy.request("tools/list");
      await proxy.request("tools/call", CALL);
      await proxy.request("ping");
    },
    args: ["--bridge"],
  },
  "a client of the era without sessions at a target with them": {
    target: () => mcp({}, new Sessions()),
    client: async (proxy) => {
      const { _meta } = STATELESS;
      await proxy.request("server/discover", { _meta });
      await proxy.request("tools/list", { _meta });
      await proxy.request("tools/call", STATELESS);
    },
    args: ["--bridge"],
  },
  "a stream that stands alone": {
    target: () => {
      const sessions = new Sessions();
      return mcp({
        GET: async (_message, reply) => {
          const stream = await reply.sse();
          await stream.message({
            jsonrpc: "2.0",
            method: "notifications/tools/list_changed",
          });
          await stream.closed;
        },
        "tools/call": async (message, reply) => {
          const stream = await reply.sse();
          await stream.message(result(message, TEXT));
          await stream.end();
        },
      }, sessions);
    },
    client: async (proxy) => {
      await proxy.initialize();
      await proxy.frames.find(({ text }) => text.includes("list_changed"));
      await proxy.request("tools/call", CALL);
    },
    args: ["--sse"],
  },
};

for (const [name, { target, client, args }] of Object.entries(KINDS)) {
  Deno.test(`a recording of ${name} is played without a difference`, async () => {
    await using directory = await RecordingDirectory.make();
    await using server = await RawServer.start(target());
    await directory.record({ target: server.url, args }, client);
    for (const way of [["--fast"], []]) {
      const { code, text } = await replay(directory.path, ...way);
      assertEquals(code, 0, text);
      assertEquals(text.includes("gap"), false, text);
    }
  });
}
