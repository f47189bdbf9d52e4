/**
 * Texts that are too large to be parsed whole: what is read of them is found
 * by the scanner, and parsed piece by piece, under a limit.
 */

import { Turn } from "../../time.ts";
import { OPEN_BRACE } from "./bytes.ts";
import { type Member, TopLevelScanner } from "./scan.ts";

/** Up to this size `JSON.parse` is faster, and what it makes is small. */
export const SMALL_BYTES = 64 * 1024;

/**
 * What stands for a value that is too large to be read. It is neither a string
 * nor an object, so that nothing takes it for one that says something.
 */
export const UNREAD: unique symbol = Symbol("unread");

/** How much is parsed of one value: a value takes some 60 bytes. */
interface ReadLimits {
  bytes: number;
  values: number;
}

/** For what is read of every frame, all its messages together. It is kept. */
const GLANCE: Readonly<ReadLimits> = { bytes: 256 * 1024, values: 64 * 1024 };

/** For what an option, or the protocol, demands to be read. */
const WHOLE: Readonly<ReadLimits> = { bytes: Infinity, values: 75_000 };

/** Of an array: its elements, their members, and two levels inside of them. */
const LEVELS = 4;

/** A piece is scanned in about a millisecond. */
const PIECE_BYTES = 64 * 1024;

const decoder = new TextDecoder();

/** What was found in a text, so that nobody has to look again. */
interface Scan extends Pick<TopLevelScanner, "root" | "isEnded" | "isUtf8"> {
  /** How much of it may still be parsed at a glance. */
  readonly left: ReadLimits;
}

const scans = new WeakMap<Uint8Array, Scan>();

function keep(text: Uint8Array, scanner: TopLevelScanner): Scan {
  scanner.end();
  const { root, isEnded, isUtf8 } = scanner;
  const scan = { root, isEnded, isUtf8, left: { ...GLANCE } };
  scans.set(text, scan);
  return scan;
}

/** Scans a text that is not small; it is not to be changed after. */
export function scanLarge(text: Uint8Array): Scan {
  return scans.get(text) ??
    keep(text, new TopLevelScanner({ levels: LEVELS }).feed(text));
}

/** The same, while others have their turn; a small text is left alone. */
export async function scanInTurns(text: Uint8Array): Promise<void> {
  if (text.length <= SMALL_BYTES || scans.has(text)) return;
  const scanner = new TopLevelScanner({ levels: LEVELS });
  const turn = new Turn();
  for (let at = 0; at < text.length; at += PIECE_BYTES) {
    scanner.feed(text.subarray(at, at + PIECE_BYTES));
    if (turn.isOver) await turn.next();
  }
  keep(text, scanner);
}

/** The one value of a text, and what is inside of it. */
export function rootOf(text: Uint8Array): Member {
  const { root } = scans.has(text) || text.length > SMALL_BYTES
    ? scanLarge(text)
    : new TopLevelScanner({ levels: LEVELS }).feed(text);
  return root ?? { name: "", start: 0, end: 0, source: undefined };
}

/** A part of a text as a text of its own; what was found in it still holds. */
export function partOf(text: Uint8Array, member: Member): Uint8Array {
  const { start, end, members } = member;
  const part = text.subarray(start, end);
  const isKnown = members !== undefined && part.length > SMALL_BYTES;
  if (isKnown) {
    const root = moved(member, -start);
    const left = { ...GLANCE };
    scans.set(part, { root, isEnded: true, isUtf8: true, left });
  }
  return part;
}

/** A member by its place in another text. */
export function moved(member: Member, by: number): Member {
  return {
    ...member,
    start: member.start + by,
    end: member.end + by,
    members: member.members?.map((inner) => moved(inner, by)),
  };
}

/**
 * A value as far as a glance may go; what is beyond is {@linkcode UNREAD}. Of
 * an object of too many members those are read that are known.
 */
export function glanceAt(text: Uint8Array, member: Member): unknown {
  return read(text, member, scanLarge(text).left);
}

/** A value, whole if it can be had without harm, else as a glance. */
export function parseMember(text: Uint8Array, member: Member): unknown {
  return read(text, member, { ...WHOLE });
}

/** Takes what it parses off the limits. */
function read(
  text: Uint8Array,
  member: Member,
  left: ReadLimits,
  isOuter = true,
): unknown {
  const { start, end, values = Infinity, source, members, isPartial } = member;
  if (source !== undefined) return JSON.parse(source);
  const byteLength = end - start;
  if (byteLength <= left.bytes && values <= left.values) {
    left.bytes -= byteLength;
    left.values -= values;
    return JSON.parse(decoder.decode(text.subarray(start, end)));
  }
  if (!members || text[start] !== OPEN_BRACE) return UNREAD;
  // What of an object is not kept may say something else.
  if (isPartial && !isOuter) return UNREAD;
  const limits = left.bytes === Infinity ? { ...GLANCE } : left;
  const object: Record<string, unknown> = {};
  for (const inner of members) {
    Object.defineProperty(object, inner.name, {
      value: read(text, inner, limits, false),
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return object;
}
