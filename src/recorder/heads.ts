/**
 * The heads of HTTP requests, or of answers. Most of them are as the one before,
 * but for a signature that no recording shows: to see that costs a fifth of what
 * it costs to note them.
 */

import { shownPart } from "./values.ts";

/** What is longer than this may find no room, and is like no other. */
const MAX_LENGTH = 64 * 1024;

/** The heads of one kind, each beside the one before. */
export class Heads {
  #start: string | undefined;
  #headers: Readonly<Record<string, string>> = {};
  readonly #parts = new Map<string, string>();
  #count = 0;

  /** A head as text; an empty one if it is shown as the one before is. */
  textOf(start: string, headers: HeadersInit): string {
    if (start === this.#start && this.#areAlike(headers)) return "";
    this.#headers = headersIn(headers);
    this.#parts.clear();
    const all = Object.entries(this.#headers);
    this.#count = all.length;
    for (const [name, value] of all) {
      const part = shownPart(name, value);
      if (part !== undefined) this.#parts.set(name, part);
    }
    const text = JSON.stringify([start, this.#headers]);
    this.#start = text.length > MAX_LENGTH ? undefined : start;
    return text;
  }

  #areAlike(headers: HeadersInit): boolean {
    let left = this.#count;
    const compare = (value: string, name: string): void => {
      left = this.#isAlike(name, value) ? left - 1 : NaN;
    };
    if (headers instanceof Headers) headers.forEach(compare);
    else {
      const all = headersIn(headers);
      for (const name in all) compare(all[name], name);
    }
    return left === 0;
  }

  #isAlike(name: string, value: string): boolean {
    const before = this.#headers[name];
    if (value === before) return true;
    const part = this.#parts.get(name);
    return part !== undefined && value.length === before.length &&
      value.startsWith(part);
  }
}

/** Headers as an object. */
function headersIn(headers: HeadersInit): Record<string, string> {
  if (!(headers instanceof Headers)) {
    return Symbol.iterator in headers ? Object.fromEntries(headers) : headers;
  }
  // To go through them in another way costs twice as much.
  const texts: Record<string, string> = {};
  headers.forEach((value, name) => texts[name] = value);
  return texts;
}
