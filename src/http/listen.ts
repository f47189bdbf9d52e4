/**
 * Makes a server listen.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import type { Server } from "node:http";
import { ConfigError } from "../errors.ts";
import {
  hostOf,
  isIpAddress,
  isTcp,
  type ListenAddress,
  nameOf,
  type TcpAddress,
  type UnixAddress,
} from "../net/listen_address.ts";

/**
 * Makes a server listen at an address. A Unix socket is its owner's alone, and
 * one that a program left behind is replaced.
 *
 * @returns Where it listens: with the port that was chosen for port 0.
 * @throws {ConfigError} It cannot listen there.
 */
export async function listen(
  server: Server,
  address: ListenAddress,
): Promise<ListenAddress> {
  try {
    if (isTcp(address)) return await listenAtPort(server, address);
    return await listenAtSocket(server, address);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw fault(`cannot listen at ${nameOf(address)}: ${why}`);
  }
}

async function listenAtPort(
  server: Server,
  address: TcpAddress,
): Promise<TcpAddress> {
  const { port } = address;
  const hostname = await ipAddressOf(address);
  // Asked beforehand: the refusal itself would be thrown where nobody is.
  const host = nameOf({ hostname, port });
  const { state } = await Deno.permissions.request({ name: "net", host });
  if (state !== "granted") {
    throw fault(`may not listen at ${host}: run it with --allow-net=${host}`);
  }
  await start(server, { host: hostname, port });
  const bound = server.address();
  if (bound === null || typeof bound === "string") return address;
  return { hostname: address.hostname, port: bound.port };
}

/**
 * Finds the IP address to listen at.
 *
 * @param address The address, with a name or an IP address.
 */
export async function ipAddressOf(address: TcpAddress): Promise<string> {
  const host = hostOf(address);
  if (isIpAddress(host)) return address.hostname;
  // RFC 6761, 6.3: no name server is asked for it.
  if (host === "localhost") return "127.0.0.1";
  return (await lookup(address.hostname)).address;
}

async function listenAtSocket(
  server: Server,
  address: UnixAddress,
): Promise<UnixAddress> {
  const { path } = address;
  try {
    await withPrivateFiles(() => start(server, { path }));
  } catch (cause) {
    if (!isInUse(cause) || !await isAbandoned(address)) throw cause;
    await Deno.remove(path);
    await withPrivateFiles(() => start(server, { path }));
  }
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
  return address;
}

/**
 * Starts what makes a file at once and is done later, so that nobody else may
 * open the file between its making and its `chmod`.
 */
function withPrivateFiles<T>(make: () => Promise<T>): Promise<T> {
  if (!mayMask()) return make();
  const before = Deno.umask(0o177);
  try {
    return make();
  } finally {
    Deno.umask(before);
  }
}

/** Whether there is a umask, and it may be set: without asking for it. */
function mayMask(): boolean {
  if (Deno.build.os === "windows") return false;
  const umask = { name: "sys", kind: "umask" } as const;
  return Deno.permissions.querySync(umask).state === "granted";
}

async function start(
  server: Server,
  where: { host: string; port: number } | { path: string },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve).once("error", reject);
  try {
    server.listen(where);
    await promise;
  } finally {
    server.off("listening", resolve).off("error", reject);
  }
}

function isInUse(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause &&
    cause.code === "EADDRINUSE";
}

/** Whether a socket's file is there, and nobody listens at it. */
async function isAbandoned(address: UnixAddress): Promise<boolean> {
  const { path } = address;
  const { isSocket } = await Deno.lstat(path);
  if (!isSocket) {
    const where = nameOf(address);
    throw fault(`cannot listen at ${where}: what is there is no socket`);
  }
  try {
    using _connection = await Deno.connect({ transport: "unix", path });
    return false;
  } catch (cause) {
    return cause instanceof Deno.errors.ConnectionRefused;
  }
}

function fault(text: string): ConfigError {
  return new ConfigError([`${text} (set --listen or MCP_LISTEN)`]);
}
