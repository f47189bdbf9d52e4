/**
 * Puts metadata into the requests that pass.
 *
 * @module
 */

import type { Link } from "./link.ts";
import {
  type BatchMessage,
  isObject,
  type RequestMessage,
  type SingleMessage,
} from "./message.ts";
import {
  insertMembers,
  memberAt,
  membersOf,
  replaceRange,
  whole,
} from "./splice.ts";

/**
 * Keys and values of `params._meta`.
 *
 * @example
 * ```ts
 * import type { Metadata } from "@scope/sigv4-proxy";
 *
 * const metadata: Metadata = [["example.com/team", "billing"]];
 * if (metadata[0][1] !== "billing") throw new Error("a key and its value");
 * ```
 */
export type Metadata = readonly (readonly [key: string, value: string])[];

/**
 * A link that gives each request the metadata which it does not have itself.
 */
export function withMetadata(link: Link, metadata: Metadata): Link {
  return {
    accept: (bytes, message) =>
      link.accept(addMetadata(bytes, message, metadata), message),
    drain: (patience) => link.drain(patience),
    close: (limitMs) => link.close(limitMs),
  };
}

/** The frame with the metadata that its requests do not have. */
export function addMetadata(
  bytes: Uint8Array,
  message: SingleMessage | BatchMessage,
  metadata: Metadata,
): Uint8Array {
  if (message.kind === "request") {
    return addToRequest(bytes, message, metadata);
  }
  if (message.kind !== "batch") return bytes;
  // From the last to the first, so that no place moves before it is used.
  const parts = membersOf(bytes, whole(bytes));
  return message.messages.reduceRight((text, single, index) => {
    if (single.kind !== "request") return text;
    const { start, end } = parts[index];
    const request = addToRequest(text.subarray(start, end), single, metadata);
    const source = new TextDecoder().decode(request);
    return replaceRange(text, { start, end }, source);
  }, bytes);
}

function addToRequest(
  bytes: Uint8Array,
  { params }: RequestMessage,
  metadata: Metadata,
): Uint8Array {
  const present = isObject(params) && isObject(params._meta)
    ? params._meta
    : {};
  return insertMeta(
    bytes,
    params,
    metadata.filter(([key]) => !Object.hasOwn(present, key))
      .map(([key, value]) => [key, JSON.stringify(value)]),
  );
}

/**
 * The frame of a message with members put into its `params._meta`; parameters
 * or metadata that are no objects are left alone.
 *
 * @param members Names, and values as JSON.
 */
export function insertMeta(
  bytes: Uint8Array,
  params: unknown,
  members: readonly (readonly [name: string, source: string])[],
): Uint8Array {
  if (members.length === 0) return bytes;
  if (params !== undefined && !isObject(params)) return bytes;
  if (params?._meta !== undefined && !isObject(params._meta)) return bytes;
  const text = members
    .map(([name, source]) => `${JSON.stringify(name)}:${source}`)
    .join(",");
  const meta = memberAt(bytes, ["params", "_meta"]);
  if (meta) return insertMembers(bytes, meta, text);
  const range = memberAt(bytes, ["params"]);
  if (range) return insertMembers(bytes, range, `"_meta":{${text}}`);
  return insertMembers(bytes, whole(bytes), `"params":{"_meta":{${text}}}`);
}
