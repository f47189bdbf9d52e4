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
    const all = headersIn(headers);
    if (start === this.#start && this.#areAlike(all)) return "";
    const text = JSON.stringify([start, all]);
    this.#start = text.length > MAX_LENGTH ? undefined : start;
    this.#headers = all;
    this.#count = 0;
    this.#parts.clear();
    for (const name in all) {
      this.#count++;
      const part = shownPart(name, all[name]);
      if (part !== undefined) this.#parts.set(name, part);
    }
    return text;
  }

  #areAlike(headers: Readonly<Record<string, string>>): boolean {
    let left = this.#count;
    for (const name in headers) {
      left--;
      const value = headers[name];
      const before = this.#headers[name];
      if (value === before) continue;
      const part = this.#parts.get(name);
      if (part === undefined || !value.startsWith(part)) return false;
      if (value.length !== before.length) return false;
    }
    return left === 0;
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
