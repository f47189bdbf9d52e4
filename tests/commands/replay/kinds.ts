/** What a recording is made of, to be played by the same program. */

import { assertEquals } from "@std/assert";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import type { McpHandler } from "../../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";

export const CALL = { name: "work", arguments: { on: "a thing", times: 3 } };
export const TEXT = { content: [{ type: "text", text: "it is done" }] };

export interface Kind {
  readonly target: () => RawHandler;
  readonly client: (proxy: ProxyProcess) => Promise<unknown>;
  readonly args?: readonly string[];
}

/** Initialises and calls, so many times. */
export function calls(count: number, params: unknown = CALL): Kind["client"] {
  return async (proxy) => {
    await proxy.initialize();
    for (let call = 0; call < count; call++) {
      await proxy.request("tools/call", params);
    }
  };
}

/** Does one thing for each call in turn, and the last for all that follow. */
export function inTurn(
  ...handlers: McpHandler[]
): McpHandler {
  let count = 0;
  return (message, reply, request) =>
    handlers[Math.min(count++, handlers.length - 1)](message, reply, request);
}

/** Tests that a recording of each is played without a difference. */
export function testKinds(kinds: Readonly<Record<string, Kind>>): void {
  for (const [name, { target, client, args }] of Object.entries(kinds)) {
    Deno.test(`a recording of ${name} is played without a difference`, async () => {
      await using directory = await RecordingDirectory.make();
      await using server = await RawServer.start(target());
      await directory.record({ target: server.url, args }, client);
      for (const way of [["--fast"], []]) {
        const { code, text } = await replay(directory.path, ...way);
        assertEquals(code, 0, text);
        assertEquals(text.includes("gap"), false, text);
      }
    });
  }
}
