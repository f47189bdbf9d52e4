/** Where the HTTP server listens: a TCP port or a Unix socket. */

import { isLoopback } from "./address.ts";

/**
 * Where the HTTP server listens: at a port of an interface, named or by an IP
 * address (IPv6 without brackets; port 0 is any that is free), or at the path of
 * a Unix socket.
 */
export type ListenAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/** A TCP port of an interface. */
export type TcpAddress = Extract<ListenAddress, { port: number }>;

/** A Unix socket. */
export type UnixAddress = Extract<ListenAddress, { path: string }>;

/** What an address looks like, for the error about one that does not. */
export const LISTEN_FORM = "HOST:PORT such as 127.0.0.1:8080, or unix:PATH";

const HOST_AND_PORT = /^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]%]+):(\d{1,5})$/i;
const UNIX = "unix:";

/**
 * Reads an address to listen at.
 *
 * @param text What was given.
 * @returns The address, or `undefined` when it is none.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith(UNIX)) {
    const path = text.slice(UNIX.length);
    return path === "" ? undefined : { path };
  }
  const [, host, digits] = HOST_AND_PORT.exec(text) ?? [];
  const hostname = normalHost(host);
  const port = Number(digits);
  if (hostname === undefined || port > 65_535) return undefined;
  return { hostname: withoutBrackets(hostname), port };
}

/** A host as URLs write it, or `undefined` when it is none. */
export function normalHost(host: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  const hostname = URL.parse(`http://${host}/`)?.hostname.replace(/\.$/, "");
  return hostname === "" ? undefined : hostname;
}

/** The host of an address as URLs write it. */
export function hostOf({ hostname }: TcpAddress): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** Whether an address is one of TCP. */
export function isTcp(address: ListenAddress): address is TcpAddress {
  return "port" in address;
}

/** Whether only programs on this machine reach an address. */
export function isLocal(address: ListenAddress): boolean {
  return !isTcp(address) || isLoopback(hostOf(address));
}

/** Whether a URL's host is an IP address. No name server is asked for one. */
export function isIpAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

/** An address as it is given to `--listen`. */
export function nameOf(address: ListenAddress): string {
  return isTcp(address)
    ? `${hostOf(address)}:${address.port}`
    : `unix:${address.path}`;
}
