import { assertEquals } from "@std/assert";
import { modern } from "../../support/modern_message.ts";
import { mcp, type McpHandler } from "../../support/raw_mcp.ts";
import { RawServer, type SeenRequest } from "../../support/raw_server.ts";
import { StreamClient } from "../../support/stream_client.ts";

/** What the client is told when the one request `m` meets this. */
export async function answerWhen(m: McpHandler, method = "m") {
  await using server = await RawServer.start(mcp({ [method]: m }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, method, modern());
  const { json, text } = await client.next();
  const after = await client.close();
  assertEquals(after, [], "nothing follows the one answer");
  assertEquals(json.id, 1);
  return { ...json, text, requests: server.requests.all };
}

/** The headers of MCP among those of a request, by their names in lower case. */
export function mcpHeaders({ headers }: SeenRequest): Record<string, string> {
  return Object.fromEntries(
    headers.map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => name.startsWith("mcp-")),
  );
}

export function methods(requests: readonly SeenRequest[]): string[] {
  return requests.map((seen) =>
    seen.method === "POST" ? JSON.parse(seen.text()).method : seen.method
  );
}
