import { assertEquals } from "@std/assert";
import { mcp, type McpHandler } from "../../support/raw_mcp.ts";
import { RawServer, type SeenRequest } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";

/** What the client is told when the one request `m` meets this. */
export async function answerWhen(
  m: McpHandler,
  options: { maxAnswerBytes?: number } = {},
) {
  await using server = await RawServer.start(mcp({ m }));
  await using client = new StreamClient({ url: server.url, ...options });
  client.request(1, "m");
  const { json } = await client.next();
  const after = await client.close();
  assertEquals(after, [], "nothing follows the one answer");
  assertEquals(json.id, 1);
  return { ...json, requests: server.requests.all };
}

export function methods(requests: readonly SeenRequest[]): string[] {
  return requests.map((seen) =>
    seen.method === "POST" ? JSON.parse(seen.text()).method : seen.method
  );
}
