/**
 * Blobs whose bytes are still at hand, so that a signer need not read them
 * back to hash them.
 *
 * @module
 */

const held = new WeakMap<Blob, Uint8Array<ArrayBuffer>>();

/**
 * The body for some bytes. Deno's fetch sends a request with bytes or a string
 * again, in silence, when a kept connection breaks before the answer; one with
 * a `Blob` fails instead.
 */
export function blobOf(bytes: Uint8Array): Blob {
  const own = isUnshared(bytes) ? bytes : bytes.slice();
  const blob = new Blob([own]);
  held.set(blob, own);
  return blob;
}

/** The bytes of a Blob made by {@linkcode blobOf}, for the first who asks. */
export function takeBytes(blob: Blob): Uint8Array<ArrayBuffer> | undefined {
  const bytes = held.get(blob);
  held.delete(blob);
  return bytes;
}

/** The bytes of a Blob, which are read back only where they are not at hand. */
export function bytesOf(
  blob: Blob,
): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  return held.get(blob) ?? blob.bytes();
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}
