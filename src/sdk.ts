/**
 * The official SDK's client transport, signed: for MCP clients in Deno that
 * connect without a subprocess.
 *
 * @module
 */

// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "./aws/signed_fetch.ts";

/** What {@linkcode createSignedTransport} signs with: as a signed fetch, for the one origin of the URL. */
export type SignedTransportOptions = Omit<SignedFetchOptions, "origin">;

/**
 * A `StreamableHTTPClientTransport` of `@modelcontextprotocol/sdk` whose every
 * request is signed.
 *
 * @param url The MCP endpoint.
 * @param options What to sign for, and as whom.
 * @returns The transport, not yet started: `client.connect(transport)` does.
 * @throws {ConfigError} The URL is not one to sign for.
 *
 * @example
 * ```ts no-eval
 * import { Client } from "npm:@modelcontextprotocol/sdk/client/index.js";
 * import { createSignedTransport } from "@scope/sigv4-proxy/sdk";
 *
 * const client = new Client({ name: "my-agent", version: "1.0.0" });
 * await client.connect(createSignedTransport(
 *   new URL("https://abc123.execute-api.us-east-1.amazonaws.com/mcp"),
 *   { service: "execute-api", region: "us-east-1" },
 * ));
 * ```
 */
export function createSignedTransport(
  url: URL,
  options: SignedTransportOptions,
): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(url, {
    fetch: createSignedFetch({ ...options, origin: url }),
  });
}
