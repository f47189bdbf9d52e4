/** The two ends of the program that a client may speak to, as a test asks there. */

import { within } from "../support/time/deadline.ts";
import type { LaunchOptions } from "../support/program/launch.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";

export const isWindows = Deno.build.os === "windows";

// deno-lint-ignore no-explicit-any
type Value = any;

/** A program, and a way to ask it. */
export interface Surface extends AsyncDisposable {
  readonly proxy: ProxyProcess;
  /** Where it listens, if it does. */
  readonly url: string;
  /** Sends a request, and gives its answer. */
  ask(message: Record<string, unknown>): Promise<Value>;
}

/** Starts a program, over stdio with a session. */
type Start = (options: LaunchOptions) => Promise<Surface>;

async function startStdio(options: LaunchOptions): Promise<Surface> {
  const proxy = await ProxyProcess.start(options);
  await proxy.initialize();
  return {
    proxy,
    url: "",
    ask: async (message) => {
      await proxy.send(message);
      return (await proxy.answer(Number(message.id))).value;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

async function startHttp(options: LaunchOptions): Promise<Surface> {
  const { args = [], permissions } = options;
  const proxy = await ProxyProcess.start({
    ...options,
    args: ["--listen=127.0.0.1:0", "--no-listen-token", ...args],
    permissions: {
      ...permissions,
      net: ["127.0.0.1:0", ...permissions?.net ?? []],
    },
  });
  const url = await proxy.logged("url");
  const headers: Record<string, string> = {};
  const post = async (message: Record<string, unknown>) => {
    const response = await fetch(url, {
      method: "POST",
      // A session, where one was given.
      headers,
      body: new Blob([JSON.stringify(message)], { type: "application/json" }),
    });
    const session = response.headers.get("mcp-session-id");
    if (session !== null) headers["mcp-session-id"] = session;
    return response;
  };
  const ask = async (message: Record<string, unknown>) =>
    await within((async () => (await post(message)).json())(), "an answer");
  await ask({ jsonrpc: "2.0", id: 0, method: "initialize", params: {} });
  return {
    proxy,
    url,
    ask,
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

/** Both, by name. */
export const SURFACES: Readonly<Record<"stdio" | "the HTTP server", Start>> = {
  "stdio": startStdio,
  "the HTTP server": startHttp,
};

/** A call of a tool. */
export function call(id: number, name = "t"): Record<string, unknown> {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name } };
}

/** The error of an answer, by what matters of it. */
export function errorOf({ error }: Value): unknown {
  return [error?.data?.reason, error?.data?.mayHaveRun];
}
