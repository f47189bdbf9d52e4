/**
 * Signs MCP (Model Context Protocol) traffic for servers that demand AWS IAM.
 *
 * Run as main it is the command: an MCP client's stdin and stdout on one side,
 * Streamable HTTP with an AWS Signature Version 4 on the other.
 *
 * ```sh
 * deno run -A jsr:@scope/sigv4-proxy https://aws-mcp.us-east-1.api.aws/mcp
 * ```
 *
 * Imported it is the command's parts: {@linkcode createSigner} signs a
 * `Request`, {@linkcode createSignedFetch} is a `fetch` that signs,
 * {@linkcode createCredentialSource} finds and renews AWS credentials, and
 * {@linkcode runStdioProxy} is the proxy over any pair of Web Streams.
 *
 * @example A signed fetch
 * ```ts
 * import { createSignedFetch } from "@scope/sigv4-proxy";
 *
 * await using target = Deno.serve({ port: 0, onListen() {} }, (request) =>
 *   new Response(request.headers.has("authorization") ? "signed" : "unsigned"));
 * const origin = `http://localhost:${target.addr.port}`;
 *
 * const signedFetch = createSignedFetch({
 *   origin,
 *   service: "execute-api",
 *   region: "us-east-1",
 *   // Without this line: the credentials of this machine.
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 * });
 * const response = await signedFetch(`${origin}/prod/items?limit=10`);
 * if (await response.text() !== "signed") throw new Error("it is signed");
 * ```
 *
 * @module
 */

import type { HttpProxyOptions } from "./src/http/options.ts";
import { OPTION_NAMES } from "./src/naming.ts";
import { checkOptions } from "./src/shape/shape.ts";
import type { StdioProxyOptions } from "./src/stdio/stdio_proxy.ts";

export {
  createCredentialSource,
  type CredentialSourceOptions,
} from "./src/aws/credentials/credentials.ts";
export { explainRefusal } from "./src/aws/refusals/refusal.ts";
export {
  createSignedFetch,
  type SignedFetch,
  type SignedFetchOptions,
} from "./src/aws/signing/signed_fetch.ts";
export type {
  SignatureVersion,
  SignerOptions,
} from "./src/aws/signing/core.ts";
export { createSigner, type Signer } from "./src/aws/signing/signer.ts";
export {
  ConfigError,
  CredentialsError,
  ERROR_CODES,
  type ErrorData,
  type ErrorReason,
  ProxyError,
} from "./src/errors.ts";
export type { ProxyOptions } from "./src/config/proxy_options.ts";
export type { ListenAddress } from "./src/net/listen_address.ts";
export type { HttpProxyOptions } from "./src/http/options.ts";
export type { Log, LogFields, LogLevel } from "./src/log/log.ts";
export type { ToolRules } from "./src/mcp/tools/rules.ts";
export { Redactor } from "./src/redact/redact.ts";
export type { StdioProxyOptions } from "./src/stdio/stdio_proxy.ts";
export {
  type AssumeRoleOptions,
  type Credentials,
  type CredentialSource,
  type RoleSession,
} from "./src/aws/credentials/types.ts";

// Both are loaded when they are run: as the command this module says its
// version, or what is wrong with its arguments, without them.

/**
 * Carries MCP messages between a client on two byte streams and a target
 * behind HTTP, until the client's stream ends or `signal` is aborted. Every
 * request is answered: by the target, or by an error that says why not.
 *
 * @param options The streams, the target, and how to reach it.
 * @returns When everything is answered and the session is ended.
 * @throws {ConfigError} An option is unknown, or has a wrong value.
 * @throws What `readable` fails with, or `writable` when its disk is full.
 *
 * @example
 * ```ts
 * import { createSignedFetch, runStdioProxy } from "@scope/sigv4-proxy";
 *
 * await using target = Deno.serve({ port: 0, onListen() {} }, async (request) => {
 *   if (!request.headers.has("authorization")) {
 *     return new Response(null, { status: 403 });
 *   }
 *   const { id } = await request.json();
 *   return Response.json({ jsonrpc: "2.0", id, result: {} });
 * });
 * const url = new URL(`http://localhost:${target.addr.port}/mcp`);
 *
 * // A program has Deno.stdin.readable and Deno.stdout.writable here.
 * const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';
 * const stdin = ReadableStream.from([new TextEncoder().encode(ping)]);
 * const stdout = new TransformStream<Uint8Array, Uint8Array>();
 * const answers = new Response(stdout.readable).text();
 *
 * await runStdioProxy({
 *   url,
 *   readable: stdin,
 *   writable: stdout.writable,
 *   fetch: createSignedFetch({
 *     origin: url,
 *     service: "execute-api",
 *     region: "us-east-1",
 *     credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 *   }),
 * });
 * await stdout.writable.close();
 * if (await answers !== '{"jsonrpc":"2.0","id":1,"result":{}}\n') {
 *   throw new Error("the answer comes back");
 * }
 * ```
 */
export async function runStdioProxy(options: StdioProxyOptions): Promise<void> {
  const { runStdioProxy } = await import("./src/stdio/stdio_proxy.ts");
  checkOptions(options, "proxy", "stdio");
  await runStdioProxy({ ...options, names: OPTION_NAMES });
}

/**
 * Serves a target as an MCP endpoint of this machine, until `signal` is
 * aborted: each request goes on signed, each answer comes back as it is.
 *
 * @param options The target, how to reach it, where to listen and for whom.
 * @returns When all is answered or given up, and nothing is left.
 * @throws {ConfigError} It cannot listen there, or not without a token; an
 * option is unknown, or has a wrong value.
 *
 * @example
 * ```ts
 * import { runHttpProxy } from "@scope/sigv4-proxy";
 *
 * const stop = new AbortController();
 * await runHttpProxy({
 *   target: new URL("https://abc123.execute-api.us-east-1.amazonaws.com/mcp"),
 *   fetch, // from createSignedFetch, to have it signed
 *   listen: { hostname: "127.0.0.1", port: 0 },
 *   token: "a-token-for-this-example",
 *   signal: stop.signal,
 *   async onListen(address) {
 *     if (!("port" in address)) throw new Error("it listens at a port");
 *     const health = await fetch(`http://127.0.0.1:${address.port}/healthz`);
 *     if (await health.text() !== "ok\n") throw new Error("it serves");
 *     stop.abort();
 *   },
 * });
 * ```
 */
export async function runHttpProxy(options: HttpProxyOptions): Promise<void> {
  const { runHttpProxy } = await import("./src/http/http_proxy.ts");
  checkOptions(options, "proxy", "http");
  await runHttpProxy({ ...options, names: OPTION_NAMES });
}

if (import.meta.main) {
  const { runCommand } = await import("./cli.ts");
  await runCommand();
}
