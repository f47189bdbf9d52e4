/**
 * Splits a line into words, as the AWS CLI does: by Python's `shlex.split`,
 * and for commands on Windows by the rules of Windows.
 */

/**
 * Splits as a POSIX shell does, without comments, variables and operators.
 *
 * @throws {SyntaxError} A quotation is not closed, or the line ends in `\`.
 */
export function shellSplit(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  const chars = [...text];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at];
    if (char === quote) {
      quote = undefined;
    } else if (char === "\\" && quote !== "'") {
      const next = chars[++at];
      if (next === undefined) {
        throw new SyntaxError("it ends in a backslash that escapes nothing");
      }
      const isKept = quote !== undefined && next !== quote && next !== "\\";
      word = (word ?? "") + (isKept ? char : "") + next;
    } else if (quote !== undefined) {
      word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/[ \t\r\n]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== undefined) throw unclosed(quote);
  if (word !== undefined) words.push(word);
  return words;
}

/**
 * Splits as the C runtime of Windows does: a backslash escapes only a double
 * quote, or a backslash on the way to one.
 *
 * @throws {SyntaxError} A quotation is not closed.
 */
export function windowsSplit(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let isQuoted = false;
  for (const [part] of text.matchAll(/\\+"?|[^\\]/gsu)) {
    const slashes = part.lastIndexOf("\\") + 1;
    if (part.endsWith('"')) {
      word = (word ?? "") + "\\".repeat(Math.floor(slashes / 2));
      if (slashes % 2 === 1) word += '"';
      else isQuoted = !isQuoted;
    } else if (/^[ \t]$/.test(part) && !isQuoted) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + part;
    }
  }
  if (isQuoted) throw unclosed('"');
  if (word !== undefined) words.push(word);
  return words;
}

function unclosed(quote: string): SyntaxError {
  return new SyntaxError(`a quotation that begins with ${quote} has no end`);
}
