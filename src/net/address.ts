/**
 * Where a host is, as far as its name tells: this machine, a private network.
 */

/** An IPv4 address as the WHATWG URL parser writes it. */
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/;

/**
 * An IPv4 address inside IPv6, as the WHATWG URL parser writes it (RFC 4291,
 * 2.5.5.2).
 */
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}\]$/;

/** The longest URL that the runtime sends a request to. */
export const MAX_URL_LENGTH = 65_534;

/** Whether a URL's host name is this machine (RFC 1122, RFC 4291, RFC 6761). */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/\.$/, "").toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (host === "[::1]") return true;
  return firstTwoBytes(host)?.[0] === 127;
}

/** Whether a URL's host name is an address of a private network (RFC 1918, RFC 4193). */
export function isPrivateAddress(hostname: string): boolean {
  if (/^\[f[cd][0-9a-f]{2}:/.test(hostname.toLowerCase())) return true;
  const bytes = firstTwoBytes(hostname.toLowerCase());
  if (bytes === undefined) return false;
  const [first, second] = bytes;
  return first === 10 ||
    (first === 172 && second >= 16 && second <= 31) ||
    (first === 192 && second === 168);
}

function firstTwoBytes(host: string): readonly [number, number] | undefined {
  const plain = IPV4.exec(host);
  if (plain !== null) return [Number(plain[1]), Number(plain[2])];
  const mapped = MAPPED.exec(host);
  if (mapped === null) return undefined;
  const word = parseInt(mapped[1], 16);
  return [word >> 8, word & 0xff];
}
