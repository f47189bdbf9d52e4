import { HttpProxy } from "../../support/program/http_proxy.ts";
import { type McpHandler, methods, result } from "../../support/raw/mcp.ts";

export const READER = { name: "read", annotations: { readOnlyHint: true } };

export const WRITER = { name: "write", annotations: { readOnlyHint: false } };

export const PLAIN = { name: "plain" };

export interface Call {
  readonly jsonrpc: string;
  readonly id: number | string;
  readonly method: string;
  readonly params: { readonly name: string };
}

/** A list of tools on two pages. */
export function list(
  ...[message, reply]: Parameters<McpHandler>
): Promise<void> {
  return message.params?.cursor === "2"
    ? reply.json(result(message, { tools: [PLAIN] }))
    : reply.json(result(message, { tools: [READER, WRITER], nextCursor: "2" }));
}

export function call(name: string, id: number | string = 1): Call {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name } };
}

export const LIST = { jsonrpc: "2.0", id: 1, method: "tools/list" };

export class World extends HttpProxy {
  /** The methods that the target saw. */
  get methods(): string[] {
    return methods(this.target.requests.all);
  }

  /** Sends a message; the status and the answer. */
  async ask(
    message: unknown,
    headers: Record<string, string> = {},
    // deno-lint-ignore no-explicit-any
  ): Promise<{ status: number; json: any }> {
    const answer = await this.post(message, headers);
    return { status: answer.status, json: await answer.json() };
  }
}

export function toolNames(
  json: { result: { tools: { name: string }[] } },
): string[] {
  return json.result.tools.map(({ name }) => name);
}
