/**
 * What is told of a message: names, numbers and kinds. Never told are arguments,
 * results, resource URIs, session IDs, and the words of others' errors.
 *
 * The names are those of the OpenTelemetry "Semantic conventions for Model
 * Context Protocol"; what they have no name for begins with `sigv4_proxy.`.
 */

import type { Attributes } from "@opentelemetry/api";
import type { ErrorReason, ProxyError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { isObject } from "../json.ts";
import { type Era, META, metaOf } from "../mcp/wire/era.ts";
import type { RequestId, ResponseMessage } from "../mcp/wire/message.ts";
import { portOf } from "../permissions.ts";
import type { Observed } from "../mcp/transport/observer.ts";

/** What is known of a message before it is sent. */
export interface MessageFacts {
  /** The name of its span. */
  readonly name: string;
  /** What its metrics are told by. */
  readonly kind: Attributes;
  /** What its span has besides. */
  readonly particulars: Attributes;
}

export interface Fault {
  /** What its metrics are told by. */
  readonly kind: Attributes;
  /** For the span alone: the proxy's own words, if it has any. */
  readonly text?: string;
}

/** A longer text is cut: it is no name that anyone gave on purpose. */
const MAX_TEXT_LENGTH = 200;

export function factsOf(
  message: Observed,
  era: Era,
  target: URL,
): MessageFacts {
  const method = cut(message.method);
  const { name } = isObject(message.params) ? message.params : {};
  const attribute = NAMES.get(method);
  const called = attribute && typeof name === "string" ? cut(name) : undefined;
  const version = metaOf(message.params)[META.protocolVersion];
  return {
    name: called === undefined ? method : `${method} ${called}`,
    kind: {
      "mcp.method.name": method,
      ...(method === "tools/call" &&
        { "gen_ai.operation.name": "execute_tool" }),
      ...(attribute && called !== undefined && { [attribute]: called }),
      "server.address": target.hostname.replace(/^\[(.*)\]$/, "$1"),
      "server.port": portOf(target),
      "network.protocol.name": "http",
      "network.transport": "tcp",
    },
    particulars: {
      "sigv4_proxy.era": era,
      ...(message.requests.length === 1 &&
        { "jsonrpc.request.id": requestIdText(message.requests[0]) }),
      ...(typeof version === "string" &&
        { "mcp.protocol.version": cut(version) }),
    },
  };
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["tools/call", "gen_ai.tool.name"],
  ["prompts/get", "gen_ai.prompt.name"],
]);

function requestIdText({ source, key }: RequestId): string {
  // A number's source has all its digits; a string's has quotes.
  return cut(source.startsWith('"') ? key.slice("s:".length) : source);
}

function cut(text: string): string {
  return excerpt(text, MAX_TEXT_LENGTH);
}

export function faultIn(answer: ResponseMessage): Fault | undefined {
  if (answer.error) {
    const code = String(answer.error.code);
    return { kind: { "error.type": code, "rpc.response.status_code": code } };
  }
  const isToolError = isObject(answer.result) && answer.result.isError === true;
  return isToolError ? { kind: { "error.type": "tool_error" } } : undefined;
}

/** Reasons that are told in nobody's words but the proxy's. */
const OWN_WORDS: ReadonlySet<ErrorReason> = new Set([
  "parse",
  "invalid-request",
  "unreachable",
  "no-answer",
  "timeout",
  "stream-cut",
  "frame-too-large",
  "shutting-down",
  "blocked",
  "overloaded",
]);

/** The query of a URL, which Deno's errors may name. */
const QUERY = /\?[^\s)]+/g;

/** An error type of AWS's: `AccessDeniedException`, say. */
const AWS_ERROR_TYPE = /^[\w.:#-]{1,100}$/;

export function faultOf({ code, reason, message, data }: ProxyError): Fault {
  const status = String(code);
  const { awsError } = data;
  return {
    kind: {
      "error.type": status,
      "rpc.response.status_code": status,
      "sigv4_proxy.error.reason": reason,
      ...(typeof awsError === "string" && AWS_ERROR_TYPE.test(awsError) &&
        { "sigv4_proxy.error.aws_type": awsError }),
    },
    ...(OWN_WORDS.has(reason) && { text: message.replace(QUERY, "?…") }),
  };
}
