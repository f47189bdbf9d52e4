/** Bodies: what the signature says of them, and what is sent. */

import { release, takeBytes } from "../../blob.ts";
import { sha256Hex } from "./hash.ts";

export interface SigningBody {
  /** Its SHA-256 in hex, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string;
  /**
   * What is sent. Bytes go as a `Blob`: Deno's fetch sends a string or bytes
   * again, in silence, when a kept connection breaks before the answer; a Blob
   * never, and unlike a stream it still has a length.
   */
  readonly send: Blob | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** What `fetch` would set as `content-type` if nobody else does. */
  readonly contentType?: string;
}

export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/**
 * A body as it is given to `fetch`, or as a request has it: read once, unless it
 * need not be for the signature. What need not be read is no promise, which
 * costs less than the hash.
 */
export function bodyOfInit(
  body: BodyInit | null | undefined,
  unsigned: boolean,
): SigningBody | Promise<SigningBody> {
  return body instanceof Blob
    ? bodyOfBlob(body, unsigned)
    : bodyOfEncoded(body, unsigned);
}

async function bodyOfEncoded(
  body: BodyInit | null | undefined,
  unsigned: boolean,
): Promise<SigningBody> {
  const encoded = new Response(body);
  const contentType = encoded.headers.get("content-type") ?? undefined;
  if (unsigned && body instanceof ReadableStream) {
    return { payloadHash: UNSIGNED_PAYLOAD, send: encoded.body };
  }
  const bytes = await encoded.bytes();
  // An empty Blob would go as a chunked body of no chunks.
  const send = bytes.length === 0 ? null : new Blob([bytes]);
  const payloadHash = unsigned ? UNSIGNED_PAYLOAD : sha256Hex(bytes);
  return { payloadHash, send, contentType };
}

function bodyOfBlob(
  blob: Blob,
  unsigned: boolean,
): SigningBody | Promise<SigningBody> {
  const hashed = (payloadHash: string): SigningBody => ({
    payloadHash,
    send: blob.size === 0 ? null : blob,
    contentType: blob.type === "" ? undefined : blob.type,
  });
  const bytes = takeBytes(blob);
  if (bytes !== undefined) {
    const hash = unsigned ? UNSIGNED_PAYLOAD : sha256Hex(bytes);
    release(bytes);
    return hashed(hash);
  }
  if (unsigned) return hashed(UNSIGNED_PAYLOAD);
  return blob.bytes().then((bytes) => hashed(sha256Hex(bytes)));
}
