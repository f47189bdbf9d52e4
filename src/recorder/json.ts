/**
 * JSON as it was written: numbers keep their digits, members their order, and
 * one that is there twice is there twice. `JSON.parse` keeps none of that, and a
 * replay has to say what was said.
 */

/** The raw text of a string, a number or a word; a list; an object. */
export type Json = string | Json[] | JsonObject;

/** The members of an object, each with its name as it was written, too. */
export class JsonObject {
  readonly members: [name: string, value: Json, rawName: string][] = [];

  /** The last member of a name, which is the one that counts. */
  get(name: string): Json | undefined {
    return this.members.findLast(([own]) => own === name)?.[1];
  }
}

/** What is nested deeper is left out: who goes through it has a stack. */
const MAX_DEPTH = 256;

/** A number or a word. */
const WORD = /[-\w.+]+/y;

/** Reads a text; `undefined` if it is no JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const found: Json[] = [];
  const stack: (Json[] | JsonObject)[] = [found];
  let rawName: string | undefined;
  let skipped = 0;
  const add = (value: Json): void => {
    const into = stack[stack.length - 1];
    if (!(into instanceof JsonObject)) into.push(value);
    else if (rawName === undefined && typeof value === "string") {
      rawName = value;
    } else if (rawName !== undefined) {
      into.members.push([textOf(rawName) ?? "", value, rawName]);
      rawName = undefined;
    }
  };
  for (let at = 0; at < text.length;) {
    const sign = text[at];
    if (sign === "{" || sign === "[") {
      at++;
      if (stack.length > MAX_DEPTH) {
        skipped++;
        continue;
      }
      const value = sign === "{" ? new JsonObject() : [];
      add(value);
      stack.push(value);
    } else if (sign === "}" || sign === "]") {
      at++;
      if (skipped === 0) stack.pop();
      else if (--skipped === 0) add("null");
    } else if (sign <= " " || sign === "," || sign === ":") at++;
    else {
      WORD.lastIndex = at;
      WORD.test(text);
      const end = sign === '"' ? endOfString(text, at) : WORD.lastIndex;
      if (skipped === 0) add(text.slice(at, end));
      at = end;
    }
  }
  return found[0];
}

/** Where the string ends that begins here, its quotes included. */
function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}

/** The text of it; with a line break that indents, for a person. */
export function writeJson(value: Json, line?: string): string {
  if (typeof value === "string") return value;
  const next = line && `${line}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((one) => writeJson(one, next))
    : value.members.map(([, one, name]) =>
      `${name}:${line ? " " : ""}${writeJson(one, next)}`
    );
  const [open, close] = isList ? "[]" : "{}";
  if (!next || parts.length === 0) return open + parts.join(",") + close;
  return open + next + parts.join(`,${next}`) + line + close;
}

/** What a string says; `undefined` of anything else. */
export function textOf(value: Json | undefined): string | undefined {
  if (typeof value !== "string" || value[0] !== '"') return undefined;
  return value.includes("\\") ? JSON.parse(value) : value.slice(1, -1);
}
