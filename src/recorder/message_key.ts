/** What a text says first of itself. */

import { isObject } from "../mcp/wire/message.ts";

/** What is told of a message by a person who looks at it. */
export interface MessageKey {
  /** The same for a message and the same one another time. */
  readonly key: string;
  readonly kind: "request" | "notification" | "response" | "other";
  /** The method, and what is called by it. */
  readonly name: string;
  /** The ID as JSON has it; none of a notification. */
  readonly id?: string;
  /** What is wrong, in an answer. */
  readonly error?: string;
}

/** What a message is known by; of several, the first. */
export function messageKey(text: string | undefined): MessageKey {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return OTHER;
  }
  const message: unknown = Array.isArray(value) ? value[0] : value;
  if (!isObject(message)) return OTHER;
  const { method, params, error, result } = message;
  const id = message.id === undefined ? undefined : JSON.stringify(message.id);
  if (typeof method !== "string") {
    return {
      key: `answer ${id}`,
      kind: "response",
      name: "answer",
      id,
      ...errorIn(error, result),
    };
  }
  const called = isObject(params) && typeof params.name === "string"
    ? ` ${params.name}`
    : "";
  return {
    key: `${method} ${id ?? ""}`,
    kind: id === undefined ? "notification" : "request",
    name: `${method}${called}`,
    ...(id !== undefined && { id }),
  };
}

const OTHER: MessageKey = { key: "other", kind: "other", name: "other" };

function errorIn(error: unknown, result: unknown): { error?: string } {
  if (isObject(error)) return { error: `${error.code} ${error.message}` };
  const isFailed = isObject(result) && result.isError === true;
  return isFailed ? { error: "isError" } : {};
}
