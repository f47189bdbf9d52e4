/** Variables that are named almost as an option's: what they say is not in force. */

import { distance } from "../nearest.ts";
import { flagsOf, type Option, parseBoolean, variablesOf } from "./option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "./options.ts";
import type { ParsedOptions } from "./settings.ts";

/** What says who signs and what may be done: that is not to be lost. */
const RULES: readonly OptionKey[] = [
  "readOnly",
  "allowTool",
  "denyTool",
  "profile",
  "assumeRole",
  "sessionPolicy",
  "sourceIdentity",
  "writeRole",
  "accountRole",
  "allowAccount",
  "allowRole",
  "listenToken",
];

/** Where the name of an option may stand within a longer one. */
const TELLING_LENGTH = 8;

const OURS: ReadonlySet<string> = new Set(
  OPTION_KEYS.flatMap((key) => variablesOf(OPTIONS[key])),
);

/**
 * The names of all variables; where Deno does not list them, those that a rule
 * is likely to be set by.
 */
export function variableNames(): readonly string[] {
  // In any other state it would prompt. Of `--ignore-env` it has the rest.
  if (Deno.permissions.querySync({ name: "env" }).state !== "prompt") {
    try {
      return Object.keys(Deno.env.toObject());
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
  }
  return RULES.flatMap((key) => spellingsOf(OPTIONS[key]))
    .flatMap((word) => [`MCP_${word}`, `MCP_${word}S`]);
}

/** Adds what is wrong with the variables, or only odd. */
export function checkVariables(
  parsed: ParsedOptions,
  names: readonly string[],
): void {
  for (const name of names) {
    if (!/^(?:AWS_)?MCP[_-]/i.test(name) || isOurs(name)) continue;
    const value = parsed.env(name)?.trim() ?? "";
    const key = value === "" ? undefined : meantBy(name);
    if (key === undefined || parsed.sources.get(key)?.kind === "flag") continue;
    const option: Option = OPTIONS[key];
    const isDefault = option.kind === "boolean" &&
      parseBoolean(value) === (option.default ?? false);
    if (isDefault) continue;
    const message = `${name} is set, and is the name of no option (did you ` +
      `mean ${variablesOf(option)[0]}? if not, unset ${name})`;
    if (RULES.includes(key)) parsed.faults.push(message);
    else parsed.notes.push({ level: "warn", message });
  }
}

/** On Windows in any case. */
function isOurs(name: string): boolean {
  return OURS.has(Deno.build.os === "windows" ? name.toUpperCase() : name);
}

/** The option that is meant, if one is near. */
function meantBy(name: string): OptionKey | undefined {
  const word = plain(name);
  let best: OptionKey | undefined;
  let least = 3;
  for (const key of OPTION_KEYS.filter((key) => variablesOf(OPTIONS[key])[0])) {
    for (const candidate of spellingsOf(OPTIONS[key]).map(plain)) {
      const isWithin = RULES.includes(key) && word.includes(candidate) &&
        candidate.length >= TELLING_LENGTH;
      const changes = isWithin ? 0 : distance(word, candidate);
      if (changes >= least || changes > candidate.length / 5) continue;
      least = changes;
      best = key;
    }
  }
  return best;
}

/** What the flags and the variables of an option are called in a variable. */
function spellingsOf(option: Option): string[] {
  const words = [...flagsOf(option), ...variablesOf(option)].map((name) =>
    name.replace(/^(?:--|MCP_|AWS_)/, "").replaceAll("-", "_").toUpperCase()
  );
  return [
    ...new Set(words.flatMap((word) => [word, word.replaceAll("_", "")])),
  ];
}

/** Without what is easily written otherwise: `MCP_ALLOWED_TOOLS` → `ALLOWTOOL`. */
function plain(name: string): string {
  return name.toUpperCase().replaceAll("-", "_").replace(/^(?:AWS_)?MCP_/, "")
    .replace(/(?:IED|IES|Y)(?=_|$)/g, "I").replace(/(?:ED|S)(?=_|$)/g, "")
    .replaceAll("_", "");
}
