/**
 * Messages that two readers may read in two ways.
 *
 * @module
 */

import { memberAt, membersOf, type Range, whole } from "./splice.ts";

/**
 * The name that stands twice in a message or in its parameters, when there is
 * one. Some readers take the first of two, some the last, and some make no
 * difference between `name` and `Name`.
 */
export function repeatedName(message: Uint8Array): string | undefined {
  const params = memberAt(message, ["params"]);
  const meta = memberAt(message, ["params", "_meta"]);
  for (const range of [whole(message), params, meta]) {
    if (!range) continue;
    const seen = new Set<string>();
    for (const { name } of membersOf(message, range)) {
      const folded = fold(name);
      if (seen.has(folded)) return name;
      seen.add(folded);
    }
  }
  return undefined;
}

/**
 * Whether readers may differ on the member of a name: it stands twice in the
 * object, or in another case.
 */
export function isUnclear(
  name: string,
  text: Uint8Array,
  object: Range,
): boolean {
  const names = membersOf(text, object).map((member) => member.name)
    .filter((other) => fold(other) === fold(name));
  return names.length > 1 || names.some((other) => other !== name);
}

/** The name as readers see it that make no difference of case. */
function fold(name: string): string {
  // Their folding takes the long s and the Kelvin sign for letters, too.
  return name.toLowerCase().replaceAll("\u017f", "s");
}
