/** All of a stream of text or of UTF-8, as one string. */
export async function toText(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  for await (const chunk of chunks(stream)) {
    parts.push(
      typeof chunk === "string"
        ? chunk
        : decoder.decode(chunk, { stream: true }),
    );
  }
  parts.push(decoder.decode());
  return parts.join("");
}

/** One type for the loop: a union of streams has no iterator of its own. */
function chunks(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): AsyncIterable<string | Uint8Array> {
  return stream;
}
