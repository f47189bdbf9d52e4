/**
 * The options of this command line and this environment as flags in an entry.
 * A client speaks with the proxy over stdio: options of the HTTP server mode
 * have no place there, wherever they are set.
 */

import { resolve } from "node:path";
import type { Arguments } from "../../config/arguments.ts";
import type { Config } from "../../config/config.ts";
import { type Env, type Option, variablesOf } from "../../config/option.ts";
import {
  isAccountFile,
  isPolicyFile,
  OPTION_GROUPS,
  OPTIONS,
} from "../../config/options.ts";
import { REGION_KEY } from "../../config/scope.ts";
import type { ParsedOptions, Settings } from "../../config/settings.ts";
import { ConfigError } from "../../errors.ts";
import { knownHost, parseEndpoint } from "../../aws/endpoint.ts";

const SERVER_MODE = OPTION_GROUPS["HTTP server"];

const SERVER_MODE_VARIABLES: ReadonlySet<string> = new Set(
  Object.values(SERVER_MODE).flatMap(variablesOf),
);

const WHY = "a client speaks with the proxy over stdio";

/** Refuses the flags of the HTTP server mode. */
export function ensureStdio({ flags }: Arguments): void {
  const faults = [...flags.keys()].filter((key) => key in SERVER_MODE)
    .map((key) => `${WHY}: leave out ${OPTIONS[key].names[0]}`);
  if (faults.length > 0) throw new ConfigError(faults);
}

/** The variables without those of the HTTP server mode; a note for each. */
export function withoutServerMode(env: Env): { env: Env; notes: string[] } {
  const own = SERVER_MODE_VARIABLES;
  const notes = [...own].filter((name) => env(name)).map((name) =>
    `${name} is left out: ${WHY}, so see that it is not set where the client ` +
    "is started"
  );
  return { env: (name) => own.has(name) ? undefined : env(name), notes };
}

/**
 * Writes out each option that counts, set by a flag or a variable, as a flag;
 * with what a person has to know of them.
 */
export function entryOptions(
  { settings, sources }: ParsedOptions,
  config: Config,
): { options: string[]; notes: string[] } {
  const options: string[] = [];
  const notes: string[] = [];
  for (const [key, { kind, name, texts }] of sources) {
    if (kind === "default" || key === "targetUrl") continue;
    const isVariable = kind === "variable";
    const { region: ofHost } = parseEndpoint(knownHost(config)) ?? {};
    // Such a region goes before a variable, and not before a flag.
    if (isVariable && key === "region" && ofHost !== undefined) {
      options.push(...regionOfCalls(settings, config));
      continue;
    }
    const option: Option = OPTIONS[key];
    const [flag] = option.names;
    const isSecret = "secret" in option && option.secret === true;
    if (isSecret && isVariable) {
      notes.push(
        `${name} may hold a secret and is left out: set it where the client ` +
          "is started, or in the entry",
      );
      continue;
    }
    if (isSecret) {
      notes.push(`what ${name} says stands in the entry, in plain text`);
    }
    if (option.kind === "boolean") {
      options.push(settings[key] ? flag : flag.replace("--", "--no-"));
      continue;
    }
    for (const text of texts) {
      // The client starts the program wherever it likes.
      const isPath = option.kind === "file" ||
        (key === "sessionPolicy" && isPolicyFile(text)) ||
        (key === "allowAccount" && isAccountFile(text));
      const value = isPath ? resolve(text) : text;
      if (value.startsWith("-")) options.push(`${flag}=${value}`);
      else options.push(flag, value);
    }
  }
  return { options, notes: [...notes, ...rewritingNotes(options)] };
}

/** The region that a variable gives to calls, and nothing else in an entry. */
function regionOfCalls(
  { metadata: given }: Settings,
  config: Config,
): string[] {
  const isGiven = given.some((text) => text.startsWith(`${REGION_KEY}=`));
  const [, region] = config.metadata.find(([key]) => key === REGION_KEY) ?? [];
  if (isGiven || region === undefined) return [];
  return [OPTIONS.metadata.names[0], `${REGION_KEY}=${region}`];
}

/** What some clients make of the words of an entry. */
function rewritingNotes(words: readonly string[]): string[] {
  const notes: string[] = [];
  if (words.some((word) => /\s/.test(word))) {
    notes.push(
      "an argument has a blank in it, at which some clients split it: for " +
        "those, set the option's MCP_… variable in the entry in its place",
    );
  }
  if (words.some((word) => word.includes("${"))) {
    notes.push(
      "some clients replace ${NAME} in their files themselves; for those, put " +
        "the header into a --header-file",
    );
  }
  return notes;
}
