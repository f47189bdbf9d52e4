import { mcp, type McpHandler, Sessions } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream_client.ts";

export const MIB = 1024 * 1024;

/** A target with tools, and a client before it. */
export async function world(
  script: Record<string, McpHandler>,
  options: Partial<StreamClientOptions>,
  sessions?: Sessions,
) {
  const server = await RawServer.start(mcp(script, sessions));
  const client = new StreamClient({ url: server.url, ...options });
  return {
    server,
    client,
    /** The methods that reached the target, in their order. */
    methods: (): string[] =>
      server.requests.all.filter(({ method }) => method === "POST")
        .map((seen) => JSON.parse(seen.text()).method),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export const listed = (members: string): McpHandler => (message, reply) =>
  reply.status(
    200,
    { "content-type": "application/json" },
    `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${members}}`,
  );

export const SEEN = '{"name":"get","annotations":{"readOnlyHint":true}}';

export const HIDDEN = '{"name":"delete"}';

/** Members of an object that are too many to be kept. */
export const TOO_MANY = Array.from({ length: 60_000 }, (_, n) => `"k${n}":{}`)
  .join();
