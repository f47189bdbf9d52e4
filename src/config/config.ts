/**
 * Flags, environment and defaults → what the program is to do. Every fault is
 * reported at once.
 */

import { profileOfEnv } from "../aws/shared_files/paths.ts";
import {
  type CaBundle,
  findCaBundle,
  ProfileMissingError,
  profileRegion as regionOfProfile,
} from "../aws/shared_files/shared_files.ts";
import type { SignatureVersion } from "../aws/signing/core.ts";
import { ConfigError } from "../errors.ts";
import type { LogFields, LogNote } from "../log/log.ts";
import type { TlsMaterial } from "../net/http_client.ts";
import { nearest } from "../shape/nearest.ts";
import { nameOf } from "../net/listen_address.ts";
import { REDACTED } from "../redact/redact.ts";
import { parseExtraHeaders, parseMetadata } from "./additions.ts";
import { type Arguments, parseArguments } from "./arguments.ts";
import {
  checkTogether,
  type ListenConfig,
  parseListen,
  parseTarget,
} from "./checks.ts";
import { COMMAND_NAMES, type CommandName, isCommandName } from "./commands.ts";
import { loadTlsFiles } from "./files.ts";
import { HELP_TOPICS, type HelpTopic, isHelpTopic } from "./help.ts";
import { checkVariables, variableNames } from "./misspelt.ts";
import { type Env, parseBoolean } from "./option.ts";
import { describeSession, parseRoles, type Roles } from "./roles.ts";
import {
  OF_PROFILE,
  type ProfileRegion,
  type RegionMetadata,
  ScopeFinder,
} from "./scope.ts";
import { ParsedOptions, quote, type Settings } from "./settings.ts";

/** What is settled by more than the option of that name. */
interface Settled extends Roles, Omit<RegionMetadata, "isOfProfile"> {
  /** The target MCP server: http or https, without credentials or fragment. */
  readonly targetUrl: URL;
  /** The region to sign for; for `v4a` a set, such as `us-east-1,us-west-2`. */
  readonly region: string;
  readonly service: string;
  /** `v4` unless it is set, or the host takes `v4a` alone. */
  readonly signatureVersion: SignatureVersion;
  /** The first profile that was named; `AWS_PROFILE` is not here. */
  readonly profile: string | undefined;
  /** The profiles that calls may name, the first one too; none if it is alone. */
  readonly profiles: readonly string[];
  /** Where and for whom to listen, in place of stdio. */
  readonly listen: ListenConfig | undefined;
  readonly headers: readonly [string, string][];
  /** Certificates and key to reach the target with; none: the usual roots. */
  readonly tls: TlsMaterial | undefined;
  /** The AWS CLI's file of roots, where it counts. */
  readonly caBundle?: string;
  /** The environment variables that values name (`${NAME}`). */
  readonly variables: readonly string[];
  /** What of the above is from variables and files, and not to be shown. */
  readonly secrets: readonly string[];
}

/** The options that no others settle, and that are settings. */
function settingsAlone({
  header: _header,
  help: _help,
  version: _version,
  listenToken: _listenToken,
  noListenToken: _noListenToken,
  listenHost: _listenHost,
  sourceIdentity: _sourceIdentity,
  accountRole: _accountRole,
  allowRole: _allowRole,
  sessionTag: _sessionTag,
  ...others
}: Settings) {
  return others;
}

/** The program's configuration: the options, read and checked. */
export type Config =
  & Settled
  & Omit<ReturnType<typeof settingsAlone>, keyof Settled>;

/** What there is help on besides the program: its options, a subcommand. */
export type Topic = HelpTopic | CommandName;

export type Command =
  | { readonly kind: "help"; readonly topic: Topic | undefined }
  | { readonly kind: "version" }
  | RunCommand;

/** To run the proxy, or a subcommand for one that is configured so. */
export interface RunCommand {
  readonly kind: "run";
  readonly config: Config;
  /** What is to be logged once there is a log. */
  readonly notes: readonly LogNote[];
  /** The options as they were given. */
  readonly parsed: ParsedOptions;
  /** The texts given for the subcommand's own flags. */
  readonly own: Arguments["own"];
  /** The flag or the variable that the region is from; the host, the profile. */
  readonly regionFrom: string | undefined;
  /**
   * Whether it takes up what the shared files say: then they are needed even
   * with the keys in the environment.
   */
  readonly usesSharedFiles: boolean;
}

export interface ConfigDeps {
  /** The region of a profile. Default: as the shared files have it. */
  readonly profileRegion?: ProfileRegion;
  /** Reads certificates and keys. Default: from the files that are named. */
  readonly loadTls?: (
    parsed: ParsedOptions,
    caBundle: CaBundle | undefined,
  ) => Promise<TlsMaterial | undefined>;
  /** The names that variables may have. Default: what Deno lists. */
  readonly variableNames?: () => readonly string[];
}

/** @throws {ConfigError} With every fault. */
export async function parseCommand(
  args: readonly string[],
  env: Env,
  deps: ConfigDeps = {},
): Promise<Command> {
  const given = parseArguments(args);
  if (given.asked === "help") return { kind: "help", topic: topicIn(args) };
  if (given.asked === "version") return { kind: "version" };
  return await configure(given, env, deps);
}

/**
 * Reads the environment, too, and all that both name.
 *
 * @throws {ConfigError} With every fault.
 */
export async function configure(
  given: Arguments,
  env: Env,
  deps: ConfigDeps = {},
): Promise<RunCommand> {
  const { profileRegion = regionOfProfile, loadTls = loadTlsFiles } = deps;
  const wrongCommand = commandFault(given);
  if (wrongCommand) throw new ConfigError([wrongCommand, ...given.faults]);
  const formFaults = [...given.faults];
  const parsed = new ParsedOptions(withTarget(given, formFaults), env);
  const { settings, faults, notes, variables, secrets } = parsed;
  const { url: targetUrl, host } = parseTarget(parsed);
  const signedHost = settings.signHost?.replace(/:\d+$/, "") ?? host;
  const finder = new ScopeFinder(parsed, signedHost, profileRegion);
  const { region, service, signatureVersion, regionFrom } = await finder.find(
    given.meant,
  );
  // Keys in the environment would hide it, where nothing else is read.
  const isNamed = !settings.profile.length && profileOfEnv(env) !== undefined;
  if (region && isNamed && env("AWS_ACCESS_KEY_ID")) {
    await profileRegion(undefined).catch((error) => {
      if (!(error instanceof ProfileMissingError)) return;
      parsed.fault("profile", error.message);
    });
  }
  const headers = await parseExtraHeaders(parsed);
  const caBundle = settings.caCert === undefined
    ? await findCaBundle(settings.profile[0], env)
    : undefined;
  const tls = await loadTls(parsed, caBundle);
  const target = targetUrl && region && service
    ? { ...settings, targetUrl, region, service, headers }
    : undefined;
  const roles = await parseRoles(parsed, target);
  const { isOfProfile, ...metadata } = await finder.addRegion(
    parseMetadata(parsed),
  );
  const listen = parseListen(parsed);
  checkTogether(parsed, targetUrl);
  checkVariables(parsed, (deps.variableNames ?? variableNames)());

  faults.unshift(...forbiddenFaults(parsed), ...formFaults);
  if (faults.length > 0 || target === undefined) throw new ConfigError(faults);
  const config: Config = {
    ...settingsAlone(settings),
    targetUrl: target.targetUrl,
    region: target.region,
    service: target.service,
    signatureVersion,
    profile: settings.profile[0],
    profiles: settings.profile.length > 1 ? settings.profile : [],
    listen,
    ...metadata,
    headers,
    ...roles,
    tls,
    ...caBundle === undefined ? {} : { caBundle: caBundle.path },
    variables: [...variables],
    secrets: [...secrets],
  };
  const usesSharedFiles = regionFrom === OF_PROFILE || isOfProfile ||
    caBundle?.isProfiles === true;
  const { own } = given;
  const kind = "run";
  return { kind, config, notes, parsed, own, regionFrom, usesSharedFiles };
}

/**
 * The configuration as it may be shown: no header values, no query of the
 * target, no external ID.
 */
export function describeConfig(config: Config): LogFields {
  const {
    targetUrl,
    headers,
    metadata,
    profileMetadata: _profileMetadata,
    listen,
    externalId,
    session,
    accounts,
    sessionPolicy: _sessionPolicy,
    tls: _tls,
    secrets: _secrets,
    ...shown
  } = config;
  const query = targetUrl.search === "" ? "" : "?…";
  return {
    targetUrl: targetUrl.origin + targetUrl.pathname + query,
    ...shown,
    externalId: externalId === undefined ? undefined : REDACTED,
    session: session && describeSession(session),
    accountRole: accounts?.template,
    allowRole: accounts?.allowRole,
    listen: listen && nameOf(listen.address),
    headers: headers.map(([name]) => name),
    metadata: metadata.map(([key]) => key),
  };
}

/** What help is asked on: the word after `--help`. */
function topicIn(args: readonly string[]): Topic | undefined {
  const place = args.findIndex((arg) => /^(?:--help(?:=.*)?|-h)$/s.test(arg));
  const [, inline] = args[place].split("=");
  const word = inline ?? args[place + 1];
  if (isHelpTopic(word) || isCommandName(word)) return word;
  const isWord = word !== undefined && /^[a-z]+$/i.test(word);
  if (!isWord || parseBoolean(word) !== undefined) return undefined;
  const topics = [...HELP_TOPICS, ...COMMAND_NAMES];
  const guess = nearest(word, topics);
  const hint = guess === undefined
    ? `there is on ${topics.join(", ")}`
    : `did you mean ${guess}?`;
  throw new ConfigError([`there is no help on ${quote(word)} (${hint})`]);
}

/** A subcommand in the wrong place, or almost one. */
function commandFault({ positional }: Arguments): string | undefined {
  const late = positional.find(isCommandName);
  if (late !== undefined) {
    return `the command ${late} goes first (sigv4-proxy ${late} …)`;
  }
  const [word = ""] = positional;
  if (!/^[a-z]+$/i.test(word)) return undefined;
  const guess = nearest(word, COMMAND_NAMES);
  if (guess === undefined) {
    // The word may be a value, and so a secret.
    return `the argument is no command (${
      COMMAND_NAMES.join(", ")
    }), and no URL (https://host/path)`;
  }
  return `there is no command ${quote(word)} (did you mean ${guess}?)`;
}

/** What may not be read may be set, to forbid a tool or to name a role. */
function forbiddenFaults({ forbidden }: ParsedOptions): readonly string[] {
  if (forbidden.length === 0) return [];
  const own = forbidden.filter((name) => name.startsWith("MCP_"));
  const others = forbidden.filter((name) => !name.startsWith("MCP_"));
  const names = [...own.length > 1 ? ["MCP_*"] : own, ...others].join(",");
  return [
    `Deno may not read ${names}, which may be set (add --allow-env=${names}, ` +
    "or --ignore-env to have what is not allowed count as not set)",
  ];
}

/** The one argument without a flag is the target URL. */
function withTarget(
  { flags, positional }: Arguments,
  faults: string[],
): Arguments["flags"] {
  const [url] = positional;
  if (url === undefined) return flags;
  if (positional.length > 1) {
    faults.push(
      `${positional.length} arguments without a flag are given, and one, the ` +
        "target URL, is taken (quote values with spaces)",
    );
  }
  if (!flags.has("targetUrl")) return new Map([...flags, ["targetUrl", [url]]]);
  faults.push("target URL is given twice, by --target-url and without");
  return flags;
}
