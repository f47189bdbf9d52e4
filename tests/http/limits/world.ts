import {
  HttpProxy,
  type HttpProxyStart,
} from "../../support/program/http_proxy.ts";
import { RawClient } from "../../support/raw/client.ts";
import type { McpHandler } from "../../support/raw/mcp.ts";
import type { RawHandler } from "../../support/raw/server.ts";

export const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** An HTTP server without a token, before a target. */
export class World extends HttpProxy {
  static make(
    options: Partial<HttpProxyStart>,
    script: Record<string, McpHandler> | RawHandler = {},
  ): Promise<World> {
    return World.before(script, { token: false, ...options });
  }

  /** Begins a POST: sends its head with these lines, and nothing after it. */
  begin(...lines: string[]): Promise<RawClient> {
    return this.open("POST /mcp HTTP/1.1", "Host: localhost", ...lines);
  }

  /** Sends lines of a head, and nothing after it. */
  async open(...lines: string[]): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    await client.sendHead(...lines);
    return client;
  }
}
