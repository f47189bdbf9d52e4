/**
 * Looks for a text that keeps a regular expression busy, and feeds it
 * 128 KiB of the worst that it finds.
 */

import { cpuMs } from "../support/time/cpu_time.ts";

/** What a character class may hold, or fail at. */
const SIGNS = [
  ..."aAf0 \t\n\r-._/\\\"'%=:+*<>&#;[]({$@,!~|?^`",
  "\0",
  "\u00a0",
  "\u00e9",
  "\u200b",
  "1a",
  "a ",
  "a.",
  "a-",
  "1.",
  "1h",
  "a:",
  "\r\n",
  "\n#",
  "/*",
  "//",
];

/**
 * What ends a text so that a match up to its end fails, and the expressions that
 * tell it from any other end.
 */
const ENDS: readonly (readonly [end: string, tells: RegExp])[] = [
  ["\0", /(?:)/],
  ["\n", /[.\n]|\\[nrs]|\[\^/],
  ['"', /"|\[\^/],
  ["", /[$!]/],
];

/**
 * Growing so slowly that the first that takes long still ends, where each
 * character doubles the time: also where a run before it is measured wrongly.
 */
const SMALL = Array.from({ length: 26 }, (_, n) => Math.round(10 * 1.16 ** n));

/** The length at which all attacks are compared, and those of the worst. */
const FIRST = 2 ** 9;
const LONGER = [2 ** 11, 2 ** 12, 2 ** 13, 2 ** 14, 2 ** 15, 2 ** 17];

/** For how long a text of so many characters may keep an expression busy. */
function limitFor(length: number): number {
  return length <= 2 ** 14 ? 100 : length / 100;
}

/** How many of the slowest texts are made longer: half as many each time. */
const WORST = 5;
const WORST_OF_ALL = 2;

/** From this length on the slowest is far from all others. */
const APART = 2 ** 14;

interface Attack {
  readonly before: string;
  readonly part: string;
  readonly end: string;
}

interface Timed {
  readonly attack: Attack;
  readonly ms: number;
}

function slowest(timed: readonly Timed[], count: number): readonly Timed[] {
  return timed.toSorted((a, b) => b.ms - a.ms).slice(0, count);
}

/**
 * Attacks an expression.
 *
 * @param pattern The expression.
 * @returns What is wrong: a text and how long it took, or `undefined`.
 */
export function attack(pattern: RegExp): string | undefined {
  // Without one it looks at so many characters at most from each place.
  if (!/[*+]|\{\d+,\}/.test(pattern.source)) return undefined;
  const timed: Timed[] = [];
  const repeatsGroups = /\)[*+{]/.test(pattern.source);
  for (const attack of attacksOn(pattern)) {
    for (const length of repeatsGroups ? SMALL : []) {
      const ms = timeOf(pattern, textOf(attack, length), 20);
      if (ms > 20) return describe(attack, length, ms);
    }
    const ms = timeOf(pattern, textOf(attack, FIRST), limitFor(FIRST));
    timed.push({ attack, ms });
  }
  let worst = slowest(timed, WORST);
  for (const length of LONGER) {
    const limitMs = limitFor(length);
    const longer: Timed[] = [];
    for (const { attack } of worst) {
      const ms = timeOf(pattern, textOf(attack, length), limitMs);
      if (ms > limitMs) return describe(attack, length, ms);
      longer.push({ attack, ms });
    }
    const most = Math.max(worst.length / 2, WORST_OF_ALL);
    worst = slowest(longer, length < APART ? most : 1);
  }
  return undefined;
}

function* attacksOn({ source }: RegExp): Iterable<Attack> {
  const words = wordsIn(source);
  const parts = [...SIGNS, ...words];
  words.forEach((word, at) => {
    for (const next of words.slice(at + 1, at + 4)) {
      parts.push(word + next, `${word}${next} `);
    }
    parts.push(words.slice(at, at + 3).join(""));
    for (const sign of " a0") parts.push(word + sign, sign + word);
  });
  const first = words.slice(0, 2);
  const ends = ENDS.filter(([, tells]) => tells.test(source));
  const signs = new Set(source.match(/[/\\[(:=<>'"@{.$#*-]/g));
  for (const sign of signs) for (const next of signs) parts.push(sign + next);
  for (const before of new Set(["", ...first, first.join(""), ...signs])) {
    for (const part of new Set(parts)) {
      for (const [end] of ends) yield { before, part, end };
    }
  }
}

/** What stands in an expression as it is looked for. */
function wordsIn(source: string): string[] {
  const plain = source
    .replace(
      /\\x([0-9a-f]{2})|\\u([0-9a-f]{4})/gi,
      (_, x, u) => String.fromCharCode(parseInt(x ?? u, 16)),
    )
    .replace(/\(\?(?:[:=!]|<[=!])/g, "(")
    .replace(/\\([^A-Za-z0-9])/g, "$1");
  return [...new Set(plain.match(/[A-Za-z0-9 <>&#:/"'=-]{2,}|[a-z]/gi) ?? [])]
    .slice(0, 40);
}

function textOf({ before, part, end }: Attack, length: number): string {
  const times = Math.ceil(length / part.length);
  return before + part.repeat(times) + end;
}

/** What takes long may do so for a machine that is busy: then it is measured. */
function timeOf(pattern: RegExp, text: string, limitMs: number): number {
  const run = (now: () => number): number => {
    const start = now();
    if (pattern.global) text.replace(pattern, "");
    else text.search(pattern);
    return now() - start;
  };
  const ms = run(() => performance.now());
  return ms > limitMs ? Math.min(ms, run(cpuMs)) : ms;
}

function describe(attack: Attack, length: number, ms: number): string {
  return `${JSON.stringify(attack)}, ${length} characters: ${ms.toFixed()} ms`;
}
