/**
 * A text as its readers may decode it: percent-encoding, the escapes of JSON
 * and of programming languages, the references of HTML and XML.
 *
 * @module
 */

/** A text, and where in the original each of its characters comes from. */
export interface View {
  readonly text: string;
  /**
   * The start in the original of each character, and the original's length.
   * The original itself has none.
   */
  readonly origin?: Uint32Array;
}

/** How often a text is decoded: `%2525252F` is a slash. */
const MAX_LAYERS = 4;

/** What is not decoded when none of these is there. */
const ESCAPE = /[%\\&]/;

const NAMED: readonly (readonly [name: string, character: string])[] = [
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
];

/**
 * A text and what it decodes to, layer by layer. Each is no longer than the
 * one before, so the work grows with the text's length alone.
 */
export function viewsOf(text: string): View[] {
  const views: View[] = [{ text }];
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const last = views[views.length - 1];
    const next = ESCAPE.test(last.text) ? decode(last) : undefined;
    if (next === undefined) break;
    views.push(next);
  }
  return views;
}

/** A text with all layers of encoding taken off. */
export function fullyDecoded(text: string): string {
  const views = viewsOf(text);
  return views[views.length - 1].text;
}

/** Takes one layer off; `undefined` when there is none. */
function decode({ text, origin: before }: View): View | undefined {
  const codes = new Uint16Array(text.length);
  const origin = new Uint32Array(text.length + 1);
  let length = 0;
  for (let at = 0; at < text.length; length++) {
    const escape = escapeAt(text, at);
    codes[length] = escape?.code ?? text.charCodeAt(at);
    origin[length] = before?.[at] ?? at;
    at += escape?.length ?? 1;
  }
  if (length === text.length) return undefined;
  origin[length] = before?.[text.length] ?? text.length;
  const decoder = new TextDecoder("utf-16le", { ignoreBOM: true });
  return {
    text: decoder.decode(codes.subarray(0, length)),
    origin: origin.subarray(0, length + 1),
  };
}

/** What stands for one character, and how long it is. */
interface Escape {
  readonly code: number;
  readonly length: number;
}

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;

function escapeAt(text: string, at: number): Escape | undefined {
  switch (text.charCodeAt(at)) {
    case PERCENT:
      return digits(text, at, { prefix: 1, radix: 16, min: 2, max: 2 });
    case BACKSLASH:
      return afterBackslash(text, at);
    case AMPERSAND:
      return reference(text, at);
    default:
      return undefined;
  }
}

function afterBackslash(text: string, at: number): Escape | undefined {
  const character = text[at + 1];
  if (character === undefined) return undefined;
  const coded = character === "x"
    ? digits(text, at, { prefix: 2, radix: 16, min: 2, max: 2 })
    : character === "u" && text[at + 2] === "{"
    ? digits(text, at, { prefix: 3, radix: 16, min: 1, max: 6, end: "}" })
    : character === "u"
    ? digits(text, at, { prefix: 2, radix: 16, min: 4, max: 4 })
    : undefined;
  if (coded !== undefined) return coded;
  // A letter stands for a control character: `\n`.
  const code = /[a-z]/i.test(character) ? 0x20 : character.charCodeAt(0);
  return { code, length: 2 };
}

function reference(text: string, at: number): Escape | undefined {
  if (text[at + 1] === "#") {
    return /x/i.test(text[at + 2] ?? "")
      ? digits(text, at, { prefix: 3, radix: 16, min: 1, max: 12, end: ";" })
      : digits(text, at, { prefix: 2, radix: 10, min: 1, max: 12, end: ";" });
  }
  for (const [name, character] of NAMED) {
    if (!text.startsWith(`${name};`, at + 1)) continue;
    return { code: character.charCodeAt(0), length: name.length + 2 };
  }
  return undefined;
}

/** A number after a prefix, up to an end that may be left out. */
function digits(
  text: string,
  at: number,
  { prefix, radix, min, max, end }: {
    readonly prefix: number;
    readonly radix: 10 | 16;
    readonly min: number;
    readonly max: number;
    readonly end?: string;
  },
): Escape | undefined {
  const start = at + prefix;
  let code = 0;
  let next = start;
  for (; next < start + max; next++) {
    const digit = digitOf(text.charCodeAt(next));
    if (digit === undefined || digit >= radix) break;
    code = code * radix + digit;
  }
  if (next < start + min) return undefined;
  if (end !== undefined && text[next] === end) next++;
  return { code: code < 0x10000 ? code : 0xfffd, length: next - at };
}

function digitOf(code: number): number | undefined {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined;
}
