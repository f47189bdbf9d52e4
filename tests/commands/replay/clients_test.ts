/** Recordings of what clients send, each played by the same program. */
import { mcp, result } from "../../support/raw/mcp.ts";
import { CALL, calls, inTurn, testKinds, TEXT } from "./kinds.ts";

testKinds({
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
});
