/**
 * The doctor's look at the way to the target, below HTTP: proxies, names, TCP,
 * TLS.
 *
 * @module
 */

import { type Need, portOf } from "../../aws/credentials/permissions.ts";
import type { CommandContext } from "../context.ts";
import type { Checkup } from "./checkup.ts";
import type { Finding } from "./report.ts";
import {
  findHttpProxy,
  type HttpProxy,
  PROXY_VARIABLES,
} from "../../net/proxy_variables.ts";
import { reasonOf, withLimit } from "../limit.ts";

/** Where the first connection goes. */
interface Place {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Checks the way to the target.
 *
 * @returns Whether it is worth a request.
 */
export async function checkNetwork(checkup: Checkup): Promise<boolean> {
  const { config: { targetUrl }, report } = checkup;
  const proxy = await checkProxies(checkup);
  const place = placeOf(proxy?.url ?? targetUrl);
  const way = new Way(checkup, place);
  try {
    const isNamed = await report.take<boolean>("dns", () => way.findName());
    if (!isNamed) {
      await report.skip(["connect", "tls"], "the host was not found");
      return false;
    }
    const isOpen = await report.take<boolean>(
      "connect",
      () => way.connect(proxy),
    );
    if (!isOpen) {
      await report.skip(["tls"], "there is no connection");
      return false;
    }
    if (proxy !== undefined) {
      await report.skip(["tls"], "the proxy is in between");
      return true;
    }
    const isSecure = await report.take<boolean>("tls", () => way.secure());
    return isSecure ?? false;
  } finally {
    way.close();
  }
}

async function checkProxies(
  { context, config, report }: Checkup,
): Promise<HttpProxy | undefined> {
  return await report.take<HttpProxy>("proxies", () => {
    const finding = findHttpProxy(context.env, config.targetUrl);
    if (finding.proxy !== undefined) {
      const { variable, url } = finding.proxy;
      return Promise.resolve({
        detail: `${url.protocol}//${url.host} (${variable})`,
        facts: { proxy: `${url.protocol}//${url.host}`, variable },
        value: finding.proxy,
      });
    }
    return Promise.resolve(withoutProxy(finding, context));
  });
}

function withoutProxy(
  { exemption, faulty }: ReturnType<typeof findHttpProxy>,
  context: CommandContext,
): Finding<HttpProxy> {
  if (faulty !== undefined) {
    return {
      status: "failed",
      detail: `${faulty} is no URL`,
      advice: [`set ${faulty} to a URL such as http://proxy.example:3128`],
    };
  }
  if (exemption !== undefined) {
    return { detail: `none: the target is in ${exemption}` };
  }
  const hidden = context.notGranted(PROXY_VARIABLES.map(asNeed));
  if (hidden.length > 0) {
    return {
      status: "note",
      detail: "not known: the variables that name one may not be read",
      advice: [`to see them, add --allow-env=${PROXY_VARIABLES.join(",")}`],
    };
  }
  return { detail: "none" };
}

function asNeed(value: string): Need {
  return { kind: "env", value, why: "find proxies" };
}

/** The way to the first host, a stretch at a time. */
class Way {
  readonly #checkup: Checkup;
  readonly #place: Place;
  #tcp: Deno.TcpConn | undefined;
  #tls: Deno.TlsConn | undefined;
  #failure: unknown;

  constructor(checkup: Checkup, place: Place) {
    this.#checkup = checkup;
    this.#place = place;
  }

  /**
   * Looks the host up. Without the permission for the host as a whole, only a
   * connection can tell whether its name is known.
   */
  async findName(): Promise<Finding<boolean>> {
    const { context, limitMs } = this.#checkup;
    const { hostname } = this.#place;
    const name = bare(hostname);
    if (/^[\d.]+$|:/.test(name)) {
      return { detail: `${name} is an address`, value: true };
    }
    const isBarred = context.notGranted([
      { kind: "net", value: hostname, why: "look up the host" },
    ]).length > 0;
    try {
      const addresses = isBarred
        ? await this.#addressByConnecting()
        : await withLimit(limitMs, () => context.network.lookup(name));
      return {
        detail: `${name} is ${addresses.join(", ")}`,
        facts: { addresses },
        value: true,
      };
    } catch (error) {
      return {
        status: "failed",
        detail: `${name}: ${reasonOf(error)}`,
        advice: [
          "check the host in the target URL, and that this network knows it " +
          "(a private host needs a VPN or the VPC's own DNS)",
        ],
        value: false,
      };
    }
  }

  /** Opens the connection, unless looking up the host has done so. */
  async connect(proxy: HttpProxy | undefined): Promise<Finding<boolean>> {
    const { hostname, port } = this.#place;
    const place = `${hostname}:${port}`;
    if (proxy !== undefined && this.#isBarred(place)) {
      return {
        status: "note",
        detail: `not tried: no permission to connect to ${place} itself`,
        value: true,
      };
    }
    try {
      if (this.#failure !== undefined) throw this.#failure;
      this.#tcp ??= await this.#open();
      const address = this.#tcp.remoteAddr.hostname;
      return { detail: `${place} answers`, facts: { address }, value: true };
    } catch (error) {
      return {
        status: "failed",
        detail: `${place}: ${reasonOf(error)}`,
        advice: [
          proxy === undefined
            ? "check the port, firewalls and security groups; a network that " +
              "demands a proxy wants HTTPS_PROXY set"
            : `check the proxy that ${proxy.variable} names, or take the ` +
              "target out of it with NO_PROXY",
        ],
        value: false,
      };
    }
  }

  /** Opens TLS over the connection. */
  async secure(): Promise<Finding<boolean>> {
    const { context, config, limitMs } = this.#checkup;
    const { targetUrl, tls } = config;
    if (targetUrl.protocol === "http:") {
      return { status: "note", detail: "none: plain http", value: true };
    }
    const { hostname, port } = this.#place;
    const host = bare(hostname);
    this.close();
    try {
      const { alpnProtocol } = await withLimit(limitMs, async () => {
        this.#tls = await context.network.connectTls(host, port, tls);
        return await this.#tls.handshake();
      });
      const protocol = alpnProtocol ?? "http/1.1";
      return {
        detail: `the certificate is for ${host}, protocol ${protocol}`,
        facts: { protocol },
        value: true,
      };
    } catch (error) {
      return {
        status: "failed",
        detail: reasonOf(error),
        advice: [
          "if the certificate is of a private authority, or a proxy on the way " +
          "opens TLS, name the root: --ca-cert FILE, or for all that Deno does " +
          "DENO_TLS_CA_STORE=system or DENO_CERT=FILE",
        ],
        value: false,
      };
    }
  }

  close(): void {
    for (const conn of [this.#tls, this.#tcp]) {
      if (conn !== undefined) closeQuietly(conn);
    }
    this.#tls = undefined;
    this.#tcp = undefined;
  }

  async #addressByConnecting(): Promise<string[]> {
    const { hostname, port } = this.#place;
    if (this.#isBarred(`${hostname}:${port}`)) return ["not looked up"];
    try {
      this.#tcp = await this.#open();
    } catch (error) {
      if (/lookup|resolve|getaddrinfo|dns/i.test(reasonOf(error))) throw error;
      this.#failure = error;
      return ["known"];
    }
    return [this.#tcp.remoteAddr.hostname];
  }

  #isBarred(value: string): boolean {
    const need: Need = { kind: "net", value, why: "connect" };
    return this.#checkup.context.notGranted([need]).length > 0;
  }

  async #open(): Promise<Deno.TcpConn> {
    const { context, limitMs } = this.#checkup;
    const { hostname, port } = this.#place;
    const opening = context.network.connect(bare(hostname), port);
    try {
      return await withLimit(limitMs, () => opening);
    } catch (error) {
      // One that comes after all is of no use any more.
      opening.then(closeQuietly, () => {});
      throw error;
    }
  }
}

function placeOf(url: URL): Place {
  return { hostname: url.hostname, port: portOf(url) };
}

/** An IPv6 address without the brackets that it has in a URL. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function closeQuietly(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
