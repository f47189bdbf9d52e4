/**
 * Whether an entry that is there may be changed: nothing is lost that somebody
 * has set, unless it is asked for.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import { quote } from "../../config/settings.ts";
import { EditError } from "./edit.ts";
import { compareEntries, type Differences } from "./entry.ts";
import { otherName } from "./name.ts";
import type { OwnProgram } from "./own.ts";
import type { Entry } from "./clients.ts";
import { shellWords } from "../../shell_words.ts";

/** The entry that is to take the place of the one that is there. */
export interface Successor {
  readonly name: string;
  readonly entry: Entry;
  /** What the entry starts the proxy with. */
  readonly config: Config;
  /** The profile that it starts it with. */
  readonly profile: string | undefined;
  /** By what this program is known in an entry. */
  readonly own: OwnProgram;
  /** Whether an entry that is set otherwise may be replaced. */
  readonly mayReplace: boolean;
}

/**
 * Looks at what is there.
 *
 * @param existing What is there.
 * @param successor What is to take its place.
 * @returns The flags and variables that are lost, which was asked for.
 * @throws {EditError} It is to be left alone.
 */
export function approveChange(
  existing: unknown,
  successor: Successor,
): readonly string[] {
  const { name, entry, own, mayReplace } = successor;
  const found = compareEntries(existing, entry, own);
  if (found === undefined) {
    throw new EditError(
      `there is another "${name}" in it, which is left alone: name this one ` +
        "otherwise (--name)",
    );
  }
  const [reason] = mayReplace ? [] : reasonsAgainst(found, successor);
  if (reason !== undefined) throw new EditError(reason);
  return [...found.lostOfDeno, ...found.lost];
}

/** Why an entry of the proxy's is not to be replaced, the first reason first. */
function reasonsAgainst(found: Differences, successor: Successor): string[] {
  const { doubtful, other } = found;
  const { name } = successor;
  const reasons: string[] = [];
  if (doubtful !== undefined) {
    reasons.push(
      `"${name}" in it starts ${quote(doubtful)}, which may be another ` +
        "program of this name: name this one otherwise (--name), or add " +
        "--replace if it is the proxy",
    );
  }
  if (other !== undefined) reasons.push(anotherServer(other, found, successor));
  const lost = lostWords(found);
  if (lost !== undefined) reasons.push(`"${name}" in it has ${lost}`);
  return reasons;
}

function anotherServer(
  other: NonNullable<Differences["other"]>,
  found: Differences,
  { name, config, profile }: Successor,
): string {
  const ofProfile = other === "profile" ? profile : undefined;
  const free = otherName(name, config.targetUrl, ofProfile);
  const same = other === "profile" && found.profile !== undefined
    ? `add ${profileFlag(found.profile)}, `
    : "";
  return `"${name}" in it is the proxy for another ${other}: ${same}name this ` +
    `one otherwise (--name ${free}), or add --replace`;
}

function profileFlag(profile: string): string {
  return profile.startsWith("-")
    ? shellWords([`--profile=${profile}`])
    : shellWords(["--profile", profile]);
}

/** `config` takes none of Deno's flags: they cannot be set again with it. */
function lostWords({ lost, lostOfDeno }: Differences): string | undefined {
  const proxys = lost.length === 0 ? [] : [
    `what the new entry would not have (${lost.join(", ")}): set it again, ` +
    "or add --replace",
  ];
  const denos = lostOfDeno.length === 0 ? [] : [
    `flags of Deno's that the new entry would not have (${
      lostOfDeno.join(", ")
    }): add --replace, and then put them back by hand`,
  ];
  const all = [...proxys, ...denos];
  return all.length === 0 ? undefined : all.join("; and ");
}
