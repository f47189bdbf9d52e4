/** A seeded generator of shared AWS files as people and tools write them. */

import { mulberry32 } from "../../support/random.ts";

/** The two files; one of them may be absent. */
export interface OddFiles {
  readonly config?: Uint8Array<ArrayBuffer>;
  readonly credentials?: Uint8Array<ArrayBuffer>;
}

const NAMES = [
  "default",
  "prod",
  "app",
  "DEFAULT",
  "Default",
  "Team #1",
  "a ;b",
  "x y",
  "ü",
  "日本",
  "it's",
  'q"q',
  "a[0]",
  "a]b",
  "'prod'",
  '"x y"',
  "'x",
  "x\\ y",
  "x\\",
  "",
  " ",
  "prod ",
  "__proto__",
  "profile app",
  "a\tb",
  "\u00a0x",
  "#1",
];
const KINDS = [
  "",
  "",
  "",
  "profile ",
  "profile ",
  "profile ",
  "profile\t",
  "profile",
  "Profile ",
  "profilex ",
  "profile  ",
  " profile ",
  "sso-session ",
  "sso-sessions ",
  "services ",
  "services",
  "plugins ",
  "profile a ",
];
const TAILS = [
  "",
  "",
  "",
  "",
  "",
  "",
  " ",
  "# note",
  " # note",
  ";n",
  " x",
  " = x",
  ": x",
  "]",
  " [y]",
  "]]",
  "\\",
  " (admin)",
  "\t",
];
const OPTIONS = [
  "aws_access_key_id",
  "aws_secret_access_key",
  "region",
  "Region",
  "REGION",
  "s3",
  "sts",
  "credential_process",
  "source_profile",
  "external_id",
  "x",
  "X y",
  "ü",
  "Ü",
  "İ",
  "ΣΑΣ",
  "a[b]",
  "#x",
  "x#",
  "",
  "__proto__",
  "x\u2028y",
];
const DELIMITERS = [
  "=",
  "=",
  " = ",
  " = ",
  " =",
  "= ",
  ":",
  " : ",
  ": ",
  "=:",
  ":=",
  "==",
  "\t=\t",
  "\u00a0=\u00a0",
  " ",
  "",
];
const VALUES = [
  "",
  "",
  "AKIAONE",
  "sd[prod]",
  "a #b",
  "a ;b",
  "#b",
  ";b",
  "a=b",
  "a:b",
  '"a b"',
  "'a",
  "[x]",
  "  a  ",
  "a\u2028b",
  "a\u0085",
  "\u001ca",
  "a\u000bb",
  "a\u000cb",
  "\u00a0a\u3000",
  "\ufeffa",
  "ü",
  "😀",
  "a\\",
  '/h/c.sh --a "P #2"',
  "%(x)s",
  "${x}",
  "a\tb",
  "\u0000",
  "a\u001fb",
  "true",
  "]",
];
const INDENTS = ["", "", "", "", " ", "  ", "\t", "    ", "\u00a0", "\u3000"];
const COMMENTS = [
  "# c",
  "; c",
  "#",
  ";",
  " # c",
  "\t; c",
  "#[x]",
  "#a = b",
  "   #",
  "rem c",
];
const BLANKS = ["", "", " ", "\t", "   ", "\u000c", "\u00a0"];
const JUNK = [
  "junk",
  "[",
  "]",
  "[]",
  "[ ]",
  "[prod",
  "[prod)",
  "prod]",
  "= x",
  ": x",
  "=",
  "[[x]]",
  "{}",
  '"[x]"',
  "<<<<<<< HEAD",
  "[x]=[y]",
  "key",
  "\ufeff[x]",
];

/** The odd files of a seed. */
export function oddFiles(seed: number): OddFiles {
  const random = mulberry32(seed);
  const config = random() < 0.9 ? oddFile(random, true) : undefined;
  const credentials = random() < 0.7 ? oddFile(random, false) : undefined;
  return { config, credentials };
}

/** An odd command line, or a name in quotes, of a seed. */
export function oddCommand(seed: number): string {
  const random = mulberry32(seed);
  const parts = [
    "a",
    "b c",
    " ",
    "  ",
    "\t",
    "\n",
    "'",
    '"',
    "\\",
    "\\\\",
    '\\"',
    "''",
    '""',
    "#",
    ";",
    "$x",
    "|",
    "C:\\x\\",
    "ü",
    "\u00a0",
    "😀",
    "\\ ",
    "\r",
  ];
  const length = Math.floor(random() * 9);
  return Array.from({ length }, () => pick(random, parts)).join("");
}

/** An odd path, as a variable may name a file, of a seed. */
export function oddPath(seed: number): string {
  const random = mulberry32(seed);
  const parts = [
    "~",
    "~/",
    "/",
    "$A",
    "${A}",
    "$HOME",
    "${HOME}",
    "$",
    "{",
    "}",
    "x",
    "ü",
    "$NOT",
    "${NOT}",
    "${}",
    "$A_B",
    ".",
    "\\",
    "'",
    "$$",
    "$1",
    "${A",
  ];
  const length = 1 + Math.floor(random() * 5);
  return Array.from({ length }, () => pick(random, parts)).join("");
}

type Random = () => number;

function oddFile(random: Random, isConfig: boolean): Uint8Array<ArrayBuffer> {
  // Mostly sound, or next to all would be refused.
  const oddness = random() < 0.5 ? 0 : random() * 0.2;
  const ends = random() < 0.6 ? ["\n"] : ["\n", "\r\n", "\r\n", "\r"];
  const lines: string[] = [];
  const used = new Set<string>();
  const sections = 1 + Math.floor(random() * 4);
  if (random() < 0.2) lines.push(pick(random, [...COMMENTS, ...BLANKS]));
  for (let section = 0; section < sections; section++) {
    lines.push(header(random, isConfig, oddness, used));
    const count = Math.floor(random() * 6);
    const options = new Set<string>();
    for (let at = 0; at < count; at++) {
      lines.push(...settingLines(random, oddness, options));
    }
  }
  const end = pick(random, ends);
  let text = lines.map((line) =>
    line + (random() < 0.9 ? end : pick(random, ends))
  )
    .join("");
  if (random() < 0.2) text = text.trimEnd();
  if (random() < oddness * 0.3) text = `\ufeff${text}`;
  if (random() < oddness * 0.2) text = "";
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > 0 && random() < oddness * 0.3) {
    bytes[Math.floor(random() * bytes.length)] = 0xff;
  }
  return random() < oddness * 0.5
    ? bytes.slice(0, Math.floor(random() * bytes.length))
    : bytes;
}

function header(
  random: Random,
  isConfig: boolean,
  oddness: number,
  used: Set<string>,
): string {
  const kind = isConfig || random() < 0.2 ? pick(random, KINDS) : "";
  const name = pick(random, NAMES);
  const quote = kind === "" ? "" : pick(random, ["", "", "'", '"']);
  const title = `${kind}${quote}${name}${quote}`;
  if (used.has(title) && random() > oddness) return "# again";
  used.add(title);
  const indent = random() < 0.9 ? "" : pick(random, INDENTS);
  return `${indent}[${title}]${pick(random, TAILS)}`;
}

function settingLines(
  random: Random,
  oddness: number,
  used: Set<string>,
): string[] {
  const roll = random();
  if (roll < 0.1) return [pick(random, COMMENTS)];
  if (roll < 0.2) return [pick(random, BLANKS)];
  if (random() < oddness) return [pick(random, INDENTS) + pick(random, JUNK)];
  const name = pick(random, OPTIONS);
  if (used.has(name.toLowerCase()) && random() > oddness) return ["; again"];
  used.add(name.toLowerCase());
  const indent = random() < 0.8 ? "" : pick(random, INDENTS);
  const delimiters = random() < oddness ? DELIMITERS : DELIMITERS.slice(0, -2);
  const line = indent + (name || "y") + pick(random, delimiters) +
    pick(random, VALUES);
  return random() < 0.6 ? [line] : [line, ...continuation(random)];
}

/** Lines after a setting: the rest of its value, nested ones, or neither. */
function continuation(random: Random): string[] {
  const length = 1 + Math.floor(random() * 3);
  return Array.from({ length }, () => {
    const roll = random();
    if (roll < 0.1) return pick(random, COMMENTS);
    if (roll < 0.2) return pick(random, BLANKS);
    const indent = pick(random, INDENTS.slice(4));
    const isNested = random() < 0.6;
    return indent + (isNested
      ? pick(random, OPTIONS) + pick(random, [" = ", "=", " : "])
      : "") +
      pick(random, VALUES);
  });
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)];
}
