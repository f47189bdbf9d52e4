import {
  type McpHandler,
  result,
  type Sessions,
} from "../../support/raw/mcp.ts";
import type {
  ReadFrame,
  StreamClientOptions,
} from "../../support/stream/client.ts";
import { StreamWorld } from "../../support/stream/world.ts";

/** A list of one tool, with what it says of itself. */
export function hinting(readOnlyHint: boolean, name = "x"): { tools: unknown } {
  return { tools: [{ name, annotations: { readOnlyHint } }] };
}

/** A target whose one tool only reads until it says otherwise, with read-only. */
export class ToolWorld extends StreamWorld {
  isReadOnly = true;
  /** The IDs of the calls that were run. */
  readonly ran: unknown[] = [];

  static async make(
    script: Record<string, McpHandler> = {},
    options: Partial<StreamClientOptions> = {},
    sessions?: Sessions,
  ): Promise<ToolWorld> {
    const w: ToolWorld = await ToolWorld.start(
      {
        "tools/list": (message, reply) =>
          reply.json(result(message, hinting(w.isReadOnly))),
        "tools/call": (message, reply) => {
          w.ran.push(message.id);
          return reply.json(result(message));
        },
        ...script,
      },
      { tools: { readOnly: true }, ...options },
      sessions,
    );
    return w;
  }

  /** Calls the tool; its answer. */
  call(id: number, params = {}): Promise<ReadFrame["json"]> {
    return this.client.ask(id, "tools/call", { name: "x", ...params });
  }

  /** The tool's calls and lists that reached the target, in their order. */
  get methods(): string[] {
    return this.posted.filter((method) => method?.startsWith("tools/"));
  }

  /** Starts the target anew, with another word on its tool or the same. */
  restart(isReadOnly: boolean): void {
    this.sessions.known.clear();
    this.isReadOnly = isReadOnly;
  }
}
