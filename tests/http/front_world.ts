import { Front, type FrontOptions } from "../support/http_front.ts";
import { mcp, type McpHandler } from "../support/raw_mcp.ts";
import { type RawHandler, RawServer } from "../support/raw_server.ts";

/** A target and an HTTP server before it. */
export class FrontWorld implements AsyncDisposable {
  /** Joins the two, to end them together. */
  constructor(readonly target: RawServer, readonly front: Front) {}

  /** Starts a target that does what servers do but for this script, and an HTTP server. */
  static async start<W>(
    this: new (...parts: ConstructorParameters<typeof FrontWorld>) => W,
    script: Record<string, McpHandler> | RawHandler,
    options: Partial<FrontOptions> = {},
  ): Promise<W> {
    const target = await RawServer.start(
      typeof script === "function" ? script : mcp(script),
    );
    return new this(
      target,
      await Front.start({ target: target.url, ...options }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]();
    await this.target[Symbol.asyncDispose]();
  }
}
