/** Variables that are named almost as an option's: what they say is not in force. */

import { distance } from "../shape/nearest.ts";
import { type Option, parseBoolean, variablesOf } from "./option.ts";
import {
  OPTION_GROUPS,
  OPTION_KEYS,
  type OptionKey,
  OPTIONS,
} from "./options.ts";
import type { ParsedOptions } from "./settings.ts";

/** What says who signs and what may be done: that is not to be lost. */
const RULES: readonly string[] = [
  ...Object.keys(OPTION_GROUPS.Credentials),
  ...["readOnly", "allowTool", "denyTool", "listenToken"],
];

/** Where the name of a rule may stand within a longer one. */
const TELLING_LENGTH = 8;

const SET_BY_VARIABLES = OPTION_KEYS
  .filter((key) => variablesOf(OPTIONS[key]).length > 0);
const OURS = new Set(
  SET_BY_VARIABLES.flatMap((key) => variablesOf(OPTIONS[key])),
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
  return SET_BY_VARIABLES.filter((key) => RULES.includes(key))
    .flatMap((key) => wordsOf(OPTIONS[key]))
    .flatMap((word) => [word, word.replaceAll("_", "")])
    .flatMap((word) => [`MCP_${word}`, `MCP_${word}S`]);
}

/** Adds what is wrong with the variables, or only odd. */
export function checkVariables(
  { env, sources, faults, notes }: ParsedOptions,
  names: readonly string[],
): void {
  for (const name of names) {
    if (!/^(?:AWS_)?MCP[_-][\w-]+$/i.test(name)) continue;
    // Windows takes the name of a variable in any case.
    const isOurs = OURS.has(
      Deno.build.os === "windows" ? name.toUpperCase() : name,
    );
    const value = env(name)?.trim() ?? "";
    if (isOurs || value === "") continue;
    const key = meantBy(name);
    if (key === undefined || sources.get(key)?.kind === "flag") continue;
    const option: Option = OPTIONS[key];
    const isDefault = option.kind === "boolean" &&
      parseBoolean(value) === (option.default ?? false);
    if (isDefault) continue;
    const message = `${name} is set, and is the name of no option (did you ` +
      `mean ${variablesOf(option)[0]}? if not, unset ${name})`;
    if (RULES.includes(key)) faults.push(message);
    else notes.push({ level: "warn", message });
  }
}

/** The option that is meant, if one is near. */
function meantBy(name: string): OptionKey | undefined {
  const word = plain(name);
  const near = SET_BY_VARIABLES.flatMap((key) =>
    wordsOf(OPTIONS[key]).map(plain).map((candidate) => {
      const isWithin = RULES.includes(key) && word.includes(candidate) &&
        candidate.length >= TELLING_LENGTH;
      const changes = isWithin ? 0 : distance(word, candidate);
      return { key, changes, most: Math.min(2, candidate.length / 5) };
    })
  ).filter(({ changes, most }) => changes <= most);
  return near.sort((one, other) => one.changes - other.changes)[0]?.key;
}

/** What an option is called in a variable, by its flags and its variables. */
function wordsOf({ names }: Option): string[] {
  return names.map((name) =>
    name.replace(/^(?:--|MCP_|AWS_)/, "").replaceAll("-", "_").toUpperCase()
  );
}

/** Without what is easily written otherwise: `MCP_ALLOWED_TOOLS` → `ALLOWTOOL`. */
function plain(name: string): string {
  return name.toUpperCase().replaceAll("-", "_").replace(/^(?:AWS_)?MCP_/, "")
    .replace(/(?:IED|IES|Y)(?=_|$)/g, "I").replace(/(?:ED|S)(?=_|$)/g, "")
    .replaceAll("_", "");
}
