/**
 * What an entry has that the one in its place has not, by name: values may be
 * secrets.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../mcp/wire/message.ts";

/** Permissions, which are found anew, and what goes with them. */
const FOUND_ANEW = /^(?:--allow-[a-z]+|-[A-Z]+|--no-prompt|-y)(?:=|$)/;

/**
 * Compares an entry with the one that is to take its place.
 *
 * @param before The entry that is there.
 * @param after The other one.
 * @returns The flags, variables and other members that are lost.
 */
export function lossesOf(before: unknown, after: unknown): readonly string[] {
  const lost = Object.entries(isObject(before) ? before : {}).flatMap(
    ([member, old]) => {
      const now = isObject(after) ? after[member] : undefined;
      if (isDeepStrictEqual(old, now)) return [];
      if (member === "command" || member === "cmd") return ["another command"];
      if (member === "args") return lostArguments(old, now);
      if (!isObject(old)) return [member];
      return Object.keys(old).filter((name) =>
        !isObject(now) || !isDeepStrictEqual(old[name], now[name])
      );
    },
  );
  return [...new Set(lost)];
}

function lostArguments(before: unknown, after: unknown): string[] {
  const words = wordsIn(before);
  const kept = new Set(wordsIn(after));
  return words.flatMap((word, at) => {
    if (kept.has(word)) return [];
    if (/^https?:/i.test(word)) return ["another URL"];
    const [flag] = /^(?:--[\w-]+|-\w)(?==|$)/.exec(word) ??
      /^(?:--[\w-]+|-\w)$/.exec(words[at - 1] ?? "") ?? ["other arguments"];
    return [flag];
  });
}

function wordsIn(args: unknown): string[] {
  return (Array.isArray(args) ? args : [args]).map(String)
    .filter((word) => !FOUND_ANEW.test(word));
}
