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

export {
  type AssumeRoleOptions,
  createCredentialSource,
  type Credentials,
  type CredentialSource,
  type CredentialSourceOptions,
} from "./src/aws/credentials/credentials.ts";
export { explainRefusal } from "./src/aws/refusals/refusal.ts";
export {
  createSignedFetch,
  type SignedFetch,
  type SignedFetchOptions,
} from "./src/aws/signing/signed_fetch.ts";
export {
  createSigner,
  type SignatureVersion,
  type Signer,
  type SignerOptions,
} from "./src/aws/signing/signer.ts";
export {
  ConfigError,
  CredentialsError,
  ERROR_CODES,
  type ErrorData,
  type ErrorReason,
  ProxyError,
} from "./src/errors.ts";
export type {
  ListenAddress,
  TcpAddress,
  UnixAddress,
} from "./src/net/listen_address.ts";
export { type HttpProxyOptions, runHttpProxy } from "./src/http/http_proxy.ts";
export type { Log, LogFields, LogLevel } from "./src/log/log.ts";
export type { Era } from "./src/mcp/wire/era.ts";
export type {
  RequestId,
  ResponseMessage,
  RpcError,
} from "./src/mcp/wire/message.ts";
export type { Metadata } from "./src/mcp/wire/metadata.ts";
export type {
  Observation,
  Observed,
  Observer,
} from "./src/mcp/transport/observer.ts";
export type { Explain } from "./src/mcp/transport/responses.ts";
export type { Transport } from "./src/mcp/session/session.ts";
export type { ToolRules } from "./src/mcp/tools/policy.ts";
export {
  runStdioProxy,
  type StdioProxyOptions,
} from "./src/stdio/stdio_proxy.ts";
export { type Redact, Redactor } from "./src/redact/redact.ts";

if (import.meta.main) {
  const { runCommand } = await import("./cli.ts");
  await runCommand();
}
