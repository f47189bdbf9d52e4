/**
 * What a program says of itself on stderr, fit for a log: a shell with `set -x`
 * says every secret that passes through it there.
 */

import { REDACTED } from "./redact.ts";

/** How much of the output is shown. */
const MAX_OUTPUT = 2048;

/**
 * Where a secret may begin: after `=`, after a telling name and `:`, after a
 * flag, after a scheme of authorization, between `//` and `@`.
 */
const BEFORE_A_SECRET = [
  /=/,
  /(?:key|token|secret|pass|pwd|credential|auth|cookie|session|signature|code|pin|otp)\w{0,40}["'\]]{0,2}\s{0,4}:/i,
  /(?:^|[\s'"`[(,])-(?:-[\w-]{1,60}|[a-z])/i,
  /\b(?:bearer|basic|digest|negotiate)\s/i,
  /:\/\/(?=[^\s/]{0,400}@)/,
  /-----BEGIN /,
];

/** The end of a name that a value may follow. */
const TELLING =
  /(?:key|token|secret|pass(?:word|wd|phrase)?|pwd|credential|auth(?:orization)?|cookie|signature|code|\bpin|otp)s?(?![A-Za-z0-9])["'\]]{0,2}/gi;

/** Words that may follow such a name and are no value. */
const PROSE = new RegExp(
  "^(?:[\\s\"'.,;()]{1,4}(?:\\d{1,3}|a|an|and|are|as|at|be|been|by|can|cannot|" +
    "could|denied|did|does|error|expired|failed|file|for|found|from|given|" +
    "has|have|id|in|invalid|is|it|missing|must|no|not|of|on|or|over|" +
    "provider|read|refused|rejected|required|run|see|set|that|the|this|to|" +
    "was|were|will|with)(?![\\w-])){0,40}\\s*",
  "i",
);

const PEM = "-----BEGIN ";

/** A trace of `set -x`: the command's name stays, its arguments go. */
const TRACE = /^\+{1,99} *[\w./-]{1,200}/;

/** A word of this form is taken for a key or a token. */
const WORD = /[\w+/=%.~-]{16,}/g;

/**
 * The beginning of a program's output without what looks like a secret. It
 * knows no secrets, so it rather takes too much: the rest of a line after a
 * `NAME=`, a flag or the name of a secret, the arguments of a traced command,
 * every long word with a digit.
 */
export function maskProgramOutput(output: string): string {
  const lines: string[] = [];
  for (const line of beginningOf(output).split("\n")) {
    const end = publicLength(line);
    const shown = line.slice(0, end).replaceAll(WORD, maskWord);
    lines.push(end < line.length ? shown + REDACTED : shown);
    // What is quoted over several lines goes as a whole, and so does a PEM.
    if (isQuoteOpen(line.slice(end)) || line.includes(PEM)) break;
  }
  return lines.join("\n").trim();
}

/** Cut at the end of a word: half a secret would not look like one. */
function beginningOf(output: string): string {
  if (output.length <= MAX_OUTPUT) return output;
  const cut = output.slice(0, MAX_OUTPUT);
  return cut.slice(0, Math.max(cut.lastIndexOf(" "), cut.lastIndexOf("\n"), 0));
}

function publicLength(line: string): number {
  const ends = [...BEFORE_A_SECRET, TRACE].map((pattern) => {
    const match = pattern.exec(line);
    return match === null ? line.length : match.index + match[0].length;
  });
  return Math.min(...ends, valueStart(line));
}

/** Where a value may begin after a telling name: at a word that is no prose. */
function valueStart(line: string): number {
  for (const { 0: name, index } of line.matchAll(TELLING)) {
    const end = index + name.length;
    const rest = line.slice(end);
    const prose = PROSE.exec(rest)?.[0].length ?? 0;
    const isLast = /^["'.,;:!?()]{0,4}\s*$/.test(rest.slice(prose));
    if (!isLast) return end + prose;
  }
  return line.length;
}

function isQuoteOpen(text: string): boolean {
  let open: string | undefined;
  for (const character of text) {
    if (character === open) open = undefined;
    else if (open === undefined && `'"`.includes(character)) open = character;
  }
  return open !== undefined;
}

function maskWord(word: string): string {
  return /\d/.test(word) || word.length >= 32 ? REDACTED : word;
}
