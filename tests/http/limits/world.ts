import type { FrontOptions } from "../../support/http_front.ts";
import { RawClient } from "../../support/raw_client.ts";
import { mcp } from "../../support/raw_mcp.ts";
import type { RawHandler } from "../../support/raw_server.ts";
import { FrontWorld } from "../front_world.ts";

export const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** A target and an HTTP server without a token before it. */
export class World extends FrontWorld {
  static make(
    options: Partial<FrontOptions>,
    handler: RawHandler = mcp({}),
  ): Promise<World> {
    return World.start(handler, { token: false, ...options });
  }

  /** Begins a POST: sends its head with these lines, and nothing after it. */
  begin(...lines: string[]): Promise<RawClient> {
    return this.open("POST /mcp HTTP/1.1", "Host: localhost", ...lines);
  }

  /** Sends lines of a head, and nothing after it. */
  async open(...lines: string[]): Promise<RawClient> {
    const client = await RawClient.connect(this.front.port);
    await client.sendHead(...lines);
    return client;
  }
}
