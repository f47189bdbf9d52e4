/**
 * Sizes in bytes as people write them: `64MiB`, `10MB`, `512KiB`, `4096`.
 *
 * @module
 */

/** Bytes in each unit, without regard to case. */
const UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["b", 1],
  ["kb", 1e3],
  ["mb", 1e6],
  ["gb", 1e9],
  ["kib", 2 ** 10],
  ["mib", 2 ** 20],
  ["gib", 2 ** 30],
]);

const SIZE = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i;

/**
 * Reads a size.
 *
 * @param text A number, with a unit or without.
 * @returns Bytes, or `undefined` when the text is no whole number of them.
 */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const unit = UNITS_BYTES.get(match[2].toLowerCase());
  if (unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
