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
 * ```ts no-eval
 * import { createSignedFetch } from "@scope/sigv4-proxy";
 *
 * const origin = "https://abc123.execute-api.us-east-1.amazonaws.com";
 * const fetch = createSignedFetch({
 *   origin,
 *   service: "execute-api",
 *   region: "us-east-1",
 * });
 * const response = await fetch(`${origin}/prod/items?limit=10`);
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
} from "./src/aws/credentials.ts";
export { explainRefusal } from "./src/aws/refusal.ts";
export {
  createSignedFetch,
  type SignedFetch,
  type SignedFetchOptions,
} from "./src/aws/signed_fetch.ts";
export {
  createSigner,
  type SignatureVersion,
  type Signer,
  type SignerOptions,
} from "./src/aws/signer.ts";
export {
  ConfigError,
  CredentialsError,
  ERROR_CODES,
  type ErrorData,
  type ErrorReason,
  ProxyError,
} from "./src/errors.ts";
export type { Log, LogFields } from "./src/log.ts";
export { runStdioProxy, type StdioProxyOptions } from "./src/stdio_proxy.ts";
export { type Redact, Redactor } from "./src/redact.ts";

if (import.meta.main) {
  const { runCommand } = await import("./cli.ts");
  await runCommand();
}
