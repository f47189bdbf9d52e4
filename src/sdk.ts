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
} from "./aws/signing/signed_fetch.ts";

/**
 * What {@linkcode createSignedTransport} signs with: as a signed fetch, for the
 * one origin of the URL.
 */
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
 * ```ts
 * import { createSignedTransport } from "@scope/sigv4-proxy/sdk";
 *
 * await using target = Deno.serve({ port: 0, onListen() {} }, (request) =>
 *   new Response(null, {
 *     status: request.headers.has("authorization") ? 202 : 403,
 *   }));
 *
 * const transport = createSignedTransport(
 *   new URL(`http://localhost:${target.addr.port}/mcp`),
 *   {
 *     service: "execute-api",
 *     region: "us-east-1",
 *     credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 *   },
 * );
 * // As a rule: await client.connect(transport), with a Client of the SDK.
 * await transport.start();
 * await transport.send({ jsonrpc: "2.0", method: "notifications/progress" });
 * await transport.close();
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
