/** The little that is read of a message: its kind, id and method. */

import { isObject } from "../../json.ts";
import { OPEN_BRACE, OPEN_BRACKET } from "./bytes.ts";
import {
  glanceAt,
  parseMember,
  rootOf,
  scanInTurns,
  scanLarge,
  SMALL_BYTES,
  UNREAD,
} from "./large_message.ts";
import { type Member, MESSAGE_MEMBERS } from "./scan.ts";

export interface RequestId {
  /** The ID as JSON source, to the letter: what goes into an answer. */
  readonly source: string;
  /** What two spellings of the same ID have in common. */
  readonly key: string;
}

export interface RequestMessage {
  readonly kind: "request";
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
}

export interface NotificationMessage {
  readonly kind: "notification";
  readonly method: string;
  readonly params: unknown;
  /** The `requestId` among them, where the value has lost digits. */
  readonly requestId?: RequestId;
}

export interface ResponseMessage {
  readonly kind: "response";
  /** `undefined` when it is absent or null. */
  readonly id: RequestId | undefined;
  /** The `result` member; `undefined` when it is an error. */
  readonly result: unknown;
  /** The `error` member; `undefined` when it is a result. */
  readonly error: RpcError | undefined;
  /** The other of the two, where it is there as `null`. */
  readonly nullMember?: "result" | "error";
  /** Why strict clients do not read it, and go on waiting. */
  readonly fault?: string;
}

/** The `error` member of a response. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data: unknown;
}

export type SingleMessage =
  | RequestMessage
  | NotificationMessage
  | ResponseMessage;

/** Several messages in one frame, legal in revision 2025-03-26 only. */
export interface BatchMessage {
  readonly kind: "batch";
  readonly messages: readonly SingleMessage[];
}

/** What a frame holds that is read. */
export type ValidMessage = SingleMessage | BatchMessage;

export function singlesOf(message: ValidMessage): readonly SingleMessage[] {
  return message.kind === "batch" ? message.messages : [message];
}

export function requestsOf(message: ValidMessage): readonly RequestMessage[] {
  return singlesOf(message).filter((one) => one.kind === "request");
}

export function isCall(message: SingleMessage): message is RequestMessage {
  return message.kind === "request" && message.method === "tools/call";
}

/** What is no JSON-RPC message. */
export interface InvalidMessage {
  readonly kind: "invalid";
  /** `parse`: not JSON. `invalid-request`: JSON, but no JSON-RPC message. */
  readonly reason: "parse" | "invalid-request";
  readonly detail: string;
  /** The IDs that an answer is owed to, as far as they could be read. */
  readonly ids: readonly RequestId[];
  /** The request that it seems to answer. */
  readonly answerTo?: RequestId;
  /** The elements of an array that is no batch: some may be messages. */
  readonly parts?: readonly (SingleMessage | InvalidMessage)[];
}

export type Message = ValidMessage | InvalidMessage;

/** The fault of any other result: the official SDKs' clients discard it. */
const NO_RESULT = '"result" is no object';

const TOO_LARGE = "the batch is too large to be read";

const strictDecoder = new TextDecoder("utf-8", {
  fatal: true,
  // A byte order mark is not stripped, since it would pass on all the same.
  ignoreBOM: true,
});

/** Parses a frame, without its newline. */
export function parseMessage(bytes: Uint8Array): Message {
  if (bytes.length > SMALL_BYTES) return parseLarge(bytes);
  let value: unknown;
  try {
    value = JSON.parse(strictDecoder.decode(bytes));
  } catch (error) {
    return notJson(error instanceof SyntaxError);
  }
  if (!Array.isArray(value)) {
    return parseSingle(value, () => rootOf(bytes).members);
  }
  const { isPartial, members = [] } = rootOf(bytes);
  if (isPartial) return invalid(TOO_LARGE);
  return parseBatch(
    value,
    (element, index) => parseSingle(element, () => members[index].members),
  );
}

/** The same for a large frame, while others have their turn. */
export async function parseMessageInTurns(bytes: Uint8Array): Promise<Message> {
  await scanInTurns(bytes);
  return parseMessage(bytes);
}

/** A frame of which only what is asked for is parsed. */
function parseLarge(bytes: Uint8Array): Message {
  const scanner = scanLarge(bytes);
  const { root } = scanner;
  if (!scanner.isEnded || !root) return notJson(scanner.isUtf8);
  if (bytes[root.start] !== OPEN_BRACKET) return parseLargeSingle(bytes, root);
  if (root.isPartial || root.members?.some(({ isPartial }) => isPartial)) {
    return invalid(TOO_LARGE);
  }
  return parseBatch(
    root.members ?? [],
    (member) => parseLargeSingle(bytes, member),
  );
}

function notJson(isUtf8: boolean): InvalidMessage {
  const detail = `the message is not ${isUtf8 ? "JSON" : "UTF-8"}`;
  return { ...invalid(detail), reason: "parse" };
}

function parseLargeSingle(
  bytes: Uint8Array,
  { start, members = [] }: Member,
): SingleMessage | InvalidMessage {
  const value: Record<string, unknown> = {};
  for (const member of members) {
    const { name, source } = member;
    if (!MESSAGE_MEMBERS.has(name)) continue;
    const isLater = name === "result" && source === undefined;
    value[name] = isLater ? UNREAD : glanceAt(bytes, member);
  }
  const isObject = bytes[start] === OPEN_BRACE;
  const message = parseSingle(isObject ? value : undefined, () => members);
  if (message.kind !== "response" || message.result !== UNREAD) return message;
  const result = members.findLast(({ name }) => name === "result");
  let read: { readonly value: unknown } | undefined;
  const isFit = result && bytes[result.start] === OPEN_BRACE;
  return {
    ...message,
    ...(!isFit && { fault: NO_RESULT }),
    /** Parsed when it is asked for: most results only pass. */
    get result() {
      return (read ??= { value: result && parseMember(bytes, result) }).value;
    },
  };
}

function parseBatch<T>(
  values: readonly T[],
  read: (value: T, index: number) => SingleMessage | InvalidMessage,
): Message {
  if (values.length === 0) return invalid("the batch is empty");
  const parts = values.map(read);
  const messages = parts.filter((part) => part.kind !== "invalid");
  const broken = parts.findIndex(({ kind }) => kind === "invalid");
  const first = parts[broken];
  if (first?.kind !== "invalid") return { kind: "batch", messages };
  return {
    ...invalid(`message ${broken + 1} of the batch: ${first.detail}`),
    ids: parts.flatMap((part) => {
      if (part.kind === "invalid") return part.ids;
      return part.kind === "request" ? [part.id] : [];
    }),
    parts,
  };
}

function parseSingle(
  value: unknown,
  members: () => readonly Member[] | undefined,
): SingleMessage | InvalidMessage {
  if (!isObject(value)) return invalid("the message is not a JSON object");
  const isAnswer = "result" in value || "error" in value;
  const source = isInexact(value.id) ? sourceIn(members()) : undefined;
  const id = requestId(value.id, source);
  // An answer to a malformed answer would be taken for the answer to a request
  // of the same ID.
  const fail = (detail: string): InvalidMessage =>
    isAnswer ? { ...invalid(detail), answerTo: id } : invalid(detail, id);
  const { jsonrpc, method, params } = value;
  if (jsonrpc !== "2.0") return fail('the message has no "jsonrpc": "2.0"');
  if (!("method" in value)) {
    if (isAnswer) return parseResponse(value, id, fail);
    return fail('the message has no "method", "result" or "error"');
  }
  if (typeof method !== "string") return fail('"method" is not a string');
  if (isAnswer) return fail('the message has both a "method" and an answer');
  if (!("id" in value)) {
    const named = isObject(params) && params.requestId;
    if (!isInexact(named)) return { kind: "notification", method, params };
    const inner = members()?.findLast(({ name }) => name === "params")?.members;
    const exact = requestId(named, sourceIn(inner, "requestId"));
    return { kind: "notification", method, params, requestId: exact };
  }
  if (!id) return fail('"id" is neither a string nor a number');
  return { kind: "request", id, method, params };
}

function parseResponse(
  value: Record<string, unknown>,
  id: RequestId | undefined,
  fail: (detail: string) => InvalidMessage,
): ResponseMessage | InvalidMessage {
  const kind = "response";
  const { result, error } = value;
  const hasBoth = "result" in value && "error" in value;
  if (hasBoth && (result === null) === (error === null)) {
    return fail('the message has both a "result" and an "error"');
  }
  // Some servers write out the other of the two as `null`.
  const other = error === null ? "error" : "result";
  const nullMember = hasBoth ? other : undefined;
  if (!("error" in value) || nullMember === "error") {
    if (!id) return fail('the answer has no "id"');
    const fault = result === UNREAD || isObject(result) ? undefined : NO_RESULT;
    return { kind, id, result, error: undefined, nullMember, fault };
  }
  if (!isObject(error) || typeof error.code !== "number") {
    return fail('"error" has no numeric "code"');
  }
  const { code, message: said, data } = error;
  const message = typeof said === "string" ? said : "";
  const told = { code, message, data };
  const fault = faultOf(error);
  return { kind, id, result: undefined, error: told, nullMember, fault };
}

function faultOf(
  { code, message }: Record<string, unknown>,
): string | undefined {
  if (!Number.isSafeInteger(code)) return 'the "code" of "error" is no integer';
  if (message === undefined || message === UNREAD) return undefined;
  if (typeof message !== "string") return 'the "message" of "error" is no text';
}

function invalid(detail: string, id?: RequestId): InvalidMessage {
  const ids = id ? [id] : [];
  return { kind: "invalid", reason: "invalid-request", detail, ids };
}

/** Beyond 2^53 a value has lost digits that the client will look for. */
function isInexact(value: unknown): value is number {
  return typeof value === "number" && !Number.isSafeInteger(value);
}

/** The ID among the members of a message, as JSON; of several the last. */
export function sourceIn(
  members: readonly Member[] | undefined,
  id = "id",
): string | undefined {
  return members?.findLast(({ name }) => name === id)?.source;
}

export function requestId(
  value: unknown,
  source?: string,
): RequestId | undefined {
  if (typeof value === "string") return stringId(value, source);
  if (typeof value === "number") {
    const isLong = isInexact(value) && /^-?\d+$/.test(source ?? "");
    const key = `n:${isLong ? source : value}`;
    return { source: source ?? String(value), key };
  }
}

export function stringId(value: string, source?: string): RequestId {
  return { source: source ?? JSON.stringify(value), key: `s:${value}` };
}

const encoder = new TextEncoder();

/** The frame of a message; what it has beside its ID is JSON. */
export function frameOf(
  id: RequestId | undefined,
  members: string,
): Uint8Array {
  // The ID goes in as source text: a parsed one may have lost digits.
  const member = id === undefined ? "" : `"id":${id.source},`;
  return encoder.encode(`{"jsonrpc":"2.0",${member}${members}}`);
}

/** The request ID for its JSON source, as the scanner found it. */
export function requestIdFromSource(
  source: string | undefined,
): RequestId | undefined {
  if (source === undefined) return undefined;
  try {
    return requestId(JSON.parse(source), source);
  } catch {
    return undefined;
  }
}

/** The request ID among the members of a message. */
export function idIn(members: readonly Member[]): RequestId | undefined {
  return requestIdFromSource(sourceIn(members));
}
