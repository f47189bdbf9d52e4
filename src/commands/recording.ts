/** What a recording says of the program, and the recorder that keeps it. */

import type { Config } from "../config/config.ts";
import { FLAG_NAMES } from "../config/settings.ts";
import type { Option } from "../config/option.ts";
import { type OptionKey, OPTIONS } from "../config/options.ts";
import type { Log } from "../log/log.ts";
import { FORMAT, type RecordingHeader } from "../recorder/format.ts";
import { Recorder } from "../recorder/recorder.ts";
import { RecordingFile } from "../recorder/recording_file.ts";
import { StandIns } from "../recorder/stand_ins.ts";
import type { Redactor } from "../redact/redact.ts";
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

/** How long what waits may take to be written, as a rule and in a hurry. */
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
  { redactor, log, signal }: {
    redactor: Redactor;
    log: Log;
    signal: AbortSignal;
  },
): Recorder {
  const out = RecordingFile.create({
    path,
    maxBytes: config.recordMaxBytes,
    names: FLAG_NAMES,
    header: headerOf(config, redactor),
  });
  return new Recorder({
    out,
    standIns: new StandIns(redactor.redact, config.recordBodies),
    log,
    names: FLAG_NAMES,
    endMs: () => signal.aborted ? STOP_MS : END_MS,
  });
}

/** The first line of a recording. */
function headerOf(
  config: Config,
  { redact }: Pick<Redactor, "redact">,
): RecordingHeader {
  const { origin, pathname } = config.targetUrl;
  return {
    recording: "sigv4-proxy",
    format: FORMAT,
    version: VERSION,
    deno: Deno.version.deno,
    os: Deno.build.os,
    startedAt: new Date().toISOString(),
    target: redact(origin + pathname),
    mode: config.listen ? "http" : "stdio",
    options: replayedFlags(config),
    unplayed: unplayedFlags(config),
    bodies: config.recordBodies,
  };
}

/** Whether a flag is of those that a recording has; others may name files. */
export function isReplayed(text: string): boolean {
  return REPLAYED.some((key) => text.startsWith(`${OPTIONS[key].names[0]}=`));
}

/** What changes messages, and is not in a recording. */
function unplayedFlags(config: Config): string[] {
  const { profiles, accounts, metadata, profileMetadata } = config;
  const hasMetadata = metadata.length > 0 || profileMetadata.size > 0;
  return [
    ...profiles.length > 1 ? ["--profile"] : [],
    ...accounts ? ["--account-role"] : [],
    ...config.writeRole === undefined ? [] : ["--write-role"],
    ...hasMetadata ? ["--metadata"] : [],
    ...config.receipt ? ["--receipt"] : [],
    ...config.login ? ["--login"] : [],
  ];
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
