/** Variables that are named almost as an option's: what they say is not in force. */

import { distance } from "../shape/nearest.ts";
import { type Option, parseBoolean, variablesOf } from "./option.ts";
import { OPTION_GROUPS, OPTION_KEYS, OPTIONS } from "./options.ts";
import type { ParsedOptions } from "./settings.ts";

/** What says who signs and what may be done: that is not to be lost. */
const RULES: readonly string[] = [
  ...Object.keys(OPTION_GROUPS.Credentials),
  ...["readOnly", "allowTool", "denyTool", "listenToken"],
];

const OURS = OPTION_KEYS.flatMap((key) => variablesOf(OPTIONS[key]));

/** What the options that variables set are called, flags included. */
const WORDS = OPTION_KEYS.flatMap((key) => {
  const option: Option = OPTIONS[key];
  const names = variablesOf(option).length > 0 ? option.names : [];
  return names.map((name) => ({ key, option, word: plain(name) }));
});

/**
 * The names of all variables; where Deno does not list them, those that a rule
 * is likely to be set by.
 */
export function variableNames(): readonly string[] {
  // In any other state it would prompt. Of `--ignore-env` it has the rest.
  if (Deno.permissions.querySync({ name: "env" }).state !== "prompt") {
    try {
      return Object.keys(Deno.env.toObject());
    } catch {
      // Some of them are denied.
    }
  }
  const likely = WORDS.filter(({ key }) => RULES.includes(key))
    .map(({ option }) => option.names[0].slice(2).toUpperCase())
    .flatMap((word) => [word.replaceAll("-", "_"), word.replaceAll("-", "")])
    .flatMap((word) => [`MCP_${word}`, `MCP_${word}S`]);
  return [...new Set(likely)];
}

/** Adds what is wrong with the variables, or only odd. */
export function checkVariables(
  parsed: ParsedOptions,
  names: readonly string[],
): void {
  for (const name of names) {
    if (!/^(?:AWS_)?MCP[_-][\w-]+$/i.test(name)) continue;
    // Windows takes the name of a variable in any case.
    const isAnyCase = Deno.build.os === "windows";
    if (OURS.includes(isAnyCase ? name.toUpperCase() : name)) continue;
    const value = parsed.env(name)?.trim() ?? "";
    const meant = value === "" ? undefined : meantBy(name);
    if (meant === undefined || parsed.isGiven(meant.key)) continue;
    const { key, option } = meant;
    const isDefault = option.kind === "boolean" &&
      parseBoolean(value) === (option.default ?? false);
    if (isDefault) continue;
    const message = `${name} is set, and is the name of no option (did you ` +
      `mean ${variablesOf(option)[0]}? if not, unset ${name})`;
    if (RULES.includes(key)) parsed.faults.push(message);
    else parsed.notes.push({ level: "warn", message });
  }
}

function meantBy(name: string) {
  const given = plain(name);
  return WORDS
    .filter(({ word }) => Math.abs(word.length - given.length) <= 2)
    .map((row) => ({ ...row, changes: distance(given, row.word) }))
    .filter(({ changes, word }) => changes <= Math.min(2, word.length / 5))
    .sort((one, other) => one.changes - other.changes)[0];
}

/** Without what is easily written otherwise: `MCP_ALLOWED_TOOLS` → `ALLOWTOOL`. */
function plain(name: string): string {
  return name.toUpperCase().replaceAll("-", "_")
    .replace(/^_*(?:AWS_)?(?:MCP_)?(?:PROXY_|ENABLE_)?/, "")
    .replace(/_(?:MODE|ARN)$/, "")
    .replace(/(?:IED|IES|Y)(?=_|$)/g, "I").replace(/(?:ED|S)(?=_|$)/g, "")
    .replaceAll("_", "");
}
