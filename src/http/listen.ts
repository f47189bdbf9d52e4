/**
 * Where the HTTP server listens, and the bearer token that guards it: made, and
 * kept in a file. With the Deno permissions that both need.
 */

import { lookup } from "node:dns/promises";
import { once } from "node:events";
import type { Server } from "node:http";
import { isAbsolute, join, resolve } from "node:path";
import type { ListenConfig } from "../config/checks.ts";
import type { Env } from "../config/option.ts";
import { ConfigError, messageOf } from "../errors.ts";
import type { Log } from "../log/log.ts";
import {
  hostOf,
  isIpAddress,
  isTcp,
  type ListenAddress,
  nameOf,
  type TcpAddress,
  type UnixAddress,
} from "../net/listen_address.ts";
import type { OptionNames } from "../naming.ts";
import type { Need } from "../permissions.ts";

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
  { listen: option }: OptionNames,
): Promise<ListenAddress> {
  try {
    if (isTcp(address)) return await listenAtPort(server, address);
    return await listenAtSocket(server, address);
  } catch (cause) {
    const text = cause instanceof ConfigError
      ? cause.faults[0]
      : `cannot listen at ${nameOf(address)}: ${messageOf(cause)}`;
    throw new ConfigError([`${text} (set ${option})`]);
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
    const todo = `run it with --allow-net=${host}`;
    throw new ConfigError([`may not listen at ${host}: ${todo}`]);
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
  const bind = () => withPrivateFiles(() => start(server, { path }));
  try {
    await bind();
  } catch (cause) {
    const isInUse = cause instanceof Error && "code" in cause &&
      cause.code === "EADDRINUSE";
    if (!isInUse || !await isAbandoned(address)) throw cause;
    await Deno.remove(path);
    await bind();
  }
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
  return address;
}

/**
 * Starts what makes a file at once and is done later, so that nobody else may
 * open the file between its making and its `chmod`.
 */
function withPrivateFiles<T>(make: () => Promise<T>): Promise<T> {
  const umask = { name: "sys", kind: "umask" } as const;
  // Without asking for it.
  const mayMask = Deno.build.os !== "windows" &&
    Deno.permissions.querySync(umask).state === "granted";
  if (!mayMask) return make();
  const before = Deno.umask(0o177);
  try {
    return make();
  } finally {
    Deno.umask(before);
  }
}

async function start(
  server: Server,
  where: { host: string; port: number } | { path: string },
): Promise<void> {
  const listening = once(server, "listening");
  server.listen(where);
  await listening;
}

/** Whether a socket's file is there, and nobody listens at it. */
async function isAbandoned(address: UnixAddress): Promise<boolean> {
  const { path } = address;
  const { isSocket } = await Deno.lstat(path);
  if (!isSocket) {
    const where = `cannot listen at ${nameOf(address)}`;
    throw new ConfigError([`${where}: what is there is no socket`]);
  }
  try {
    using _connection = await Deno.connect({ transport: "unix", path });
    return false;
  } catch (cause) {
    return cause instanceof Deno.errors.ConnectionRefused;
  }
}

/**
 * The permissions that the HTTP server mode needs: for its address, and for the
 * file of a token that is made.
 */
export async function listenNeeds(
  { address, token }: ListenConfig,
  { env, os }: { env: Env; os: typeof Deno.build.os },
): Promise<Need[]> {
  const toListen = (kind: Need["kind"], value: string): Need => ({
    kind,
    value,
    why: "listen for clients",
  });
  const needs = isTcp(address)
    ? (await netNeeds(address)).map((value) => toListen("net", value))
    : [
      toListen("net", nameOf({ path: resolve(address.path) })),
      toListen("read", resolve(address.path)),
      toListen("write", resolve(address.path)),
    ];
  if (token !== undefined) return needs;
  const own = runtimeDirectory(env);
  needs.push({
    kind: "env",
    value: RUNTIME_DIRECTORY_VARIABLE,
    why: "find a place for the token",
  });
  // A directory of its own, in the temporary one, cannot be another user's.
  if (own !== undefined) {
    needs.push({
      kind: "read",
      value: own,
      why: "see whose the place for the token is",
    });
  }
  needs.push({
    kind: "write",
    value: own ?? temporaryDirectory(env, os),
    why: "keep the token that clients bring",
  });
  return needs;
}

async function netNeeds(address: TcpAddress): Promise<string[]> {
  const name = hostOf(address);
  // What cannot be looked up here cannot be told; listening will say it.
  const hostname = await ipAddressOf(address).catch(() => address.hostname);
  const host = nameOf({ ...address, hostname });
  const isKnown = isIpAddress(name) || name === "localhost";
  // Looking a name up wants all of its ports.
  return isKnown ? [host] : [name, host];
}

/** Where Deno makes temporary files: they are everybody's. */
function temporaryDirectory(env: Env, os: typeof Deno.build.os): string {
  if (os === "windows") return env("TMP") || env("TEMP") || "C:\\Windows\\Temp";
  return env("TMPDIR") || "/tmp";
}

/** A token that nobody can guess. */
export function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A file that holds a token for its owner alone, until it is disposed of. */
export interface TokenFile extends AsyncDisposable {
  readonly path: string;
}

/**
 * Writes a token to a new file of mode 0600. Nothing else is in it, no newline
 * either.
 *
 * @param log Is told when the directory is another one after all.
 * @param directory Where to. The system's temporary directory is taken in place
 * of one that is not there, takes no file of this user's, or lets others in:
 * under sudo, from cron and in containers the one of a login is not at hand.
 * @throws {ConfigError} It cannot be written.
 */
export async function writeTokenFile(
  token: string,
  log: Log,
  directory: string | undefined,
  names: OptionNames,
): Promise<TokenFile> {
  const cannotWrite = (where: string, cause: unknown) =>
    new ConfigError([
      `the listen token that was made cannot be written to a file in ${where}: ${
        messageOf(cause)
      } (set ${names.token})`,
    ]);
  if (directory !== undefined) {
    try {
      return await writeIn(directory, token);
    } catch (cause) {
      // What Deno itself forbids is for its user to fix.
      if (cause instanceof Deno.errors.NotCapable) {
        throw cannotWrite(directory, cause);
      }
      log.warn(
        "the directory for the token takes no file: the temporary one is taken in its place",
        { directory, error: messageOf(cause) },
      );
    }
  }
  return await writeIn(undefined, token).catch((cause) => {
    throw cannotWrite("the temporary directory", cause);
  });
}

/**
 * Writes to a file in a directory of its own: the temporary one is everybody's,
 * and under narrow permissions it cannot be looked at.
 */
async function writeIn(
  directory: string | undefined,
  token: string,
): Promise<TokenFile> {
  const prefix = "sigv4-proxy-";
  const own = await Deno.makeTempDir({ prefix, dir: directory });
  const path = join(own, "listen.token");
  const remove = async (): Promise<void> => {
    // Gone already is as well.
    for (const made of [path, own]) await Deno.remove(made).catch(() => {});
  };
  try {
    const options = { write: true, createNew: true, mode: 0o600 };
    using file = await Deno.open(path, options);
    if (directory !== undefined) {
      const fault = await directoryFault(directory, await file.stat());
      if (fault !== undefined) throw new Error(fault);
    }
    let rest = new TextEncoder().encode(token);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  } catch (cause) {
    await remove();
    throw cause;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

const RUNTIME_DIRECTORY_VARIABLE = "XDG_RUNTIME_DIR";

/** The user's own directory for files that live no longer than a login. */
export function runtimeDirectory(env: Env): string | undefined {
  const directory = env(RUNTIME_DIRECTORY_VARIABLE) ?? "";
  // Any other is invalid, and to be ignored (XDG Base Directory Specification).
  return isAbsolute(directory) ? directory : undefined;
}

/**
 * Why a directory is no place for a secret, if it is none: another user who may
 * write there can put a link or a file in place of ours.
 *
 * @param file What this process has just made there, with mode 0600.
 */
async function directoryFault(
  directory: string,
  file: Deno.FileInfo,
): Promise<string | undefined> {
  const { isSymlink, isDirectory, uid, mode } = await Deno.lstat(directory);
  if (isSymlink) return "it is a link; name the directory itself";
  if (!isDirectory) return "it is no directory";
  // Windows has neither owners of this kind nor modes.
  if (uid === null || mode === null || file.mode === null) return undefined;
  if (uid !== file.uid) {
    return `it belongs to the user ${uid}, not to ${file.uid}, who runs this; name a directory of one's own`;
  }
  if (mode & 0o022) {
    return "others may write there; make it private with chmod 700";
  }
  return file.mode & 0o077
    ? "the file system there keeps no file to its owner alone"
    : undefined;
}
