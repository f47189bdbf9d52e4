/**
 * The official SDK's client, which starts the program as any MCP client does:
 * over its own stdio transport.
 */

import { Client } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/client/stdio"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import type { ClientCapabilities } from "@modelcontextprotocol/sdk/types.js";
import { Readable } from "node:stream";
import { Arrivals } from "../arrivals.ts";
import { commandLine, type LaunchOptions } from "../program/launch.ts";
import { type Line, linesOf } from "../lines.ts";

/** How the client and the program are started. */
export interface SdkClientOptions extends LaunchOptions {
  readonly capabilities?: ClientCapabilities;
  /** Sets handlers before the client connects. */
  readonly configure?: (client: Client) => void;
}

/** A client with its program. */
export interface SdkClient extends AsyncDisposable {
  readonly client: Client;
  readonly transport: StdioClientTransport;
  /** What the program writes to stderr, line by line. */
  readonly log: Arrivals<Line>;
}

/**
 * Starts the program and connects a client to it.
 *
 * @param options How both are started.
 * @returns The client, initialised; disposing of it ends the program.
 */
export async function sdkClient(options: SdkClientOptions): Promise<SdkClient> {
  const line = await commandLine(options);
  const transport = new StdioClientTransport({
    command: line.command,
    args: line.args,
    env: line.env,
    cwd: line.home,
    stderr: "pipe",
  });
  const log = new Arrivals<Line>("line on stderr");
  const logRead = readLog(transport, log);
  const client = new Client({ name: "sdk-client", version: "1.0.0" }, {
    capabilities: options.capabilities ?? {},
  });
  options.configure?.(client);
  const dispose = async (): Promise<void> => {
    await client.close();
    await logRead;
    await line[Symbol.asyncDispose]();
  };
  try {
    await client.connect(transport);
  } catch (error) {
    await dispose();
    const said = log.all.map(({ text }) => text).join("\n");
    throw new Error(`the client cannot connect; the program says: ${said}`, {
      cause: error,
    });
  }
  return { client, transport, log, [Symbol.asyncDispose]: dispose };
}

async function readLog(
  { stderr }: StdioClientTransport,
  log: Arrivals<Line>,
): Promise<void> {
  if (!(stderr instanceof Readable)) throw new Error("stderr is not piped");
  for await (const line of linesOf(stderr)) log.add(line);
  log.end("stderr has ended");
}
