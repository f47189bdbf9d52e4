import { Front, type FrontOptions } from "../support/http_front.ts";
import { RawClient } from "../support/raw_client.ts";
import { mcp } from "../support/raw_mcp.ts";
import { type RawHandler, RawServer } from "../support/raw_server.ts";

export const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** A target and a front without a token before it. */
export class World implements AsyncDisposable {
  private constructor(readonly target: RawServer, readonly front: Front) {}

  static async start(
    options: Partial<FrontOptions>,
    handler: RawHandler = mcp({}),
  ): Promise<World> {
    const target = await RawServer.start(handler);
    const front = await Front.start({
      target: target.url,
      token: false,
      ...options,
    });
    return new World(target, front);
  }

  /** Sends lines of a head, and nothing after it. */
  async open(...lines: string[]): Promise<RawClient> {
    const client = await RawClient.connect(this.front.port);
    await client.sendHead(...lines);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]();
    await this.target[Symbol.asyncDispose]();
  }
}
