/**
 * HTTP/1.1 answers from the bytes of a connection, read as strictly as a client
 * can: whatever two clients could read in two ways is an error.
 */

/** An answer, read whole. */
export interface RawAnswer {
  readonly status: number;
  /** The header lines, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** What a connection brought. */
export interface RawAnswers {
  readonly answers: readonly RawAnswer[];
  /** What is there beyond the last answer that is whole. */
  readonly rest: string;
}

/**
 * Reads the answers of a connection.
 *
 * @param text What came, as Latin-1.
 * @returns The answers.
 * @throws {Error} One is framed in more than one way, or in none.
 */
export function readAnswers(text: string): RawAnswers {
  const answers: RawAnswer[] = [];
  for (;;) {
    const found = readAnswer(text);
    if (found === undefined) return { answers, rest: text };
    answers.push(found.answer);
    text = found.rest;
  }
}

function readAnswer(
  text: string,
): { answer: RawAnswer; rest: string } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const [, code] = /^HTTP\/1\.1 ([2-5]\d\d) [\w '-]+$/.exec(first) ?? [];
  if (code === undefined) throw new Error(`no status line: ${first}`);
  const headers = lines.map((line) => {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): *(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`no header: ${line}`);
    return [name.toLowerCase(), value] as const;
  });
  const status = Number(code);
  const framed = takeBody(status, headers, text.slice(end + 4));
  return framed &&
    { answer: { status, headers, body: framed.body }, rest: framed.rest };
}

function takeBody(
  status: number,
  headers: RawAnswer["headers"],
  text: string,
): { body: string; rest: string } | undefined {
  const [length, ...lengths] = valuesOf(headers, "content-length");
  const [coding, ...codings] = valuesOf(headers, "transfer-encoding");
  if (lengths.length > 0 || codings.length > 0 || (length && coding)) {
    throw new Error(`framed twice: ${JSON.stringify(headers)}`);
  }
  if (status === 204 || status === 304) {
    if (length ?? coding) throw new Error(`a ${status} has a length`);
    return { body: "", rest: text };
  }
  if (length !== undefined) {
    if (!/^\d+$/.test(length)) throw new Error(`no length: ${length}`);
    const size = Number(length);
    if (text.length < size) return undefined;
    return { body: text.slice(0, size), rest: text.slice(size) };
  }
  if (coding !== "chunked") throw new Error(`framed by nothing: ${coding}`);
  let body = "";
  for (;;) {
    const [line, hex] = /^([0-9a-f]+)\r\n/.exec(text) ?? [];
    if (line === undefined) return undefined;
    const size = parseInt(hex, 16);
    const after = line.length + size;
    if (text.length < after + 2) return undefined;
    if (text.slice(after, after + 2) !== "\r\n") throw new Error("no chunk");
    body += text.slice(line.length, after);
    text = text.slice(after + 2);
    if (size === 0) return { body, rest: text };
  }
}

function valuesOf(headers: RawAnswer["headers"], wanted: string): string[] {
  return headers.filter(([name]) => name === wanted).map(([, value]) => value);
}
