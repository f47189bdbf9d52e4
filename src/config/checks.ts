/** What options say of the target and of one another. */

import { parseEndpoint, unescapedRuntimeArn } from "../aws/endpoint.ts";
import { maySignOtherHost } from "../aws/signing/host.ts";
import type { LogNote } from "../log/log.ts";
import { isLoopback, MAX_URL_LENGTH } from "../net/address.ts";
import {
  isLocal,
  LISTEN_FORM,
  type ListenAddress,
  normalHost,
  parseListenAddress,
} from "../net/listen_address.ts";
import { hintFor, optionName } from "./option.ts";
import { type OptionKey, OPTIONS } from "./options.ts";
import { type ParsedOptions, quote, type Settings } from "./settings.ts";

/** A host with a dot in it, and what may follow. */
const BARE_HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:[/?]|$)/i;

/**
 * What stands in a URL by mistake alone: a quote that no shell took off, what
 * nobody sees, and a blank before what should be another argument.
 */
const STRAY =
  /^'|'$|["<>`\p{Pi}\p{Pf}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}|[ \t](?=-)/u;

/**
 * Reads the target URL, when it is one of http or https, and the host that is
 * meant. It may hold a secret, so that no fault shows it.
 */
export function parseTarget(
  parsed: ParsedOptions,
): { readonly url?: URL; readonly host?: string } {
  const { settings: { targetUrl: text, allowHttp }, notes } = parsed;
  const fault = (words: string) =>
    parsed.fault("targetUrl", `target URL ${words}`) ?? {};
  if (text === undefined) return fault("is required");
  const url = URL.parse(text);
  if (url === null && /^https?:/i.test(text)) {
    return fault("is not a valid URL");
  }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const scheme = "must use http or https scheme, as in https://host/path";
    const isQuoted = STRAY.exec(text)?.index === 0;
    const bare = isQuoted ? text.slice(1) : text;
    const isHost = BARE_HOST.test(bare);
    const meant = isHost ? URL.parse(`https://${bare}`) : URL.parse(bare);
    const more = isQuoted ? "begins with a quote" : "lacks the https://";
    fault(isQuoted || isHost ? `${scheme}; this one ${more}` : scheme);
    return { host: meant?.hostname };
  }
  const { protocol, hostname, username, password } = url;
  const [stray = ""] = STRAY.exec(text) ?? [];
  if (/^[ \t]/.test(stray)) {
    fault("has a flag behind it: make that its own argument");
  } else if (stray) fault(`has ${quote(stray)} in it: take it out`);
  if (username !== "" || password !== "") {
    fault("must not hold credentials (user:password@)");
  }
  if (url.href.length > MAX_URL_LENGTH) {
    const most = `${MAX_URL_LENGTH} characters`;
    fault(`is longer than the ${most} that a request can have`);
  }
  if (text.includes("#")) fault("must not have a fragment (#…)");
  if (protocol === "http:" && !allowHttp && !isLoopback(hostname)) {
    fault(
      "must use https beyond loopback, unless --allow-http or " +
        "MCP_ALLOW_HTTP=true is set",
    );
  }
  if (url.search.includes("+")) notes.push(PLUS_NOTE);
  // Amazon Bedrock AgentCore, "Invoke an AgentCore Runtime agent".
  const unescaped = unescapedRuntimeArn(url);
  if (unescaped !== undefined) {
    const message =
      "AgentCore does not find a runtime by an ARN with a plain / in the " +
      `target URL: escape it as %2F (…:runtime%2F${unescaped.id})`;
    notes.push({ level: "warn", message });
  }
  // Amazon Bedrock AgentCore, "Using the Registry MCP endpoint": the registry
  // has a host and a service of its own since 2026, and the old one is over.
  if (
    url.pathname.startsWith("/registry/") &&
    parseEndpoint(hostname)?.service === "bedrock-agentcore"
  ) {
    const message = "the registry of AgentCore has moved: the target URL is " +
      "https://agent-registry.REGION.api.aws/registry/ID/mcp now";
    notes.push({ level: "warn", message });
  }
  return { url, host: hostname };
}

/** A plus sign in a query is a blank to some and a plus to others. */
export const PLUS_NOTE: LogNote = {
  level: "info",
  message: "a + in the query of the target URL is a blank, sent as %20: " +
    "write %2B for a plus sign",
};

export interface ListenConfig {
  readonly address: ListenAddress;
  /** The token that clients bring; `false`: none; `undefined`: one is made. */
  readonly token: string | false | undefined;
  /** More names that clients may know it by. */
  readonly hosts: readonly string[];
  /** How many requests may be under way at a time, if that was said. */
  readonly maxRequests?: number;
}

/** What a bearer token may look like (RFC 6750, 2.1). */
const TOKEN_FORM = /^[A-Za-z0-9\-._~+/]+=*$/;

const SEVERAL_PROFILES =
  "several profiles are for one client over stdio, and --listen serves many " +
  "(name one with --profile or MCP_PROFILES, or unset --listen or MCP_LISTEN)";

/**
 * How long what is under way may take at a stop, in milliseconds: less than the
 * 30 s after which Kubernetes and ECS kill what they asked to stop.
 */
export const DEFAULT_DRAIN_MS = 25_000;

/** Parses the options of the HTTP server mode; nothing when stdio is to be served. */
export function parseListen(parsed: ParsedOptions): ListenConfig | undefined {
  const { settings, faults } = parsed;
  const { listen, listenHost: hosts, listenToken, noListenToken } = settings;
  if (listen === undefined) {
    for (const key of ["listenToken", "noListenToken", "listenHost"] as const) {
      if (settings[key] === false || !parsed.isGiven(key)) continue;
      const name = optionName(OPTIONS[key]);
      parsed.fault("listen", `${name} means nothing over stdio`);
    }
    return undefined;
  }
  const address = parseListenAddress(listen);
  if (address === undefined) {
    const words = `listen must be ${LISTEN_FORM}, got ${quote(listen)}`;
    return parsed.fault("listen", words);
  }
  const wrongToken = tokenFault(settings, address);
  if (wrongToken !== undefined) faults.push(wrongToken);
  for (const host of hosts.filter((host) => !isHostName(host))) {
    const words = "listen host must be a host name without a port, got ";
    parsed.fault("listenHost", words + quote(host));
  }
  for (const name of namesForOneClient(parsed)) {
    faults.push(
      `${name} is for one client over stdio, and --listen serves many ` +
        `(unset ${name}, --listen or MCP_LISTEN)`,
    );
  }
  if (settings.profile.length > 1) faults.push(SEVERAL_PROFILES);
  return {
    address,
    token: noListenToken ? false : listenToken,
    hosts,
    maxRequests: parsed.isGiven("maxConcurrency")
      ? settings.maxConcurrency
      : undefined,
  };
}

function tokenFault(
  { listenToken: token, noListenToken, listen }: Settings,
  address: ListenAddress,
): string | undefined {
  if (token !== undefined && !TOKEN_FORM.test(token)) {
    return "listen token must be letters, digits and -._~+/ with = at its " +
      "end alone (set --listen-token or MCP_LISTEN_TOKEN)";
  }
  if (!noListenToken) return undefined;
  if (token !== undefined) {
    return "a listen token is given, and --no-listen-token " +
      "(MCP_NO_LISTEN_TOKEN) wants none (leave out one of the two)";
  }
  if (isLocal(address)) return undefined;
  return `without a listen token ${listen} would lend this AWS identity to ` +
    "the network (unset --no-listen-token and MCP_NO_LISTEN_TOKEN, or listen " +
    "at 127.0.0.1)";
}

function isHostName(host: string): boolean {
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.?$/i.test(host) &&
    normalHost(host) !== undefined;
}

/** Options that hold something for one client, and so cannot serve many. */
const STATEFUL = [
  "bridge",
  "sse",
  "keepAliveMs",
  "login",
  "receipt",
  "writeRole",
  "accountRole",
] as const;

/** Options for the sessions of a client over stdio, on unless they are not. */
const REPAIRING = ["recover", "cookies", "retries"] as const;

/** The flags or variables that were given and are for stdio alone. */
function namesForOneClient(parsed: ParsedOptions): string[] {
  const { settings } = parsed;
  const keys: OptionKey[] = [
    ...STATEFUL.filter((key) => settings[key]),
    ...REPAIRING.filter((key) => parsed.isGiven(key)),
  ];
  const names = keys.map((key) => {
    const name = parsed.nameOf(key);
    return settings[key] === false ? name.replace("--", "--no-") : name;
  });
  if (settings.transport !== "sse") return names;
  return [...names, `${parsed.nameOf("transport")} sse`];
}

/** What means nothing without another option: of several it takes one. */
const NEEDS: readonly (readonly [
  keys: readonly OptionKey[],
  without: string,
  needed: readonly [OptionKey, ...OptionKey[]],
])[] = [
  [
    ["roleSessionName", "externalId", "roleDurationMs"],
    "a role",
    ["assumeRole", "accountRole"],
  ],
  [["recordBodies", "recordMaxBytes"], "a recording", ["record"]],
  [["writeRole"], "--read-only", ["readOnly"]],
  [["writeRole"], "a role that reads", ["assumeRole"]],
  [["allowAccount", "allowRole"], "--account-role", ["accountRole"]],
];

/** What one option says of another, or of the target. */
export function checkTogether(
  parsed: ParsedOptions,
  url: URL | undefined,
): void {
  const { settings, unread, faults } = parsed;
  const { profile, signHost, clientCert } = settings;
  for (const [keys, without, needed] of NEEDS) {
    if (needed.some((key) => settings[key] || unread.has(key))) continue;
    for (const key of keys) {
      if (settings[key] === false || !parsed.isGiven(key)) continue;
      const name = parsed.nameOf(key);
      parsed.fault(needed[0], `${name} means nothing without ${without}`);
    }
  }
  if (clientCert !== undefined && url?.protocol === "http:") {
    faults.push(
      `${parsed.nameOf("clientCert")} means nothing to a target of plain ` +
        `http (${hintFor(OPTIONS.targetUrl)} to one of https)`,
    );
  }
  const repeated = profile.find((name, at) => profile.indexOf(name) !== at);
  if (repeated !== undefined) {
    parsed.fault("profile", `profile ${quote(repeated)} is given twice`);
  }
  if (signHost !== undefined && url && !maySignOtherHost(url)) {
    faults.push(
      "sign host is for targets on loopback, on private addresses and at VPC " +
        "endpoints only (unset --sign-host and MCP_SIGN_HOST)",
    );
  }
  // A role beside the first is for one client of one profile.
  const roles = (["writeRole", "accountRole"] as const)
    .filter((key) => settings[key] !== undefined)
    .map((key) => parsed.nameOf(key));
  for (const name of profile.length > 1 ? roles : []) {
    const words = `${name} takes one profile, and several are given`;
    parsed.fault("profile", words);
  }
  if (roles.length > 1) {
    faults.push(
      `${roles.join(" and ")} exclude each other (leave out one of the two)`,
    );
  }
}
