/** One request that a target meets in some way. */

import { assertEquals } from "@std/assert";
import { mcp, type McpHandler } from "../raw/mcp.ts";
import { RawServer, type SeenRequest } from "../raw/server.ts";
import {
  type ReadFrame,
  StreamClient,
  type StreamClientOptions,
} from "./client.ts";

/** What the client is told when its one request meets this. */
export async function answerWhen(
  handler: McpHandler,
  { method = "m", params, ...options }:
    & { method?: string; params?: unknown }
    & Partial<StreamClientOptions> = {},
): Promise<
  ReadFrame["json"] & { text: string; requests: readonly SeenRequest[] }
> {
  await using server = await RawServer.start(mcp({ [method]: handler }));
  await using client = new StreamClient({ url: server.url, ...options });
  client.request(1, method, params);
  const { json, text } = await client.next();
  const after = await client.close();
  assertEquals(after, [], "nothing follows the one answer");
  assertEquals(json.id, 1);
  return { ...json, text, requests: server.requests.all };
}
