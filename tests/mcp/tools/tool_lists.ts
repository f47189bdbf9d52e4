import type { McpHandler } from "../../support/raw/mcp.ts";

export const MIB = 1024 * 1024;

/** Answers with these members behind the ID. */
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

export const TOOLS = [
  {
    name: "get_item",
    annotations: { readOnlyHint: true },
    inputSchema: { type: "object" },
  },
  {
    name: "put_item",
    inputSchema: { type: "object", properties: { id: { type: "string" } } },
  },
  {
    name: "delete_item",
    annotations: { readOnlyHint: false },
    inputSchema: { type: "object", properties: {} },
  },
];

/** All three, not as JSON.stringify would write them. */
export const allTools: McpHandler = listed(
  `"result":{ "tools" : [ ${
    TOOLS.map((tool) => JSON.stringify(tool)).join(" , ")
  } ],"x":1E2 }`,
);
