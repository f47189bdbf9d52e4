import { mcp, type McpHandler, Sessions } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../../support/stream_client.ts";

export async function world(
  script: Record<string, McpHandler>,
  options: Partial<StreamClientOptions> = {},
  sessions = new Sessions(),
) {
  const server = await RawServer.start(mcp(script, sessions));
  const client = new StreamClient({ url: server.url, ...options });
  await client.initialize();
  await server.requests.find((seen) =>
    seen.text().includes("notifications/initialized")
  );
  return {
    server,
    client,
    sessions,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

export function count(server: RawServer, method: string): number {
  return server.requests.all.filter((seen) =>
    seen.method === method ||
    (seen.method === "POST" && JSON.parse(seen.text()).method === method)
  ).length;
}
