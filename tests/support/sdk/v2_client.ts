/**
 * The client of version 2 of the official SDK: over the program's stdio, or
 * straight to the target with a signature of its own.
 */

import {
  Client,
  type ClientOptions,
  StreamableHTTPClientTransport,
  type Transport,
} from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { commandLine, type LaunchOptions } from "../program/launch.ts";
import { HereTransport } from "./here_transport.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../aws/test_identity.ts";

/** How a client finds the era: not at all, by probing, or by insisting. */
export type ClientMode = "legacy" | "auto" | "pinned";

/** The client's modes, as its options name them. */
const NEGOTIATION = {
  legacy: { mode: "legacy" },
  auto: { mode: "auto" },
  pinned: { mode: { pin: "2026-07-28" } },
} as const;

/** How a client is started. */
export interface Sdk2ClientOptions {
  readonly mode: ClientMode;
  readonly capabilities?: ClientOptions["capabilities"];
  /** Sets handlers before the client connects. */
  readonly configure?: (client: Client) => void;
}

/** A client that is connected. */
export interface Sdk2Client extends AsyncDisposable {
  readonly client: Client;
}

/**
 * Starts the program and connects a client to it.
 *
 * @param options How both are started.
 * @returns The client; disposing of it ends the program.
 */
export async function sdk2Client(
  options: Sdk2ClientOptions & LaunchOptions,
): Promise<Sdk2Client> {
  const line = await commandLine(options);
  const { command, args, env, home: cwd } = line;
  const transport = new StdioClientTransport({
    command,
    args,
    env,
    cwd,
    stderr: "ignore",
  });
  return await connected(options, transport, line);
}

/**
 * Runs the program in this process, and connects a client to it.
 *
 * @param options How both are started; one that tries both eras would not
 * probe as it does over stdio, with a process of its own.
 * @returns The client; disposing of it ends the program.
 */
export async function sdk2ClientHere(
  options: Sdk2ClientOptions & LaunchOptions,
): Promise<Sdk2Client> {
  const line = await commandLine(options);
  return await connected(options, new HereTransport(line), line);
}

/**
 * Connects a client to the target itself.
 *
 * @param options How it is started.
 * @returns The client.
 */
export async function directSdk2Client(
  options: Sdk2ClientOptions & { readonly target: URL },
): Promise<Sdk2Client> {
  const transport = new StreamableHTTPClientTransport(options.target, {
    fetch: createSignedFetch({
      origin: options.target,
      ...TEST_SCOPE,
      credentials: TEST_CREDENTIALS,
    }),
  });
  return await connected(options, transport);
}

async function connected(
  { mode, capabilities = {}, configure }: Sdk2ClientOptions,
  transport: Transport,
  resource?: AsyncDisposable,
): Promise<Sdk2Client> {
  const client = new Client({ name: "sdk2-client", version: "1.0.0" }, {
    capabilities,
    versionNegotiation: NEGOTIATION[mode],
  });
  configure?.(client);
  const dispose = async (): Promise<void> => {
    await client.close();
    await resource?.[Symbol.asyncDispose]();
  };
  try {
    await client.connect(transport);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { client, [Symbol.asyncDispose]: dispose };
}
