/**
 * The program between a client and a target that knows roles, with an STS that
 * gives them out.
 */

import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../program/proxy_process.ts";
import { mcp, type McpHandler, result, Sessions } from "../raw/mcp.ts";
import { RawServer, type SeenRequest } from "../raw/server.ts";
import { RoleSts, type RoleStsOptions } from "./role_sts.ts";
import { TEST_VERIFIER } from "./test_identity.ts";

/** The ARN of a role in the usual account, or another. */
export function roleArn(name: string, account = "123456789012"): string {
  return `arn:aws:iam::${account}:role/${name}`;
}

/** The ARN of its session. */
export function sessionArn(name: string, account = "123456789012"): string {
  return `arn:aws:sts::${account}:assumed-role/${name}/sigv4-proxy`;
}

const TOOLS = [
  { name: "get_item", annotations: { readOnlyHint: true } },
  { name: "put_item", annotations: { readOnlyHint: false } },
].map((tool) => ({ ...tool, inputSchema: { type: "object" } }));

const list: McpHandler = (message, reply) =>
  reply.json(result(message, { tools: TOOLS }));

/** What a world is made of. */
export interface RoleWorldOptions extends Omit<ProxyProcessOptions, "target"> {
  readonly script?: Record<string, McpHandler>;
  readonly sts?: RoleStsOptions;
  /** Whether the program has a process of its own. */
  readonly start?: "start" | "startHere";
}

/** Starts a world. */
// deno-lint-ignore explicit-module-boundary-types explicit-function-return-type
export async function roleWorld(
  { script, sts: stsOptions, start = "startHere", ...options }:
    RoleWorldOptions,
) {
  const sts = await RoleSts.start(stsOptions);
  const server = await RawServer.start({
    handler: mcp({ "tools/list": list, ...script }, new Sessions()),
    verifier: { ...TEST_VERIFIER, principals: sts.principals },
  });
  const proxy = await ProxyProcess[start]({
    target: server.url,
    ...options,
    env: { AWS_ENDPOINT_URL_STS: sts.url, ...options.env },
    permissions: {
      ...options.permissions,
      net: [sts.host, ...options.permissions?.net ?? []],
      env: ["_X_AMZN_TRACE_ID"],
    },
  });
  /** The ARN of who signed a request, if the signature is right. */
  const whoSent = (request: SeenRequest): string | undefined =>
    request.verdict?.ok ? sts.arnOf(request.verdict.principal) : undefined;
  return {
    sts,
    server,
    proxy,
    whoSent,
    /** Calls a tool, and waits for the answer. */
    // deno-lint-ignore no-explicit-any
    call: async (name: string, args: unknown = {}): Promise<any> =>
      (await proxy.request("tools/call", { name, arguments: args })).value,
    /** The requests of a method that reached the target, and who signed. */
    sent: (method: string) =>
      server.requests.all.filter((request) => request.method === "POST")
        .map((request) => ({
          by: whoSent(request),
          session: request.header("mcp-session-id"),
          message: JSON.parse(request.text()),
        }))
        .filter(({ message }) => message.method === method),
    async [Symbol.asyncDispose](): Promise<void> {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await sts[Symbol.asyncDispose]();
    },
  };
}
