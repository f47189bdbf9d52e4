/** What options say of one another, and those of the HTTP front together. */

import {
  isLocal,
  LISTEN_FORM,
  type ListenAddress,
  normalHost,
  readListenAddress,
} from "../net/listen_address.ts";
import { hintFor, optionName } from "./option.ts";
import { type OptionKey, OPTIONS } from "./options.ts";
import {
  addFault,
  isGiven,
  quote,
  type Reading,
  type Settings,
  sourceName,
} from "./settings.ts";
import { maySignOtherHost } from "../aws/signing/host.ts";

export interface ListenConfig {
  readonly address: ListenAddress;
  /** The token that clients bring; `false`: none; `undefined`: one is made. */
  readonly token: string | false | undefined;
  /** More names that clients may know the front by. */
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

/** Reads the options of the HTTP front; nothing when stdio is to be served. */
export function readListen(reading: Reading): ListenConfig | undefined {
  const { settings, faults } = reading;
  const { listen, listenHost: hosts } = settings;
  if (listen === undefined) {
    for (const key of ["listenToken", "noListenToken", "listenHost"] as const) {
      if (settings[key] === false || !isGiven(key, reading)) continue;
      const name = optionName(OPTIONS[key]);
      addFault(reading, "listen", `${name} means nothing over stdio`);
    }
    return undefined;
  }
  const address = readListenAddress(listen);
  if (address === undefined) {
    const words = `listen must be ${LISTEN_FORM}, got ${quote(listen)}`;
    return addFault(reading, "listen", words);
  }
  const wrongToken = tokenFault(settings, address);
  if (wrongToken !== undefined) faults.push(wrongToken);
  for (const host of hosts.filter((host) => !isHostName(host))) {
    const words = "listen host must be a host name without a port, got ";
    addFault(reading, "listenHost", words + quote(host));
  }
  for (const name of namesForOneClient(reading)) {
    faults.push(
      `${name} is for one client over stdio, and --listen serves many ` +
        `(unset ${name}, --listen or MCP_LISTEN)`,
    );
  }
  if (settings.profile.length > 1) faults.push(SEVERAL_PROFILES);
  return {
    address,
    token: settings.noListenToken ? false : settings.listenToken,
    hosts,
    maxRequests: isGiven("maxConcurrency", reading)
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
function namesForOneClient(reading: Reading): string[] {
  const { settings } = reading;
  const keys: OptionKey[] = [
    ...STATEFUL.filter((key) => settings[key]),
    ...REPAIRING.filter((key) => isGiven(key, reading)),
  ];
  const names = keys.map((key) => {
    const name = sourceName(key, reading);
    return settings[key] === false ? name.replace("--", "--no-") : name;
  });
  if (settings.transport !== "sse") return names;
  return [...names, `${sourceName("transport", reading)} sse`];
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
export function checkTogether(reading: Reading, url: URL | undefined): void {
  const { settings, unread, faults } = reading;
  const { profile, signHost, clientCert } = settings;
  for (const [keys, without, needed] of NEEDS) {
    if (needed.some((key) => settings[key] || unread.has(key))) continue;
    for (const key of keys.filter((key) => isGiven(key, reading))) {
      const name = sourceName(key, reading);
      addFault(reading, needed[0], `${name} means nothing without ${without}`);
    }
  }
  if (clientCert !== undefined && url?.protocol === "http:") {
    faults.push(
      `${sourceName("clientCert", reading)} means nothing to a target of ` +
        `plain http (${hintFor(OPTIONS.targetUrl)} to one of https)`,
    );
  }
  const repeated = profile.find((name, index) =>
    profile.indexOf(name) !== index
  );
  if (repeated !== undefined) {
    addFault(reading, "profile", `profile ${quote(repeated)} is given twice`);
  }
  if (signHost !== undefined && url && !maySignOtherHost(url)) {
    faults.push(
      "sign host is for targets on loopback, on private addresses and at " +
        "*.vpce.amazonaws.com only (unset --sign-host and MCP_SIGN_HOST)",
    );
  }
  // A role beside the first is for one client of one profile.
  const roles = (["writeRole", "accountRole"] as const)
    .filter((key) => settings[key] !== undefined)
    .map((key) => sourceName(key, reading));
  for (const name of profile.length > 1 ? roles : []) {
    const words = `${name} takes one profile, and several are given`;
    addFault(reading, "profile", words);
  }
  if (roles.length > 1) {
    faults.push(
      `${roles.join(" and ")} exclude each other (leave out one of the two)`,
    );
  }
}
