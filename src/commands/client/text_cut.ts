/**
 * Taking a member out of a text, and no comment with it.
 *
 * @module
 */

/** A member between braces, by offsets into the text. */
export interface BracedMember {
  /** Behind the opening brace. */
  readonly open: number;
  /** At the closing brace. */
  readonly close: number;
  readonly start: number;
  readonly end: number;
  /** Where the member before it ends, if there is one. */
  readonly previousEnd: number | undefined;
}

/** A part of a text, from one offset to before another. */
type Span = readonly [start: number, end: number];

/**
 * Takes out a member between braces, and the comma that it leaves over.
 *
 * @param text The text.
 * @param member Where the member is.
 * @param comment What a comment looks like in the text's language.
 * @returns The text without it.
 */
export function cutMember(
  text: string,
  { open, close, start, end, previousEnd }: BracedMember,
  comment: RegExp,
): string {
  const others = text.slice(open, start) + text.slice(end, close);
  if (/^[\s,]*$/.test(others)) return text.slice(0, open) + text.slice(close);
  const member: Span = [start, end];
  const after = commaFrom(text, end, comment);
  if (after !== undefined) return cut(text, [member, after]);
  // Not every reader takes a comma before the brace.
  const before = previousEnd === undefined
    ? undefined
    : commaFrom(text, previousEnd, comment);
  return cut(text, before === undefined ? [member] : [before, member]);
}

/**
 * Takes out what stands on lines of its own, a comment behind it aside.
 *
 * @param text The text.
 * @param start Where it begins.
 * @param end Where it ends.
 * @returns The text without it.
 */
export function cutLines(text: string, start: number, end: number): string {
  return cut(text, [[start, end]]);
}

/** The next comma, if nothing but comments is before it. */
function commaFrom(
  text: string,
  offset: number,
  comment: RegExp,
): Span | undefined {
  // One after the other: as one expression, a line of `#####` could be taken
  // for one comment or for many, and it would try them all.
  const blank = new RegExp(`\\s+|${comment.source}`, "y");
  let at = offset;
  for (;;) {
    blank.lastIndex = at;
    if (!blank.test(text)) break;
    at = blank.lastIndex;
  }
  return text[at] === "," ? [at, at + 1] : undefined;
}

/** Cuts from the end on, so that the offsets before it stay right. */
function cut(text: string, spans: readonly Span[]): string {
  return joined(text, spans).reduceRight((text, span) => {
    const [start, end] = withBlanks(text, span);
    return text.slice(0, start) + text.slice(end);
  }, text);
}

/** Spans with nothing but blanks between them become one. */
function joined(text: string, spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const [start, end] of spans) {
    const last = all.at(-1);
    const isNext = last && /^[ \t]*$/.test(text.slice(last[1], start));
    if (isNext) all.pop();
    all.push([isNext ? last[0] : start, end]);
  }
  return all;
}

/** A span with the blanks, or the whole line, that nobody needs without it. */
function withBlanks(text: string, [start, end]: Span): Span {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const before = text.slice(lineStart, start);
  const gap = /^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0;
  const rest = text.slice(end + gap);
  const isFirst = before.trim() === "";
  const eol = /^(?:\r?\n|$)/.exec(rest)?.[0];
  if (eol !== undefined) {
    return isFirst
      ? [lineStart, end + gap + eol.length]
      : [lineStart + before.trimEnd().length, end + gap];
  }
  const isComment = /^(?:#|\/[/*])/.test(rest);
  const isNeedless = isFirst || /[ \t]$/.test(before) ||
    (before.endsWith("{") && !isComment);
  return [start, isNeedless ? end + gap : end];
}
