/**
 * A text as its readers may decode it: percent-encoding, the escapes of JSON
 * and of programming languages, the references of HTML and XML.
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

const ESCAPE =
  /(?:%|\\x|\b0x)([\dA-Fa-f]{2})|\\u\{([\dA-Fa-f]{1,6})\}?|\\u([\dA-Fa-f]{4})|&#[Xx]([\dA-Fa-f]{1,12});?|&#(\d{1,12});?|&([A-Za-z]{2,8});|\\([^])/g;

/** The named references of XML. */
export const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/**
 * A text and what it decodes to, layer by layer. Each is no longer than the
 * one before, so the work grows with the text's length alone.
 */
export function viewsOf(text: string): View[] {
  const views: View[] = [{ text }];
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const next = decode(views[layer]);
    if (next === undefined) break;
    views.push(next);
  }
  return views;
}

export function fullyDecoded(text: string): string {
  return viewsOf(text).at(-1)?.text ?? text;
}

/** Takes one layer off; `undefined` when there is none. */
function decode({ text, origin: before }: View): View | undefined {
  const parts: string[] = [];
  const origin = new Uint32Array(text.length + 1);
  let length = 0;
  let at = 0;
  const take = (end: number): void => {
    parts.push(text.slice(at, end));
    for (; at < end; at++) origin[length++] = before?.[at] ?? at;
  };
  for (const match of text.matchAll(ESCAPE)) {
    take(match.index);
    parts.push(characterOf(match));
    origin[length++] = before?.[at] ?? at;
    at += match[0].length;
  }
  if (at === 0) return undefined;
  take(text.length);
  origin[length] = before?.[at] ?? at;
  return { text: parts.join(""), origin: origin.subarray(0, length + 1) };
}

/** The one character that an escape stands for. */
function characterOf(
  [, byte, point, unit, hex, decimal, name, plain]: RegExpExecArray,
): string {
  // A letter after a backslash stands for a control character: `\n`.
  if (plain !== undefined) return /[a-z]/i.test(plain) ? " " : plain;
  // Those of HTML for the signs of Base64, `&sol;`, are signs as well.
  if (name !== undefined) return ENTITIES.get(name) ?? " ";
  const code = decimal === undefined
    ? parseInt(byte ?? point ?? unit ?? hex, 16)
    : Number(decimal);
  return String.fromCharCode(code < 0x10000 ? code : 0xfffd);
}
