/** Text files that an option names. */

import { limitedFile } from "../limited_text.ts";
import { type Need, permissionAdvice } from "../permissions.ts";

/** Longer than any bundle of certificates; a device has no end. */
const MAX_BYTES = 4 * 1024 * 1024;

/** The text of a file, without a byte order mark, or what is wrong. */
export async function readTextFile(
  path: string,
): Promise<{ readonly text: string } | { readonly fault: string }> {
  try {
    return { text: await limitedFile(path, MAX_BYTES) };
  } catch (error) {
    return { fault: `${quotePath(path)} ${reasonOf(error, path)}` };
  }
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
