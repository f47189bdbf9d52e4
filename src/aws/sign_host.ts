/**
 * A Host other than the target's, for tunnels and private links: where it may
 * go, and how it is sent.
 *
 * @module
 */

/**
 * Whether requests to a host may be signed for another one: towards loopback,
 * private addresses (RFC 1918, RFC 4193, link-local) and VPC endpoints alone,
 * so that no stranger collects signatures that are good elsewhere.
 *
 * @param url The target's URL.
 * @returns Whether it is one of these.
 */
export function maySignOtherHost(url: URL): boolean {
  const host = url.hostname.toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  if (/\.vpce\.amazonaws\.com(?:\.cn)?$/.test(host)) return true;
  // The URL parser has turned every spelling of an address into these two.
  const ipv4 = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(host);
  if (ipv4 !== null) return isPrivateIpv4(Number(ipv4[1]), Number(ipv4[2]));
  return host.startsWith("[") && isPrivateIpv6(host.slice(1, -1));
}

/** Whether a text is a host, with a port or without one, and nothing more. */
export function isHost(text: string): boolean {
  return /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(text);
}

function isPrivateIpv4(first: number, second: number): boolean {
  return first === 127 || first === 10 ||
    (first === 172 && second >= 16 && second <= 31) ||
    (first === 192 && second === 168) ||
    (first === 169 && second === 254);
}

function isPrivateIpv6(address: string): boolean {
  if (address === "::1") return true;
  // An IPv4 address in IPv6 clothes (RFC 4291, section 2.5.5.2).
  const mapped = /^::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(address);
  if (mapped !== null) {
    const word = parseInt(mapped[1], 16);
    return isPrivateIpv4(word >> 8, word & 0xff);
  }
  return /^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:/.test(address);
}
