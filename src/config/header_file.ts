/**
 * A file of headers: one a line.
 *
 * @module
 */

import { quotePath, readTextFile } from "./text_file.ts";

/** A header as it stands in a file. */
export interface HeaderLine {
  /** `Name: value`. */
  readonly text: string;
  /** Where it stands, such as `line 3 of 'headers'`. */
  readonly place: string;
}

/** What a file of headers holds. */
export interface HeaderFileReading {
  /** The lines, those that are blank or begin with `#` left out. */
  readonly lines: readonly HeaderLine[];
  /** Why the file cannot be read: its path, and what is wrong. */
  readonly fault?: string;
}

/**
 * Reads a file of headers.
 *
 * @param path The path as it was given.
 * @returns The lines, not yet looked at, or what is wrong with the file.
 */
export async function readHeaderFile(path: string): Promise<HeaderFileReading> {
  const reading = await readTextFile(path);
  if ("fault" in reading) return { lines: [], fault: reading.fault };
  const lines = reading.text.split(/\r?\n/).flatMap((line, index) => {
    const text = line.trim();
    return text === "" || text.startsWith("#")
      ? []
      : [{ text, place: `line ${index + 1} of ${quotePath(path)}` }];
  });
  return { lines };
}
