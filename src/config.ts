/**
 * Flags, environment and defaults → what the program is to do. Every fault is
 * reported at once.
 *
 * @module
 */

import { type Arguments, parseArguments } from "./arguments.ts";
import { maySignOtherHost } from "./aws/sign_host.ts";
import { ConfigError } from "./errors.ts";
import { type HeaderReading, readExtraHeaders } from "./extra_headers.ts";
import type { LogFields, LogNote } from "./log.ts";
import { remedy } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";
import { REDACTED } from "./redact.ts";
import { findScope, type ProfileRegion } from "./scope.ts";
import { type Reading, readSettings } from "./settings.ts";
import { readTarget, type TargetReading } from "./target.ts";

/** What is settled by more than the option of that name. */
type Settled =
  | "targetUrl"
  | "region"
  | "service"
  | "profile"
  | "header"
  | "headers"
  | "help"
  | "version";

/** The program's configuration: the options, read and checked. */
export interface Config extends Omit<Settings, Settled> {
  /** The target MCP server: http or https, without credentials or fragment. */
  readonly targetUrl: URL;
  /** The region to sign for; for `v4a` a set, such as `us-east-1,us-west-2`. */
  readonly region: string;
  /** The signing name of the service. */
  readonly service: string;
  /** The profile of an explicit `--profile`; `AWS_PROFILE` is not here. */
  readonly profile: string | undefined;
  /** Headers to add to each request. */
  readonly headers: readonly [string, string][];
}

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | {
    readonly kind: "run";
    readonly config: Config;
    /** What is to be logged once there is a log. */
    readonly notes: readonly LogNote[];
  };

/** What {@linkcode parseCommand} asks others for. */
export interface ConfigDeps {
  /** The region of a profile in the shared files; the usual one's if none is named. */
  readonly profileRegion: ProfileRegion;
}

/**
 * Reads the command line and the environment.
 *
 * @param args What follows the program's name.
 * @param env Looks up a variable.
 * @param deps What else is asked.
 * @returns What the program is to do.
 * @throws {ConfigError} With every fault.
 */
export async function parseCommand(
  args: readonly string[],
  env: (name: string) => string | undefined,
  deps: ConfigDeps,
): Promise<Command> {
  const given = parseArguments(args);
  if (given.flags.get("help")?.at(-1) === "true") return { kind: "help" };
  if (given.flags.get("version")?.at(-1) === "true") return { kind: "version" };

  const argument = addArgument(given);
  const reading = readSettings(argument.flags, env);
  const { settings } = reading;
  const target = checkTarget(reading);
  const extra = checkHeaders(reading);
  const host = signedHost(settings, target.url);
  const scope = await findScope({
    reading,
    host,
    profileRegion: deps.profileRegion,
  });

  const faults = [
    ...given.faults,
    ...argument.faults,
    ...reading.faults.values(),
    ...target.faults,
    ...scope.faults,
    ...extra.faults,
    ...signHostFaults(settings, target.url),
    ...roleFaults(reading),
  ];
  const { url: targetUrl } = target;
  const { region, service } = scope;
  if (faults.length > 0 || !targetUrl || !region || !service) {
    throw new ConfigError(faults);
  }
  const { header: _header, help: _help, version: _version, ...options } =
    settings;
  const isProfileNamed = reading.sources.get("profile")?.kind === "flag";
  const config: Config = {
    ...options,
    targetUrl,
    region,
    service,
    profile: isProfileNamed ? settings.profile : undefined,
    headers: extra.headers,
  };
  return { kind: "run", config, notes: scope.notes };
}

/** The one argument without a flag is the target URL. */
function addArgument({ flags, positional }: Arguments): {
  flags: Arguments["flags"];
  faults: readonly string[];
} {
  const [url, ...others] = positional;
  if (url === undefined) return { flags, faults: [] };
  const faults: string[] = [];
  if (others.length > 0) {
    faults.push(
      `${positional.length} arguments without a flag are given, and one, the ` +
        "target URL, is taken (quote values with spaces)",
    );
  }
  if (flags.has("targetUrl")) {
    faults.push("target URL is given twice, by --target-url and without");
    return { flags, faults };
  }
  return { flags: new Map([...flags, ["targetUrl", [url]]]), faults };
}

function checkTarget({ settings }: Reading): TargetReading {
  const mend = remedy(OPTIONS.targetUrl);
  if (settings.targetUrl === undefined) {
    return { faults: [`target URL is required (${mend})`] };
  }
  const { url, faults } = readTarget(settings.targetUrl, settings.allowHttp);
  return { url, faults: faults.map((fault) => `${fault} (${mend})`) };
}

function checkHeaders({ settings, sources }: Reading): HeaderReading {
  const source = sources.get("headers")?.name ?? "";
  const text = settings.headers;
  const pairs = text === undefined ? undefined : { text, source };
  return readExtraHeaders({ pairs, lines: settings.header });
}

function signedHost(
  { signHost }: Settings,
  targetUrl: URL | undefined,
): string | undefined {
  return signHost?.replace(/:\d+$/, "") ?? targetUrl?.hostname;
}

function signHostFaults(
  { signHost }: Settings,
  targetUrl: URL | undefined,
): readonly string[] {
  if (signHost === undefined || targetUrl === undefined) return [];
  if (maySignOtherHost(targetUrl)) return [];
  return [
    "sign host is for targets on loopback, on private addresses and at " +
    "*.vpce.amazonaws.com only (unset --sign-host and MCP_SIGN_HOST)",
  ];
}

/** The options that say how to take on a role, and mean nothing without one. */
const ROLE_OPTIONS = [
  "roleSessionName",
  "externalId",
  "roleDurationMs",
] as const;

function roleFaults({ settings, sources, faults }: Reading): readonly string[] {
  if (settings.assumeRole !== undefined || faults.has("assumeRole")) return [];
  return ROLE_OPTIONS.flatMap((key) => {
    const source = sources.get(key);
    if (source === undefined || source.kind === "default") return [];
    const mend = remedy(OPTIONS.assumeRole);
    return [`${source.name} means nothing without a role (${mend})`];
  });
}

/**
 * The configuration as it may be shown: no header values, no query of the
 * target, no external ID.
 *
 * @param config The configuration.
 * @returns Fields for the start line of the log.
 */
export function describeConfig(config: Config): LogFields {
  const { targetUrl, headers, externalId, ...shown } = config;
  const query = targetUrl.search === "" ? "" : "?…";
  return {
    targetUrl: targetUrl.origin + targetUrl.pathname + query,
    ...shown,
    externalId: externalId === undefined ? undefined : REDACTED,
    headers: headers.map(([name]) => name),
  };
}
