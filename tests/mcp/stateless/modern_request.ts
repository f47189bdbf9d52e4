import { answerWhen as answerWhenAny } from "../../support/stream/answer_when.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { McpHandler } from "../../support/raw/mcp.ts";
import type { SeenRequest } from "../../support/raw/server.ts";

/** What a client of 2026-07-28 is told when its one request meets this. */
export function answerWhen(
  handler: McpHandler,
  method?: string,
): ReturnType<typeof answerWhenAny> {
  return answerWhenAny(handler, { method, params: modern() });
}

/** The headers of MCP among those of a request, by their names in lower case. */
export function mcpHeaders({ headers }: SeenRequest): Record<string, string> {
  return Object.fromEntries(
    headers.map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => name.startsWith("mcp-")),
  );
}
