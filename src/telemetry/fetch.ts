/**
 * The spans that Deno makes of each `fetch`, without what must not be seen.
 *
 * Deno puts the whole URL into them, and the text of what a fetch failed with.
 * A URL may hold a secret in its query, or a session ID: HTTP+SSE has one in the
 * URL that is posted to.
 */

import {
  type AttributeValue,
  context,
  propagation,
  type Span,
  trace,
} from "@opentelemetry/api";
import { type Redact, REDACTED } from "../redact/redact.ts";

const TRACE_PARENT = "traceparent";

/**
 * A `fetch` whose spans tell of a URL no values of the query and no path but the
 * target's.
 *
 * @param fetch What sends. It hands the headers on as they are.
 * @param target The target's MCP endpoint: its path is no secret.
 */
export function fetchWithRedactedSpan(
  fetch: typeof globalThis.fetch,
  target: URL,
  redact: Redact,
): typeof globalThis.fetch {
  return (input, init) => {
    const outer = trace.getActiveSpan();
    const given = input instanceof Request ? input.headers : undefined;
    const headers = new Headers(init?.headers ?? given);
    const send = () =>
      fetch(input, {
        ...init,
        headers: {
          // Read within Deno's fetch, where the span of the fetch is the active
          // one and has no attributes yet. There is no other way to it.
          [Symbol.iterator](): Iterator<[string, string]> {
            const span = trace.getActiveSpan();
            if (!span || span === outer) return headers.entries();
            redactSpan(span, target, redact);
            return withoutParent(headers).entries();
          },
        },
      });
    if (outer) return context.with(context.active(), send);
    // What is no message's, but was sent on for another, goes on in its trace.
    const traceparent = headers.get(TRACE_PARENT) ?? undefined;
    const parent = propagation.extract(context.active(), { traceparent });
    return context.with(parent, send);
  };
}

/** Deno adds its own parent to whatever is there, and two are worth nothing. */
function withoutParent(headers: Headers): Headers {
  if (!propagation.fields().includes(TRACE_PARENT)) return headers;
  const rest = new Headers(headers);
  rest.delete(TRACE_PARENT);
  return rest;
}

function redactSpan(span: Span, target: URL, redact: Redact): void {
  const setAttribute = span.setAttribute.bind(span);
  Object.assign(span, {
    setAttribute(name: string, value: AttributeValue): Span {
      const shown = typeof value === "string"
        ? shownAs(name, value, target, redact)
        : value;
      return setAttribute(name, shown);
    },
  });
}

function shownAs(
  name: string,
  value: string,
  target: URL,
  redact: Redact,
): string {
  switch (name) {
    case "url.full":
      return shownUrl(value, target);
    case "url.path":
      return shownPath(value, target);
    case "url.query":
      return shownQuery(value);
    default:
      return redact(value);
  }
}

function shownUrl(text: string, target: URL): string {
  const url = URL.parse(text);
  if (!url) return REDACTED;
  const query = url.search === "" ? "" : `?${shownQuery(url.search.slice(1))}`;
  return url.origin + shownPath(url.pathname, target) + query;
}

function shownPath(path: string, target: URL): string {
  return path === target.pathname ? path : `/${REDACTED}`;
}

/** The names of a query, without their values. */
function shownQuery(query: string): string {
  return query.split("&").map((part) => {
    const end = part.indexOf("=");
    if (end === -1) return part && REDACTED;
    return `${part.slice(0, end)}=${REDACTED}`;
  }).join("&");
}
