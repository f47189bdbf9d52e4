/**
 * Targets that go by a name of AWS on loopback, with the program before them.
 */

import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../program/proxy_process.ts";
import { mcp } from "../raw/mcp.ts";
import { type RawHandler, RawServer } from "../raw/server.ts";
import type { VerifierOptions } from "../sigv4/verifier.ts";
import { TEST_VERIFIER } from "./test_identity.ts";
import { tempDir } from "../temp_dir.ts";

/** A target, and the program before it. */
export interface AwsWorld extends AsyncDisposable {
  readonly server: RawServer;
  readonly proxy: ProxyProcess;
}

/** A target that goes by a name of AWS, and the program before it. */
export async function awsWorld(
  host: string,
  scope: Partial<VerifierOptions>,
  { args = [], handler = mcp({}), path = "/mcp", ...options }: {
    args?: readonly string[];
    handler?: RawHandler;
    path?: string;
  } & Pick<ProxyProcessOptions, "env" | "home" | "permissions"> = {},
): Promise<AwsWorld> {
  const server = await RawServer.start({
    handler,
    verifier: { ...TEST_VERIFIER, ...scope },
  });
  const proxy = await ProxyProcess.startHere({
    target: server.url,
    bareArgs: [new URL(path, server.url).href, "--sign-host", host, ...args],
    ...options,
  });
  return {
    server,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The JSON log lines of a message. */
export function logged(proxy: ProxyProcess, message: string): unknown[] {
  return proxy.stderrLines.filter((line) => Object(line).message === message);
}

/** Has the program listen for HTTP. */
export const HTTP_MODE = {
  permissions: { net: ["127.0.0.1:0"] },
  env: {
    MCP_LISTEN: "127.0.0.1:0",
    MCP_LISTEN_TOKEN: "a-token-of-these-tests",
  },
};

/** Sends a message to the program's HTTP server. */
export async function post(
  proxy: ProxyProcess,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await fetch(await proxy.logged("url"), {
    method: "POST",
    headers: {
      authorization: `Bearer ${HTTP_MODE.env.MCP_LISTEN_TOKEN}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify(message),
  });
}

/** Runs a test with a HOME whose AWS config has this text. */
export async function withConfig(
  text: string,
  test: (home: string) => Promise<void>,
): Promise<void> {
  await using home = await tempDir({ ".aws/config": text });
  await test(home.path);
}
