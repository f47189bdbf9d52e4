/** What a recording says of the program, and the recorder that keeps it. */

import type { Config } from "../config/config.ts";
import { FLAG_NAMES } from "../config/settings.ts";
import type { Option } from "../config/option.ts";
import { type OptionKey, OPTIONS } from "../config/options.ts";
import type { Log } from "../log/log.ts";
import { FORMAT, type RecordingHeader } from "../recorder/format.ts";
import { Recorder } from "../recorder/recorder.ts";
import { RecordingFile } from "../recorder/recording_file.ts";
import { Glob } from "../glob.ts";
import { StandIns } from "../recorder/stand_ins.ts";
import type { Redactor } from "../redact/redact.ts";
import { aborted } from "../time.ts";
import { VERSION } from "../version.ts";

/** The options that a replay has to have, too; none of them is a secret. */
const REPLAYED = [
  "transport",
  "sse",
  "recover",
  "cookies",
  "bridge",
  "readOnly",
  "allowTool",
  "denyTool",
  "keepAliveMs",
  "region",
  "service",
  "signatureVersion",
  "unsignedPayload",
  "timeoutMs",
  "timeoutResetOnProgress",
  "connectTimeoutMs",
  "idleTimeoutMs",
  "retries",
  "maxConcurrency",
  "maxFrameBytes",
  "maxAnswerBytes",
] as const satisfies readonly (OptionKey & keyof Config)[];

/** How long what waits may take to be written: as a rule, and at a forced stop. */
const END_MS = 5_000;
const STOP_MS = 80;

/**
 * Begins a recording.
 *
 * @throws {ConfigError} It cannot be written, or the file is something else.
 */
export function createRecorder(
  config: Config,
  path: string,
  { redactor, log, signal, force, drainMs }: {
    redactor: Redactor;
    log: Log;
    signal: AbortSignal;
    force: AbortSignal;
    drainMs: number | undefined;
  },
): Recorder {
  const standIns = standInsFor(config, redactor);
  const out = RecordingFile.create({
    path,
    maxBytes: config.recordMaxBytes,
    names: FLAG_NAMES,
    header: headerOf(config, standIns),
  });
  let stoppedAt: number | undefined;
  void aborted(signal).then(() => stoppedAt = performance.now());
  return new Recorder({
    out,
    standIns,
    log,
    names: FLAG_NAMES,
    endMs: () => {
      const stoppedMs = stoppedAt && performance.now() - stoppedAt;
      return endLimitMs(stoppedMs, force.aborted ? 0 : drainMs);
    },
  });
}

/** How long writing may take at the end: a drain leaves what it has not used. */
export function endLimitMs(stoppedMs?: number, drainMs = 0): number {
  if (stoppedMs === undefined) return END_MS;
  return Math.min(END_MS, STOP_MS + Math.max(0, drainMs - stoppedMs));
}

/** What stands for the values of a configuration, and for all else. */
export function standInsFor(
  config: Config,
  { redact }: Pick<Redactor, "redact">,
): StandIns {
  const { accounts, recordBodies } = config;
  const allowed = new Map([
    ["account", accounts?.allow ?? []],
    ["role", accounts?.allowRole ?? []],
  ]);
  const globs = [...allowed].flatMap(([kind, list]) =>
    list.map((one) => ({ kind, glob: new Glob(one) }))
  );
  const standIns = new StandIns(
    redact,
    recordBodies,
    (kind, value) =>
      globs.some((one) => one.kind === kind && one.glob.matches(value)),
  );
  standIns.keepPath(config.targetUrl.pathname);
  for (const one of namedProfiles(config)) standIns.name("profile", one);
  // An error names those that are allowed.
  for (const [kind, list] of allowed) {
    for (const one of list) if (/[^*?]/.test(one)) standIns.name(kind, one);
  }
  standIns.keepNames();
  return standIns;
}

/** The profiles whose names messages have. */
function namedProfiles(
  { profile, profiles, receipt }: Config,
): readonly string[] {
  return receipt && profiles.length === 0 && profile !== undefined
    ? [profile]
    : profiles;
}

/** The first line of a recording. */
function headerOf(
  config: Config,
  standIns: StandIns,
): RecordingHeader {
  const { origin, pathname } = config.targetUrl;
  return {
    recording: "sigv4-proxy",
    format: FORMAT,
    version: VERSION,
    deno: Deno.version.deno,
    os: Deno.build.os,
    startedAt: new Date().toISOString(),
    target: standIns.url(origin + pathname),
    mode: config.listen ? "http" : "stdio",
    options: [...replayedFlags(config), ...identityFlags(config, standIns)],
    profileMetadata: Object.fromEntries(
      Array.from(config.profileMetadata, ([profile, pairs]) => [
        standIns.name("profile", profile),
        String(new URLSearchParams(standIns.metadata(pairs))),
      ]),
    ),
    login: config.login,
    bodies: config.recordBodies,
  };
}

/** Whether a flag is of those that a recording has; others may name files. */
export function isReplayed(text: string): boolean {
  return text === ACCOUNTS || /^--(?:metadata|profile|receipt)=/.test(text) ||
    /^--(?:account-role|allow-role|assume-role|write-role)=/.test(text) ||
    REPLAYED.some((key) => text.startsWith(`${OPTIONS[key].names[0]}=`));
}

/** What all accounts that calls may name are named like in a recording. */
const ACCOUNTS = "--allow-account=10000000*";

/** The options that say who signs and what is added, with stand-ins. */
function identityFlags(config: Config, standIns: StandIns): string[] {
  const { accounts, assumeRole, writeRole } = config;
  const isTold = config.receipt || accounts || writeRole !== undefined;
  const added = standIns.metadata(config.metadata);
  return [
    ...namedProfiles(config)
      .map((name) => `--profile=${standIns.name("profile", name)}`),
    ...isTold && assumeRole ? [`--assume-role=${masked(assumeRole)}`] : [],
    ...writeRole === undefined ? [] : [`--write-role=${masked(writeRole)}`],
    ...accounts
      ? [`--account-role=${masked(accounts.template)}`, ACCOUNTS]
      : [],
    ...accounts?.allowRole ? ["--allow-role=role-*"] : [],
    ...added.map(([name, value]) => `--metadata=${name}=${value}`),
    ...config.receipt ? ["--receipt=true"] : [],
  ];
}

/** A role's ARN without its account and its name. */
function masked(arn: string): string {
  const role = arn.indexOf(":role/");
  const nameAt = role < 0 ? arn.length : role + ":role/".length;
  return arn.replaceAll(/\{account\}|\{role\}|[^/]/g, (part, at: number) => {
    if (part.length > 1) return part;
    if (/\d/.test(part)) return "1";
    return at < nameAt ? part : "x";
  });
}

function replayedFlags(config: Config): string[] {
  return REPLAYED.flatMap((key) => {
    const option: Option = OPTIONS[key];
    const value = config[key];
    const [flag] = option.names;
    if (value === undefined) {
      return option.kind === "duration" && option.zeroIsNone
        ? [`${flag}=0`]
        : [];
    }
    if (Array.isArray(value)) return value.map((one) => `${flag}=${one}`);
    const unit = option.kind === "duration" ? "ms" : "";
    return [`${flag}=${value}${unit}`];
  });
}
