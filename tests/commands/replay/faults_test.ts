/** Recordings of what targets do wrong, each played by the same program. */
import { error, mcp, result, Sessions } from "../../support/raw/mcp.ts";
import { CALL, calls, inTurn, testKinds, TEXT } from "./kinds.ts";

testKinds({
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
});
