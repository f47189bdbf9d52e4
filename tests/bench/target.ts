/**
 * The target of the comparisons, as a program of its own so that its work is
 * not counted: it answers each call with a few bytes, or streams as many MiB as
 * its argument says. Prints its URL.
 */

import { createServer, type ServerResponse } from "node:http";

const SESSION_ID = crypto.randomUUID();
const TOOLS = ["echo", "stream"].map((name) => ({
  name,
  inputSchema: { type: "object" },
}));
const EVENT = `event: message\ndata: ${
  JSON.stringify({
    jsonrpc: "2.0",
    method: "notifications/message",
    params: { level: "info", data: "x".repeat(1024 * 1024) },
  })
}\n\n`;

function answer(
  response: ServerResponse,
  id: unknown,
  result: unknown,
  headers: Record<string, string> = {},
): void {
  const body = new TextEncoder().encode(
    JSON.stringify({ jsonrpc: "2.0", id, result }),
  );
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": body.length,
    ...headers,
  });
  response.end(body);
}

function stream(response: ServerResponse, id: unknown, mib: number): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let sent = 0;
  const more = (): void => {
    while (sent < mib) {
      sent++;
      if (!response.write(EVENT)) return void response.once("drain", more);
    }
    const last = { jsonrpc: "2.0", id, result: { content: [] } };
    response.end(`data: ${JSON.stringify(last)}\n\n`);
  };
  more();
}

const server = createServer((request, response) => {
  const chunks: string[] = [];
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => chunks.push(chunk));
  request.on("end", () => {
    if (request.method !== "POST") {
      response.writeHead(request.method === "GET" ? 405 : 200);
      return response.end();
    }
    const { id, method, params } = JSON.parse(chunks.join(""));
    if (id === undefined) {
      response.writeHead(202);
      return response.end();
    }
    if (method === "initialize") {
      return answer(response, id, {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "bench", version: "1" },
      }, { "mcp-session-id": SESSION_ID });
    }
    // Some proxies call what is listed alone.
    if (method === "tools/list") return answer(response, id, { tools: TOOLS });
    if (params?.name === "stream") {
      return stream(response, id, params.arguments.mib);
    }
    answer(response, id, { content: [{ type: "text", text: "ok" }] });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") return;
  console.log(`http://127.0.0.1:${address.port}/mcp`);
});
