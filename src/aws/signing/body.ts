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

const EMPTY_HASH =
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The body of a request: read, unless it need not be for the signature. */
export async function bodyOfRequest(
  request: Request,
  unsigned: boolean,
): Promise<SigningBody> {
  return unsigned && request.body !== null
    ? { payloadHash: UNSIGNED_PAYLOAD, send: request.body }
    : bodyOfBytes(await request.bytes(), unsigned);
}

/**
 * A body as it is given to `fetch`. Bytes are hashed as they are; a form is
 * encoded, a stream read once, unless it need not be for the signature. What
 * need not be read is no promise, which costs less than the hash.
 */
export function bodyOfInit(
  body: BodyInit | null | undefined,
  unsigned: boolean,
): SigningBody | Promise<SigningBody> {
  if (body === null || body === undefined) {
    return bodyOfBytes(new Uint8Array(), unsigned);
  }
  if (body instanceof Blob) return bodyOfBlob(body, unsigned);
  if (typeof body === "string") {
    const bytes = new TextEncoder().encode(body);
    const contentType = "text/plain;charset=UTF-8";
    return { ...bodyOfBytes(bytes, unsigned), contentType };
  }
  if (body instanceof ArrayBuffer) {
    return bodyOfBytes(new Uint8Array(body), unsigned);
  }
  if (ArrayBuffer.isView(body)) {
    const { buffer, byteOffset: at, byteLength: length } = body;
    return bodyOfBytes(new Uint8Array(buffer, at, length), unsigned);
  }
  return bodyOfEncoded(body, unsigned);
}

async function bodyOfEncoded(
  body: BodyInit,
  unsigned: boolean,
): Promise<SigningBody> {
  const encoded = new Response(body);
  const contentType = encoded.headers.get("content-type") ?? undefined;
  if (unsigned && body instanceof ReadableStream) {
    return { payloadHash: UNSIGNED_PAYLOAD, send: encoded.body };
  }
  return { ...bodyOfBytes(await encoded.bytes(), unsigned), contentType };
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

function bodyOfBytes(
  bytes: Uint8Array<ArrayBuffer>,
  unsigned: boolean,
): SigningBody {
  // An empty Blob would go as a chunked body of no chunks.
  const send = bytes.length === 0 ? null : new Blob([bytes]);
  if (unsigned) return { payloadHash: UNSIGNED_PAYLOAD, send };
  return { payloadHash: send === null ? EMPTY_HASH : sha256Hex(bytes), send };
}
