/**
 * An entry that is in a client's file already: whether it starts this program,
 * and what of it a new one would lose.
 *
 * @module
 */

import { parseArguments } from "../../config/arguments.ts";
import {
  PROFILE_VARIABLES,
  profileOfEnv,
} from "../../aws/shared_files/shared_files.ts";
import type { Option } from "../../config/option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "../../config/options.ts";
import { type Reading, readSettings } from "../../config/settings.ts";
import { CARRIED_VARIABLES } from "./launch.ts";
import { findProgram, type OwnProgram } from "./own.ts";
import type { Entry } from "./clients.ts";
import { isObject } from "../../mcp/wire/message.ts";

/** What is different in an entry that is there. */
export interface Differences {
  /** What it starts, where that may be another program of the same name. */
  readonly doubtful: string | undefined;
  /** What makes it another server. */
  readonly other: "target" | "profile" | undefined;
  /** The profile that it has and the new one has not any more. */
  readonly profile: string | undefined;
  /** The proxy's flags and variables that it has and the new one has not. */
  readonly lost: readonly string[];
  /** Flags of Deno's own, such as a denied permission. */
  readonly lostOfDeno: readonly string[];
}

/** Permissions, which are found anew, and what goes with them. */
const FOUND_ANEW = /^(?:--allow-[a-z]+|-[A-Z]+|--no-prompt|-y)(?:=|$)/;

/** Options that are compared in a way of their own, or not at all. */
const APART: ReadonlySet<OptionKey> = new Set<OptionKey>([
  "targetUrl",
  "profile",
  "help",
  "version",
]);

/**
 * Compares an entry that is there with the one that is to take its place.
 *
 * @param existing What is there.
 * @param entry The new one.
 * @param own By what this program is known.
 * @returns What is different; `undefined` if it starts something else.
 */
export function compareEntries(
  existing: unknown,
  entry: Entry,
  own: OwnProgram,
): Differences | undefined {
  const [old, wanted] = [startIn(existing), startIn(entry)];
  const found = findProgram(old.words, own);
  if (found === undefined) return undefined;
  const { at, isSure } = found;
  const before = readProxy(old.words.slice(at + 1), old.env);
  const wantedAt = findProgram(wanted.words, own)?.at ?? 0;
  const after = readProxy(wanted.words.slice(wantedAt + 1), {
    // Variables that stay in the entry go on to count.
    ...withoutCarried(old.env),
    ...wanted.env,
  });
  return {
    doubtful: isSure ? undefined : old.words[at],
    other: otherServer(before, after),
    profile: after.profiles.length === 0 ? before.profiles[0] : undefined,
    lost: [
      ...lostOptions(before, after),
      ...lostVariables(old.env, wanted.env),
    ],
    lostOfDeno: lostFlags(old.words.slice(1, at), wanted.words),
  };
}

type Variables = Readonly<Record<string, string>>;

/** A program with its arguments, and the variables that it is given. */
interface Start {
  readonly words: readonly string[];
  readonly env: Variables;
}

/** What an entry starts, under the names that the clients have for it. */
function startIn(entry: unknown): Start {
  if (!isObject(entry)) return { words: [], env: {} };
  const { command, cmd, args, env, envs } = entry;
  const words = [command ?? cmd, ...Array.isArray(args) ? args : []];
  const variables = Object.entries({
    ...isObject(env) && env,
    ...isObject(envs) && envs,
  });
  return {
    words: words.map(String),
    env: Object.fromEntries(
      variables.map(([name, value]) => [name, String(value)]),
    ),
  };
}

/** How the proxy of an entry is set. */
interface ProxyReading extends Reading {
  readonly target: string | undefined;
  readonly profiles: readonly string[];
  /** Whether all arguments are understood. */
  readonly isClear: boolean;
}

function readProxy(args: readonly string[], env: Variables): ProxyReading {
  const { flags, positional, faults } = parseArguments(args);
  const [url] = positional;
  const all = url === undefined
    ? flags
    : new Map([...flags, ["targetUrl", [url]] as const]);
  const reading = readSettings(
    all,
    (name) => Object.hasOwn(env, name) ? env[name] : undefined,
  );
  const { targetUrl, profile } = reading.settings;
  const usual = profileOfEnv((name) => env[name]);
  return {
    ...reading,
    target: URL.parse(targetUrl ?? "")?.href,
    profiles: profile.length > 0 || usual === undefined ? profile : [usual],
    isClear: faults.length === 0,
  };
}

function otherServer(
  before: ProxyReading,
  after: ProxyReading,
): Differences["other"] {
  if (before.target !== after.target) return "target";
  return before.profiles[0] === after.profiles[0] ? undefined : "profile";
}

function lostFlags(
  words: readonly string[],
  wanted: readonly string[],
): string[] {
  return words.filter((word) =>
    word.startsWith("-") && !FOUND_ANEW.test(word) && !wanted.includes(word)
  ).map((word) => word.replace(/=.*$/s, ""));
}

function lostOptions(before: ProxyReading, after: ProxyReading): string[] {
  const lost = OPTION_KEYS.filter((key) =>
    !APART.has(key) && isLost(key, before, after)
  ).map((key) => {
    const { flag, kind }: Option = OPTIONS[key];
    const isOff = kind === "boolean" && before.settings[key] === false;
    return isOff ? `--no-${flag}` : `--${flag}`;
  });
  const [, ...profiles] = before.profiles;
  if (isMissing(profiles, after.profiles)) lost.push("--profile");
  if (!before.isClear) lost.push("arguments that are not understood");
  return lost;
}

/** A list loses what is not in it any more; anything else, what is not set. */
function isLost(key: OptionKey, before: Reading, after: Reading): boolean {
  const [old, now]: unknown[] = [before.settings[key], after.settings[key]];
  if (Array.isArray(old)) return isMissing(old, Array.isArray(now) ? now : []);
  return after.sources.get(key)?.kind === "default" && old !== now;
}

function isMissing(
  wanted: readonly unknown[],
  there: readonly unknown[],
): boolean {
  return wanted.some((one) => !there.includes(one));
}

/** The profile aside, which makes it another server. */
function lostVariables(before: Variables, after: Variables): string[] {
  return CARRIED_VARIABLES.filter((name) =>
    !PROFILE_VARIABLES.includes(name) && name in before && !(name in after)
  );
}

function withoutCarried(env: Variables): Variables {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !CARRIED_VARIABLES.includes(name)),
  );
}
