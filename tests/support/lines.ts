/** Lines from a stream of bytes. */

import { joinBytes } from "./bytes.ts";

/** A line as it came, without its newline. */
export class Line {
  /** The bytes of it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `false` for what stood at the end of the stream without a newline. */
  readonly isWhole: boolean;
  #text: string | undefined;
  #parsed: { readonly value: unknown } | undefined;

  /**
   * @param bytes The bytes of it.
   * @param isWhole Whether a newline followed.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, isWhole: boolean) {
    this.bytes = bytes;
    this.isWhole = isWhole;
  }

  /** The line as text. */
  get text(): string {
    return this.#text ??= new TextDecoder().decode(this.bytes);
  }

  /** The line as JSON, or `undefined` when it is none. */
  get value(): unknown {
    return (this.#parsed ??= { value: parse(this.text) }).value;
  }

  /** A field of the line's JSON object. */
  field(name: string): unknown {
    const { value } = this;
    if (typeof value !== "object" || value === null) return undefined;
    return Reflect.get(value, name);
  }

  /** The code of the line's error, where it is an answer with one. */
  get errorCode(): unknown {
    const error = this.field("error");
    return typeof error === "object" && error !== null
      ? Reflect.get(error, "code")
      : undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Splits a stream into its lines. */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Line, void> {
  let parts: Uint8Array[] = [];
  for await (const chunk of stream) {
    let from = 0;
    for (
      let end = chunk.indexOf(0x0a);
      end !== -1;
      end = chunk.indexOf(0x0a, from)
    ) {
      yield new Line(joinBytes([...parts, chunk.subarray(from, end)]), true);
      parts = [];
      from = end + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  }
  if (parts.length > 0) yield new Line(joinBytes(parts), false);
}
