/**
 * Text files that an option names.
 *
 * @module
 */

import { limitedFile } from "../limited_text.ts";
import { type Need, permissionAdvice } from "../permissions.ts";
import type { HeaderLine } from "./extra_headers.ts";

/** What a file holds, or why it could not be read. */
export type FileReading =
  | { readonly text: string }
  | {
    /** Completes "the file …": its path, and what is wrong. */
    readonly fault: string;
  };

/** Longer than any bundle of certificates; a device has no end. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads a file.
 *
 * @param path The path as it was given.
 * @returns The text, without a byte order mark, or what is wrong.
 */
export async function readTextFile(path: string): Promise<FileReading> {
  try {
    return { text: await limitedFile(path, MAX_BYTES) };
  } catch (error) {
    return { fault: `${quotePath(path)} ${reasonOf(error, path)}` };
  }
}

/**
 * Reads a file of headers.
 *
 * @param path The path as it was given.
 * @returns The lines, not yet looked at, or what is wrong with the file.
 */
export async function readHeaderFile(path: string): Promise<
  { readonly lines: readonly HeaderLine[]; readonly fault?: string }
> {
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

/** A path in a form fit for one line. */
export function quotePath(path: string): string {
  return `'${path.replace(/[\p{Cc}\u2028\u2029]/gu, "?")}'`;
}

function reasonOf(error: unknown, path: string): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.NotCapable) {
    const need: Need = { kind: "read", value: path, why: "read the file" };
    return `may not be read: ${permissionAdvice([need])}`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return "cannot be read: the system denies it";
  }
  if (error instanceof RangeError) return "is longer than 4 MiB";
  if (error instanceof Deno.errors.IsADirectory) return "is a directory";
  return `cannot be read (${error instanceof Error ? error.name : "Error"})`;
}
