/** What a text says first of itself. */

import { type Json, JsonObject, parseJson, textOf, writeJson } from "./json.ts";

/** What is told of a message by a person who looks at it. */
export interface MessageKey {
  /** The same for a message and the same one another time. */
  readonly key: string;
  readonly kind: "request" | "notification" | "response" | "other";
  /** The method, and what is called by it. */
  readonly name: string;
  /** The ID as JSON has it; none of a notification. */
  readonly id?: string;
  /** The ID of the request that it cancels. */
  readonly cancels?: string;
  /** What is wrong, in an answer. */
  readonly error?: string;
}

/** What each message of a text is known by: one, or those of a batch. */
export function messageKeys(text: string | undefined): MessageKey[] {
  const value = text === undefined ? undefined : parseJson(text);
  return Array.isArray(value) ? value.map(keyOf) : [keyOf(value)];
}

/** What a text is known by; of a batch, its messages, and the first of them. */
export function messageKey(text: string | undefined): MessageKey {
  const keys = messageKeys(text);
  const [first = OTHER] = keys;
  return keys.length < 2
    ? first
    : { ...first, key: keys.map(({ key }) => key).join(", ") };
}

function keyOf(message: Json | undefined): MessageKey {
  if (!(message instanceof JsonObject)) return OTHER;
  const id = idText(message.get("id"));
  const method = textOf(message.get("method"));
  if (method === undefined) {
    return {
      key: `answer ${id}`,
      kind: "response",
      name: "answer",
      id,
      ...errorIn(message),
    };
  }
  const params = message.get("params");
  const [called, cancelled] = params instanceof JsonObject
    ? [textOf(params.get("name")), idText(params.get("requestId"))]
    : [];
  return {
    key: `${method} ${id ?? ""}`,
    kind: id === undefined ? "notification" : "request",
    name: called === undefined ? method : `${method} ${called}`,
    ...(id !== undefined && { id }),
    ...(method === "notifications/cancelled" && { cancels: cancelled }),
  };
}

/** An ID, the same however it was spelt. */
function idText(id: Json | undefined): string | undefined {
  if (typeof id !== "string") return id && writeJson(id);
  const text = textOf(id);
  if (text !== undefined) return JSON.stringify(text);
  return /\d{16}|[a-z]{4}/.test(id) ? id : String(Number(id));
}

const OTHER: MessageKey = { key: "other", kind: "other", name: "other" };

function errorIn(message: JsonObject): { error?: string } {
  const [error, result] = [message.get("error"), message.get("result")];
  if (error instanceof JsonObject) {
    const words = error.get("message");
    const code = writeJson(error.get("code") ?? "null");
    return { error: `${code} ${textOf(words) ?? ""}` };
  }
  const isFailed = result instanceof JsonObject &&
    result.get("isError") === "true";
  return isFailed ? { error: "isError" } : {};
}
