/** What most tests of `src/mcp` begin with. */

import { mcp, type McpHandler, messages, Sessions } from "../raw/mcp.ts";
import { type RawHandler, RawServer } from "../raw/server.ts";
import { StreamClient, type StreamClientOptions } from "./client.ts";

/** A target, and a client whose messages the proxy brings to it. */
export class StreamWorld implements AsyncDisposable {
  /** Joins the two, to end them together. */
  constructor(
    readonly server: RawServer,
    readonly client: StreamClient,
    readonly sessions: Sessions,
  ) {}

  /** A target that does what servers do but for this script, and a client. */
  static async start<W>(
    this: new (...parts: ConstructorParameters<typeof StreamWorld>) => W,
    script: Record<string, McpHandler> | RawHandler,
    options: Partial<StreamClientOptions> = {},
    sessions = new Sessions(),
  ): Promise<W> {
    const server = await RawServer.start(
      typeof script === "function" ? script : mcp(script, sessions),
    );
    const client = new StreamClient({ url: server.url, ...options });
    return new this(server, client, sessions);
  }

  /** Initialises the session, to the notification's arrival at the target. */
  async initialize(params: Record<string, unknown> = {}): Promise<this> {
    await this.client.initialize(params);
    await this.server.requests.find((seen) =>
      seen.text().includes("notifications/initialized")
    );
    return this;
  }

  /** The methods that were posted, in their order. */
  get posted(): string[] {
    return messages(this.server.requests.all).map(({ method }) => method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}
