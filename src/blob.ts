/**
 * Blobs whose bytes are still at hand, so that a signer need not read them
 * back to hash them.
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

/** Large bytes that nobody looks at once they are hashed. */
const owned = new WeakSet<Uint8Array>();

/** What is no larger is left to the garbage collector. */
const SMALL_BYTES = 64 * 1024;

/**
 * Says that nobody else has these bytes: once there is a Blob of them, and its
 * hash, their memory is given back at once. Left to the garbage collector, it
 * would be there for tens of MiB of others.
 */
export function giveAway(bytes: Uint8Array): Uint8Array {
  if (bytes.length > SMALL_BYTES) owned.add(bytes);
  return bytes;
}

/** Takes that back: someone keeps the bytes. */
export function keep(bytes: Uint8Array): void {
  owned.delete(bytes);
}

/** Gives memory back that was given away. */
export function release(bytes: Uint8Array): void {
  if (owned.delete(bytes)) free(bytes);
}

/**
 * Gives a chunk's memory back at once. Left to the garbage collector, a large
 * answer would leave tens of MiB of chunks behind before they are looked at.
 */
export function free({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Gives bytes away in place of others, which are released if they were. */
export function replace(bytes: Uint8Array, by: Uint8Array): Uint8Array {
  if (bytes === by || !owned.has(bytes)) return by;
  release(bytes);
  return giveAway(by);
}

/**
 * The bytes of a Blob made by {@linkcode blobOf}: for the first who takes them,
 * and of a small one for whoever looks at it.
 */
export function takeBytes(blob: Blob): Uint8Array<ArrayBuffer> | undefined {
  const bytes = held.get(blob);
  if (blob.size > SMALL_BYTES) held.delete(blob);
  return bytes;
}

/** The bytes of a Blob, where they are at hand. */
export function heldBytes(blob: Blob): Uint8Array | undefined {
  return held.get(blob);
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
