/** The trace that a message belongs to. */

import {
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  trace,
} from "@opentelemetry/api";
import { metaOf } from "../mcp/wire/era.ts";
import type { Observed } from "../mcp/transport/observer.ts";

/** Where the span of a message has its place. */
export interface Place {
  /** What it is a part of. */
  readonly parent: Context;
  /** What else it has to do with. */
  readonly links: Link[];
}

/** What goes into an HTTP header as it is. W3C Baggage has at most 8192 bytes. */
const HEADER_TEXT = /^[\x20-\x7e]{1,8192}$/;

/** What Deno's `node:http` calls its span of a request, on the response. */
const SERVER_SPAN = "kOtelSpan";

/**
 * The context of a request that is served: below the span that Deno has made of
 * it. Deno's `node:http` does not make that the active one, as `Deno.serve`
 * does, and there is no other way to it. Without it the context is what it was.
 */
export function servedIn(response: object): Context {
  const key = Object.getOwnPropertySymbols(response)
    .find(({ description }) => description === SERVER_SPAN);
  const span: unknown = key && Reflect.get(response, key);
  const outer = context.active();
  return isSpan(span) ? trace.setSpanContext(outer, span.spanContext()) : outer;
}

function isSpan(value: unknown): value is Pick<Span, "spanContext"> {
  return typeof value === "object" && value !== null &&
    "spanContext" in value && typeof value.spanContext === "function";
}

/**
 * The place of a message's span. `params._meta` comes before the HTTP request
 * that brought it, which may have brought others as well (OpenTelemetry,
 * "Semantic conventions for Model Context Protocol", "Context propagation"; the
 * names are those of MCP 2026-07-28, `_meta`).
 */
export function placeOf({ params, headers }: Observed): Place {
  const meta = metaOf(params);
  const fromMeta = propagation.extract(ROOT_CONTEXT, {
    traceparent: textOf(meta.traceparent),
    tracestate: textOf(meta.tracestate),
    baggage: baggageOf(meta.baggage),
  });
  if (!headers) return { parent: fromMeta, links: [] };
  // The client's span, where there is none of the request.
  const sentIn = propagation.extract(ROOT_CONTEXT, {
    traceparent: headers.get("traceparent") ?? undefined,
    tracestate: headers.get("tracestate") ?? undefined,
  });
  const outer = trace.getSpanContext(context.active()) ??
    trace.getSpanContext(sentIn);
  if (!outer) return { parent: fromMeta, links: [] };
  return trace.getSpanContext(fromMeta)
    ? { parent: fromMeta, links: [{ context: outer }] }
    : { parent: trace.setSpanContext(fromMeta, outer), links: [] };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && HEADER_TEXT.test(value)
    ? value
    : undefined;
}

/**
 * Baggage that can be read and sent on. Of any other Deno prints a complaint,
 * and a fetch that is to send it fails.
 */
function baggageOf(value: unknown): string | undefined {
  const text = textOf(value);
  try {
    if (text !== undefined) decodeURIComponent(text);
    return text;
  } catch {
    return undefined;
  }
}
