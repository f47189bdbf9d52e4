/**
 * The proxies that Deno's `fetch` takes from the environment (source: Deno,
 * ext/fetch/proxy.rs), and their failures, told as such: without a proxy's name
 * they read as if the target were at fault.
 */

import { ProxyError } from "../errors.ts";

/** Where requests go instead. */
export interface HttpProxy {
  /** The variable that names it. */
  readonly variable: string;
  /** The proxy, without credentials. */
  readonly url: URL;
}

/** What the environment says of a target. */
export interface ProxyFinding {
  /** The proxy that requests to the target go through. */
  readonly proxy?: HttpProxy;
  /** The variable that keeps them from one. */
  readonly exemption?: string;
  /** The variable whose value is no URL. */
  readonly faulty?: string;
}

/** What a proxy is called in errors. */
export function proxyName({ variable, url }: HttpProxy): string {
  return `the HTTP proxy ${url.protocol}//${url.host} (${variable})`;
}

type Env = (name: string) => string | undefined;

/** The variables, each in both of its spellings. */
export const PROXY_VARIABLES: readonly string[] = [
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
].flatMap((name) => [name, name.toLowerCase()]);

/** Finds the proxy for a target. */
export function findHttpProxy(env: Env, target: URL): ProxyFinding {
  const own = target.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const named = [own, own.toLowerCase(), "ALL_PROXY", "all_proxy"]
    .find((name) => env(name));
  if (named === undefined) return {};
  const text = env(named) ?? "";
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || url.hostname === "") return { faulty: named };
  url.username = "";
  url.password = "";
  const exemption = ["NO_PROXY", "no_proxy"].find((name) => env(name));
  if (
    exemption !== undefined &&
    isExempt(target.hostname, (env(exemption) ?? "").split(","))
  ) return { exemption };
  return { proxy: { variable: named, url } };
}

function isExempt(hostname: string, entries: readonly string[]): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return entries.map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== "")
    .some((entry) => {
      if (entry === "*" || entry === host) return true;
      if (entry.includes("/")) return isInNetwork(host, entry);
      return host.endsWith(`.${entry.replace(/^\./, "")}`);
    });
}

/** Whether an IPv4 address is in a network such as `10.0.0.0/8`. */
function isInNetwork(host: string, network: string): boolean {
  const [, base = "", length] = /^(.+)\/(\d+)$/.exec(network) ?? [];
  const size = 2 ** (32 - Number(length));
  const [own, start] = [host, base].map((text) =>
    Math.floor(toNumber(text) / size)
  );
  return own === start;
}

/** An IPv4 address as a number; of what is none it is `NaN`. */
function toNumber(text: string): number {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return parts?.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0) ??
    NaN;
}

/** The phase that Deno's `fetch` names when there is no connection. */
const CONNECT = /client error \(Connect\): /;

/** RFC 9110, 15.5.8: the proxy wants to know who asks. */
const PROXY_AUTHENTICATION_REQUIRED = 407;

/** A `fetch` whose failures to connect name the proxy that it goes through. */
export function withProxyNamed(
  fetch: typeof globalThis.fetch,
  proxy: HttpProxy,
): typeof globalThis.fetch {
  const name = proxyName(proxy);
  const hint = `put valid user:password@ before the host in ${proxy.variable}`;
  return async (input, init) => {
    let response: Response;
    try {
      response = await fetch(input, init);
    } catch (cause) {
      throw named(cause, name, hint);
    }
    if (response.status !== PROXY_AUTHENTICATION_REQUIRED) return response;
    await response.body?.cancel();
    const { status } = response;
    throw new ProxyError(
      "http-status",
      `${name} wants to know who asks (HTTP ${status}): ${hint}`,
      { data: { status, mayHaveRun: false } },
    );
  };
}

function named(cause: unknown, name: string, hint: string): unknown {
  if (!(cause instanceof Error)) return cause;
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const [phase] = CONNECT.exec(inner.message) ?? [];
  if (phase === undefined) return cause;
  const [before, detail] = inner.message.split(phase);
  const isUnknown = /authoriz|authentic/i.test(detail);
  const advice = isUnknown ? `; ${hint}` : "";
  return new TypeError(
    `${before}${phase}through ${name}: ${detail}${advice}`,
  );
}
