import { show } from "./_failure.ts";

/** Above this many cells the table of `commonLines` is not worth its memory. */
const MAX_CELLS = 4_000_000;

/** Both values a line each, `-` before what was found, `+` before what was wanted. */
export function diff(actual: unknown, expected: unknown): string {
  const found = lines(actual);
  const wanted = lines(expected);
  const out = ["- actual", "+ expected", ""];
  let i = 0;
  let j = 0;
  for (const [nextI, nextJ] of commonLines(found, wanted)) {
    out.push(...found.slice(i, nextI).map((line) => `- ${line}`));
    out.push(...wanted.slice(j, nextJ).map((line) => `+ ${line}`));
    out.push(`  ${found[nextI]}`);
    i = nextI + 1;
    j = nextJ + 1;
  }
  out.push(...found.slice(i).map((line) => `- ${line}`));
  out.push(...wanted.slice(j).map((line) => `+ ${line}`));
  return out.join("\n");
}

function lines(value: unknown): string[] {
  return typeof value === "string"
    ? value.split(/(?<=\n)/).map((line) => JSON.stringify(line))
    : show(value).split("\n");
}

/** The places of a longest common subsequence, in both lists. */
function commonLines(a: string[], b: string[]): [number, number][] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (
    tail < a.length - head && tail < b.length - head &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) tail++;

  const common: [number, number][] = [];
  for (let k = 0; k < head; k++) common.push([k, k]);
  common.push(...middle(a, b, head, a.length - tail, b.length - tail));
  for (let k = tail; k > 0; k--) common.push([a.length - k, b.length - k]);
  return common;
}

function middle(
  a: string[],
  b: string[],
  start: number,
  endA: number,
  endB: number,
): [number, number][] {
  const rows = endA - start;
  const columns = endB - start;
  if (rows * columns > MAX_CELLS) return [];

  // lengths[i][j]: how many lines a from start + i and b from start + j share.
  const lengths = Array.from(
    { length: rows + 1 },
    () => new Uint32Array(columns + 1),
  );
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      lengths[i][j] = a[start + i] === b[start + j]
        ? lengths[i + 1][j + 1] + 1
        : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }

  const common: [number, number][] = [];
  let i = 0;
  let j = 0;
  while (i < rows && j < columns) {
    if (a[start + i] === b[start + j]) {
      common.push([start + i++, start + j++]);
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) {
      i++;
    } else {
      j++;
    }
  }
  return common;
}
