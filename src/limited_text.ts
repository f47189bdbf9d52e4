/**
 * Small texts from outside: token files, answers of token services. Whatever is
 * longer than any of them is refused before it fills the memory.
 */

import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { toText } from "@std/streams/to-text";

/** The longest that is known, an identity token with many groups, is 20 KiB. */
const MAX_BYTES = 256 * 1024;

/**
 * Reads a stream to its end.
 *
 * @throws {RangeError} It is too long.
 */
export async function limitedText(
  stream: ReadableStream<Uint8Array> | null,
  maxBytes: number = MAX_BYTES,
): Promise<string> {
  if (stream === null) return "";
  const limit = new LimitedBytesTransformStream(maxBytes, { error: true });
  return await toText(stream.pipeThrough(limit));
}

/**
 * Reads a file.
 *
 * @throws {RangeError} It is too long.
 */
export async function limitedFile(
  path: string,
  maxBytes: number = MAX_BYTES,
): Promise<string> {
  const file = await Deno.open(path);
  return await limitedText(file.readable, maxBytes);
}
