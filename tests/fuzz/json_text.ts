/** JSON texts as they are written, and as they should not be. */

import type { Random } from "../support/random.ts";

const STRINGS = [
  '""',
  '"a"',
  '"\\u00e9\\ud83d\\ude00"',
  '"\\ud800"',
  '"é😀"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000"',
  '"__proto__"',
  '"\u2028"',
  `"${"x".repeat(30)}"`,
];
const SCALARS = [
  "0",
  "-0",
  "1.5",
  "1e400",
  "-1E-400",
  "12345678901234567890",
  "true",
  "false",
  "null",
];
const BLANKS = ["", "", "", " ", "\t", "\r", "  "];
const BREAKING = [..."[]{},:\"\\01e-+.tfnu/ \x00\x1f'\x7f"]
  .map((char) => char.charCodeAt(0))
  .concat(0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff);

/** A JSON text of any value. */
export function anyJson(random: Random, depth = 0): string {
  const kind = random.below(depth > 4 ? 2 : 5);
  if (kind === 0) return random.pick(STRINGS);
  if (kind === 1) return random.pick(SCALARS);
  const parts = Array.from({ length: random.below(4) }, () => {
    const value = anyJson(random, depth + 1);
    return kind === 2 ? value : `${random.pick(STRINGS)}:${value}`;
  });
  return kind === 2 ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

/** An object of members that are JSON texts, in some order and with blanks. */
export function objectOf(
  random: Random,
  members: readonly (readonly [name: string, json: string])[],
): string {
  const blank = () => random.pick(BLANKS);
  const shuffled = members.map((member) => [random.below(1e6), member] as const)
    .sort(([one], [other]) => one - other).map(([, member]) => member);
  const parts = shuffled.map(([name, json]) =>
    `${blank()}${JSON.stringify(name)}${blank()}:${blank()}${json}${blank()}`
  );
  return `${blank()}{${parts.join(",")}}${blank()}`;
}

/** Bytes with a few of them changed, put in or left out; no line ends. */
export function broken(random: Random, bytes: Uint8Array): Uint8Array {
  const out = [...bytes];
  for (let n = random.below(3); n >= 0; n--) {
    const at = random.below(out.length + 1);
    const byte = random.pick(BREAKING);
    if (random.chance(0.3)) out.splice(at, 1);
    else if (random.chance(0.5)) out.splice(at, 0, byte);
    else out[at] = byte;
  }
  return Uint8Array.from(out);
}
