/**
 * The doctor's look at the way to the target, below HTTP: proxies, names, TCP,
 * TLS.
 */

import { lookup } from "node:dns/promises";
import { portOf } from "../../permissions.ts";
import {
  findHttpProxy,
  type HttpProxy,
  PROXY_VARIABLES,
} from "../../net/proxy_variables.ts";
import { reasonOf } from "../../errors.ts";
import { withLimit } from "../../time.ts";
import { type Checkup, failed, type Finding, note } from "./report.ts";

/** Where the first connection goes. */
interface Place {
  /** As it stands in a URL and in a flag: an IPv6 address in brackets. */
  readonly hostname: string;
  /** The same without brackets. */
  readonly host: string;
  readonly port: number;
  /** Opens a TCP connection, the first time, and gives the peer's address. */
  readonly connect: () => Promise<string>;
}

/** Checks the way to the target: whether it is worth a request. */
export async function checkNetwork(checkup: Checkup): Promise<boolean> {
  const { config, report } = checkup;
  const proxy = await report.take("proxies", () => findProxy(checkup));
  const place = placeOf(proxy?.url ?? config.targetUrl, checkup.limitMs);
  const { hostname, host, port } = place;
  const steps = [{
    id: "dns",
    work: () => findName(checkup, place),
    at: `${host}: `,
    advice: "check the host in the target URL, and that this network knows " +
      "it (a private host needs a VPN or the VPC's own DNS)",
    failure: "the host was not found",
  }, {
    id: "connect",
    work: () => connect(checkup, place, proxy),
    at: `${hostname}:${port}: `,
    advice: proxy === undefined
      ? "check the port, firewalls and security groups; a network that " +
        "demands a proxy wants HTTPS_PROXY set"
      : `check the proxy that ${proxy.variable} names, or take the ` +
        "target out of it with NO_PROXY",
    failure: "there is no connection",
  }, {
    id: "tls",
    work: () => secure(checkup, place),
    at: "",
    advice: "if the certificate is of a private authority, or a proxy on the " +
      "way opens TLS, name the root: --ca-cert FILE, or for all that Deno " +
      "does DENO_TLS_CA_STORE=system or DENO_CERT=FILE",
    failure: "",
  }];
  for (const [index, { id, work, at, advice, failure }] of steps.entries()) {
    if (id === "tls" && proxy !== undefined) {
      await report.skip([id], "the proxy is in between");
      continue;
    }
    const explain = (error: unknown) => failed(at + reasonOf(error), advice);
    if (await report.take(id, work, explain)) continue;
    await report.skip(steps.slice(index + 1).map(({ id }) => id), failure);
    return false;
  }
  return true;
}

function findProxy({ context, config }: Checkup): Finding<HttpProxy> {
  const found = findHttpProxy(context.env, config.targetUrl);
  const { proxy, exemption, faulty } = found;
  if (proxy !== undefined) {
    const { variable, url: { protocol, host } } = proxy;
    const origin = `${protocol}//${host}`;
    return {
      detail: `${origin} (${variable})`,
      facts: { proxy: origin, variable },
      value: proxy,
    };
  }
  if (faulty !== undefined) {
    return failed(
      `${faulty} is no URL`,
      `set ${faulty} to a URL such as http://proxy.example:3128`,
    );
  }
  if (exemption !== undefined) {
    return { detail: `none: the target is in ${exemption}` };
  }
  const hidden = context.notGranted(PROXY_VARIABLES.map((value) => ({
    kind: "env",
    value,
    why: "find proxies",
  })));
  if (hidden.length === 0) return { detail: "none" };
  return note(
    "not known: the variables that name one may not be read",
    `to see them, add --allow-env=${PROXY_VARIABLES.join(",")}`,
  );
}

function placeOf(url: URL, limitMs: number): Place {
  const { hostname } = url;
  const port = portOf(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  let address: Promise<string> | undefined;
  const connect = () =>
    address ??= withLimit(limitMs, async (signal) => {
      using connection = await Deno.connect({ hostname: host, port, signal });
      return connection.remoteAddr.hostname;
    });
  return { hostname, host, port, connect };
}

/**
 * Looks the host up. Without the permission for the host as a whole, only a
 * connection can tell whether its name is known.
 */
async function findName(
  checkup: Checkup,
  place: Place,
): Promise<Finding<boolean>> {
  const { hostname, host } = place;
  if (/^[\d.]+$|:/.test(host)) {
    return { detail: `${host} is an address`, value: true };
  }
  const addresses = isBarred(checkup, hostname)
    ? [await addressByConnecting(checkup, place)]
    : await withLimit(checkup.limitMs, async () => {
      const found = await lookup(host, { all: true });
      return found.map(({ address }) => address);
    });
  const detail = `${host} is ${addresses.join(", ")}`;
  return { detail, facts: { addresses }, value: true };
}

async function addressByConnecting(
  checkup: Checkup,
  { hostname, port, connect }: Place,
): Promise<string> {
  if (isBarred(checkup, `${hostname}:${port}`)) return "not looked up";
  try {
    return await connect();
  } catch (error) {
    if (/lookup|resolve|getaddrinfo|dns/i.test(reasonOf(error))) throw error;
    return "known";
  }
}

function isBarred({ context }: Checkup, value: string): boolean {
  const need = { kind: "net", value, why: "connect" } as const;
  return context.notGranted([need]).length > 0;
}

async function connect(
  checkup: Checkup,
  { hostname, port, connect }: Place,
  proxy: HttpProxy | undefined,
): Promise<Finding<boolean>> {
  const place = `${hostname}:${port}`;
  if (proxy !== undefined && isBarred(checkup, place)) {
    const detail = `not tried: no permission to connect to ${place} itself`;
    return { ...note(detail), value: true };
  }
  const address = await connect();
  return { detail: `${place} answers`, facts: { address }, value: true };
}

async function secure(
  { config: { targetUrl, tls }, limitMs }: Checkup,
  { host, port }: Place,
): Promise<Finding<boolean>> {
  if (targetUrl.protocol === "http:") {
    return { ...note("none: plain http"), value: true };
  }
  const protocol = await withLimit(limitMs, async (signal) => {
    using connection = await Deno.connectTls({
      hostname: host,
      port,
      caCerts: [...tls?.caCerts ?? []],
      alpnProtocols: ["h2", "http/1.1"],
      ...tls?.client,
    });
    signal.throwIfAborted();
    signal.addEventListener("abort", () => connection.close(), { once: true });
    const { alpnProtocol } = await connection.handshake();
    return alpnProtocol ?? "http/1.1";
  });
  const detail = `the certificate is for ${host}, protocol ${protocol}`;
  return { detail, facts: { protocol }, value: true };
}
