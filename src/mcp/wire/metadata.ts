/** Puts metadata into the requests that pass. */

import { isObject } from "../../json.ts";
import { OPEN_BRACE } from "./bytes.ts";
import { rootOf } from "./large_message.ts";
import { metaOf } from "./era.ts";
import type { Member } from "./scan.ts";
import type { RequestMessage, ValidMessage } from "./message.ts";
import {
  insertMembers,
  mapElements,
  memberAt,
  membersNamed,
  removeMembers,
  replaceRange,
} from "./splice.ts";

/** Keys and values of `params._meta`. */
export type Metadata = readonly (readonly [key: string, value: unknown])[];

/** A message, and its frame, with the metadata that its requests do not have. */
export function withMetadata(
  bytes: Uint8Array,
  message: ValidMessage,
  metadata: Metadata,
): readonly [bytes: Uint8Array, message: ValidMessage] {
  if (metadata.length === 0) return [bytes, message];
  if (message.kind === "request") {
    return requestWithMetadata(bytes, message, metadata);
  }
  if (message.kind !== "batch") return [bytes, message];
  const messages = [...message.messages];
  const frame = mapElements(bytes, rootOf(bytes), (element, index) => {
    const single = messages[index];
    if (single.kind !== "request") return element;
    const [part, request] = requestWithMetadata(element, single, metadata);
    messages[index] = request;
    return part;
  });
  return [frame, { ...message, messages }];
}

/** The same of a request. */
export function requestWithMetadata(
  bytes: Uint8Array,
  request: RequestMessage,
  metadata: Metadata,
): readonly [bytes: Uint8Array, request: RequestMessage] {
  const { params } = request;
  const present = metaOf(params);
  const members = metadata
    .filter(([key]) => !Object.hasOwn(present, key))
    .map(([key, value]) => [key, JSON.stringify(value)] as const);
  return [
    insertMeta(bytes, params, members),
    { ...request, params: paramsWithMetadata(params, metadata) },
  ];
}

/** Parameters of a request with the metadata that they do not have. */
export function paramsWithMetadata(
  params: unknown,
  metadata: Metadata,
): unknown {
  if (metadata.length === 0 || !mayHaveMeta(params)) return params;
  return {
    ...params,
    _meta: { ...Object.fromEntries(metadata), ...params?._meta },
  };
}

/** Parameters and metadata that are something else than objects are left alone. */
function mayHaveMeta(
  params: unknown,
): params is { _meta?: Record<string, unknown> } | undefined {
  if (params === undefined) return true;
  if (!isObject(params)) return false;
  return params._meta === undefined || isObject(params._meta);
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
  if (members.length === 0 || !mayHaveMeta(params)) return bytes;
  const text = members
    .map(([name, source]) => `${JSON.stringify(name)}:${source}`)
    .join(",");
  const meta = memberAt(bytes, ["params", "_meta"]);
  if (meta) return insertMembers(bytes, meta, text);
  const range = memberAt(bytes, ["params"]);
  if (range) return insertMembers(bytes, range, `"_meta":{${text}}`);
  return insertMembers(bytes, rootOf(bytes), `"params":{"_meta":{${text}}}`);
}

/**
 * The frame of an answer with one member of its `result._meta` set, whatever
 * the target said there. A result that is no object is left alone.
 *
 * @param source The value as JSON; `undefined`: the member is taken out.
 */
export function withResultMeta(
  bytes: Uint8Array,
  name: string,
  source: string | undefined,
): Uint8Array {
  const member = source === undefined
    ? ""
    : `${JSON.stringify(name)}:${source}`;
  // Readers differ on which of two counts. From behind: places stay right.
  return membersNamed("result", bytes, rootOf(bytes)).reduceRight(
    (frame, result) => withMeta(frame, result, name, member),
    bytes,
  );
}

function withMeta(
  bytes: Uint8Array,
  result: Member,
  name: string,
  member: string,
): Uint8Array {
  if (bytes[result.start] !== OPEN_BRACE) return bytes;
  const metas = membersNamed("_meta", bytes, result);
  if (metas.length === 0) {
    if (member === "") return bytes;
    return insertMembers(bytes, result, `"_meta":{${member}}`);
  }
  return metas.reduceRight((frame, meta) => {
    const isKept = frame[meta.start] === OPEN_BRACE && !meta.isPartial;
    if (!isKept) return replaceRange(frame, meta, `{${member}}`);
    // As a text of its own: what was found of the whole holds no longer.
    const own = frame.slice(meta.start, meta.end);
    const rest = removeMembers(own, rootOf(own), (one) => one.name === name);
    const changed = member === ""
      ? rest
      : insertMembers(rest, rootOf(rest), member);
    return replaceRange(frame, meta, changed);
  }, bytes);
}
