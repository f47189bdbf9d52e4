type Place = Record<"dev" | "ino", number | null>;

/** Whether two looks were at one file, whatever its names. */
export function isSameFile(a: Place, b: Place): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}
