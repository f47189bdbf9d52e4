import type { McpHandler } from "../../support/raw_mcp.ts";

export const MIB = 1024 * 1024;

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
