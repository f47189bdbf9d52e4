/**
 * Whether the words of an entry start this program. Others have its name, too,
 * and their entries are not to be overwritten.
 *
 * @module
 */

import manifest from "../../../deno.json" with { type: "json" };

/** By what this program is known. */
export interface OwnProgram {
  /** The words that start its executable: Deno, or the compiled program. */
  readonly names: ReadonlySet<string>;
  /** What Deno is to run; none for a compiled program. */
  readonly module: string | undefined;
}

/** A word that starts the proxy, or something of its name. */
export interface Found {
  /** Which word it is; what follows is the proxy's. */
  readonly at: number;
  /** Whether it is this program, and not only one of its name. */
  readonly isSure: boolean;
}

/** The files of a release. */
const RELEASE_FILE =
  /(?:^|[/\\])sigv4-proxy-(?:linux|macos|windows)-(?:x64|arm64)(?:\.exe)?$/;

/** What anyone may call a program. */
const OF_THE_NAME = /(?:^|[/\\])sigv4-proxy(?:\.exe|\.cmd)?$/i;

/** A package of JSR, by its specifier or by the URL of its module. */
const JSR_PACKAGE =
  /^(?:jsr:\/?|https:\/\/jsr\.io\/)(@[\w-]+\/[\w-]+)(?:@[^/]*|\/\d[^/]*\/mod\.ts)?$/;

/** The module of a clone, on this machine. */
const CLONED_MODULE =
  /^(?!(?!file:)[a-z]{2,}:).*[/\\]sigv4-proxy[/\\]mod\.ts$/i;

/** A module or package of anyone's. */
const MODULE_OF_THE_NAME = /[/\\]sigv4-proxy(?:[@/\\]|$)/i;

/** What starts Deno, and Deno itself. */
const STARTER = /(?:^|[/\\])(deno|dx|npx|cmd)(?:\.exe|\.cmd)?$/i;

/** Deno's subcommands that run a module. */
const RUN = /^(?:run|x)$/;

/** Flags of Deno's whose value is the next word (`deno run --help=full`). */
const TAKES_WORD: ReadonlySet<string> = new Set([
  "-c",
  "-L",
  "--cert",
  "--conditions",
  "--config",
  "--ext",
  "--import-map",
  "--inspect-publish-uid",
  "--location",
  "--lock",
  "--log-level",
  "--min-dep-age",
  "--minimum-dependency-age",
  "--node-modules-linker",
  "--preload",
  "--require",
  "--seed",
]);

/**
 * Finds the program in the words of an entry.
 *
 * @param words The executable and its arguments.
 * @param own By what this program is known.
 * @returns Where it is; `undefined` if something else is started.
 */
export function findProgram(
  words: readonly string[],
  own: OwnProgram,
): Found | undefined {
  const { names, module } = own;
  const at = placeOfStarted(words, 0, own);
  const word = words[at];
  if (word === undefined) return undefined;
  if (at === 0) {
    const isSure = names.has(word) || RELEASE_FILE.test(word);
    return isSure || OF_THE_NAME.test(word) ? { at, isSure } : undefined;
  }
  const isSure = word === module || isOwnPackage(word) ||
    CLONED_MODULE.test(word);
  return isSure || MODULE_OF_THE_NAME.test(word) ? { at, isSure } : undefined;
}

/** Which word is started by those that only start others; -1 if none is. */
function placeOfStarted(
  words: readonly string[],
  at: number,
  own: OwnProgram,
): number {
  switch (starterOf(words[at], own)) {
    case "cmd":
      return /^\/c$/i.test(words[at + 1] ?? "")
        ? placeOfStarted(words, at + 2, own)
        : -1;
    case "npx": {
      const next = pastFlags(words, at + 1);
      return /^deno(?:@.*)?$/.test(words[next] ?? "")
        ? placeOfModule(words, next + 1)
        : -1;
    }
    case "deno":
    case "dx":
      return placeOfModule(words, at + 1);
    default:
      return at === 0 ? 0 : -1;
  }
}

function starterOf(
  word: string | undefined,
  { names, module }: OwnProgram,
): string | undefined {
  if (word === undefined) return undefined;
  // Whatever the file of this Deno is called.
  if (module !== undefined && names.has(word)) return "deno";
  return STARTER.exec(word)?.[1].toLowerCase();
}

/** Which word Deno runs. */
function placeOfModule(words: readonly string[], at: number): number {
  const place = pastFlags(words, at);
  return RUN.test(words[place] ?? "") ? pastFlags(words, place + 1) : place;
}

function pastFlags(words: readonly string[], at: number): number {
  let place = at;
  while (words[place]?.startsWith("-")) {
    place += TAKES_WORD.has(words[place]) ? 2 : 1;
  }
  return place;
}

function isOwnPackage(word: string): boolean {
  return JSR_PACKAGE.exec(word)?.[1] === manifest.name;
}
