/**
 * Response bodies: one JSON text, or a stream of events.
 *
 * @module
 */

import { EventParser, type ServerEvent } from "./events.ts";
import { joinBytes } from "./frames.ts";

/** The media type of a response, without parameters, in lower case. */
export function mediaType(response: Response): string {
  const [type] = (response.headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase();
}

/**
 * Reads a body to its end; `undefined` when it is over the limit, and then
 * lets go of it.
 *
 * @throws What the connection failed with.
 */
export async function readBody(
  response: Response,
  options: { maxBytes: number; onChunk?: () => void },
): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let byteLength = 0;
  for await (const chunk of response.body ?? []) {
    options.onChunk?.();
    byteLength += chunk.length;
    if (byteLength > options.maxBytes) return undefined;
    pieces.push(chunk);
  }
  return joinBytes(pieces);
}

/** Lets go of a body that nobody reads. */
export async function discardBody(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // It had failed already.
  }
}

/** The events of a response, one by one as they come. */
export async function* readEvents(
  response: Response,
  options: { maxDataBytes: number; onChunk?: () => void },
): AsyncGenerator<ServerEvent> {
  const parser = new EventParser(options);
  for await (const chunk of response.body ?? []) {
    options.onChunk?.();
    yield* parser.feed(chunk);
  }
}
