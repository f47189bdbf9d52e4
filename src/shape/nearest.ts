/** What a word that is misspelt is meant for. */

/**
 * Finds the candidate nearest to a word, if one is near: the one with a part
 * that is the word, or else the one that the fewest changed letters make of it.
 */
export function nearest(
  word: string,
  candidates: readonly string[],
): string | undefined {
  const wanted = word.toLowerCase().replaceAll("_", "-");
  const part = candidates.find((candidate) =>
    candidate.toLowerCase() === wanted || candidate.split("-").includes(wanted)
  );
  if (part !== undefined) return part;

  let best: string | undefined;
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const changes = distance(wanted, candidate.toLowerCase());
    if (changes >= least) continue;
    least = changes;
    best = candidate;
  }
  return best;
}

/**
 * Letters inserted, removed, replaced, or swapped with the next, to make one
 * word of the other.
 */
export function distance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, place) => place);
  for (let row = 0; row < from.length; row++) {
    const line = [row + 1];
    for (let column = 0; column < to.length; column++) {
      const isSwapped = row > 0 && column > 0 &&
        from[row] === to[column - 1] && from[row - 1] === to[column];
      line.push(Math.min(
        above[column] + (from[row] === to[column] ? 0 : 1),
        above[column + 1] + 1,
        line[column] + 1,
        isSwapped ? before[column - 1] + 1 : Infinity,
      ));
    }
    before = above;
    above = line;
  }
  return above[to.length];
}
