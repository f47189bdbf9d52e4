/**
 * A small MCP server as a program, which a test can kill: at the port that it
 * is given, or a free one, which it says on stdout.
 */

import { INITIALIZED, result } from "../support/raw/mcp.ts";

const sessions = new Set<string>();

async function handle(request: Request): Promise<Response> {
  if (request.method !== "POST") return new Response(null, { status: 405 });
  const message = await request.json();
  const { id, method } = message;
  if (method === "initialize") {
    const session = crypto.randomUUID();
    sessions.add(session);
    return Response.json(result(message, INITIALIZED), {
      headers: { "mcp-session-id": session },
    });
  }
  if (!sessions.has(request.headers.get("mcp-session-id") ?? "")) {
    return new Response("Session not found", { status: 404 });
  }
  if (id === undefined) return new Response(null, { status: 202 });
  if (method === "hang") {
    console.log("hangs");
    await new Promise(() => {});
  }
  return Response.json(result(message, { pid: Deno.pid }));
}

for (;;) {
  try {
    Deno.serve({
      hostname: "127.0.0.1",
      port: Number(Deno.args[0] ?? 0),
      onListen: ({ port }) => console.log(port),
    }, handle);
    break;
  } catch (error) {
    // A connection of anybody's may go out from the port that it had.
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
