/** Makes a server listen, and tells which Deno permissions that needs. */

import { lookup } from "node:dns/promises";
import { once } from "node:events";
import type { Server } from "node:http";
import { ConfigError, messageOf } from "../errors.ts";
import {
  hostOf,
  isIpAddress,
  isTcp,
  type ListenAddress,
  nameOf,
  type TcpAddress,
  type UnixAddress,
} from "../net/listen_address.ts";
import { resolve } from "node:path";
import type { Need } from "../permissions.ts";
import type { ListenConfig } from "../config/checks.ts";
import { RUNTIME_DIRECTORY_VARIABLE, runtimeDirectory } from "./token.ts";

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
    throw fault(`cannot listen at ${nameOf(address)}: ${messageOf(cause)}`);
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

async function ipAddressOf(address: TcpAddress): Promise<string> {
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
  const listening = once(server, "listening");
  server.listen(where);
  await listening;
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

interface Where {
  readonly env: (name: string) => string | undefined;
  readonly os: typeof Deno.build.os;
}

/**
 * The permissions that the HTTP server mode needs: for its address, and for the
 * file of a token that is made.
 */
export async function listenNeeds(
  { address, token }: ListenConfig,
  where: Where,
): Promise<Need[]> {
  const needs = isTcp(address) ? await portNeeds(address) : [
    toListen("net", nameOf({ path: resolve(address.path) })),
    toListen("read", resolve(address.path)),
    toListen("write", resolve(address.path)),
  ];
  return token === undefined ? [...needs, ...tokenFileNeeds(where)] : needs;
}

async function portNeeds(address: TcpAddress): Promise<Need[]> {
  const name = hostOf(address);
  // What cannot be looked up here cannot be told; listening will say it.
  const hostname = await ipAddressOf(address).catch(() => address.hostname);
  const need = toListen("net", nameOf({ ...address, hostname }));
  const isKnown = isIpAddress(name) || name === "localhost";
  // Looking a name up wants all of its ports.
  return isKnown ? [need] : [toListen("net", name), need];
}

function toListen(kind: Need["kind"], value: string): Need {
  return { kind, value, why: "listen for clients" };
}

function tokenFileNeeds({ env, os }: Where): Need[] {
  const own = runtimeDirectory(env);
  const needs: Need[] = [
    {
      kind: "env",
      value: RUNTIME_DIRECTORY_VARIABLE,
      why: "find a place for the token",
    },
    {
      kind: "read",
      value: own ?? "",
      why: "see whose the place for the token is",
    },
    {
      kind: "write",
      value: own ?? temporaryDirectory(env, os),
      why: "keep the token that clients bring",
    },
  ];
  // A directory of its own, in the temporary one, cannot be another user's.
  return needs.filter(({ value }) => value !== "");
}

/** Where Deno makes temporary files: they are everybody's. */
function temporaryDirectory(env: Where["env"], os: Where["os"]): string {
  if (os === "windows") return env("TMP") || env("TEMP") || "C:\\Windows\\Temp";
  return env("TMPDIR") || "/tmp";
}
