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
  const kept = new Set(argumentsIn(after).map(({ word }) => word));
  return argumentsIn(before).filter(({ word }) => !kept.has(word))
    .map(({ label }) => label);
}

/** A flag, or the value of one, and what to call it. */
interface Argument {
  readonly word: string;
  readonly label: string;
}

function argumentsIn(args: unknown): Argument[] {
  const words = (Array.isArray(args) ? args : [args]).map(String)
    .filter((word) => !FOUND_ANEW.test(word));
  return words.flatMap((word, at) => {
    const [flag, inline] = flagIn(word);
    if (flag === undefined) {
      const [before, value] = flagIn(words[at - 1] ?? "");
      const owner = value === undefined ? before : undefined;
      const isUrl = /^https?:/i.test(word);
      return [{
        word,
        label: isUrl ? "another URL" : owner ?? "other arguments",
      }];
    }
    const values = inline === undefined ? [] : [inline];
    return [flag, ...values].map((word) => ({ word, label: flag }));
  });
}

function flagIn(word: string): (string | undefined)[] {
  const [, flag, , value] = /^(--[\w-]+|-\w)(=(.*))?$/s.exec(word) ?? [];
  return [flag, value];
}
