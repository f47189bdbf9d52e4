/** Words for a shell. */

/**
 * Joins words so that a POSIX shell reads them as they are.
 *
 * @param words The words.
 * @returns A text with quotes where they are needed.
 */
export function shellWords(words: readonly string[]): string {
  return words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
  ).join(" ");
}
