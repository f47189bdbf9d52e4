/** One message from its beginning to its end, as a span and in the metrics. */

import {
  type Attributes,
  type Context,
  context,
  type Counter,
  type Histogram,
  type Link,
  type Meter,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { ProxyError } from "../errors.ts";
import { type Era, metaOf } from "../mcp/wire/era.ts";
import type { ResponseMessage } from "../mcp/wire/message.ts";
import type { Observation, Observed } from "../mcp/transport/observer.ts";
import type { Redact } from "../redact/redact.ts";
import { factsOf, type Fault, faultIn, faultOf } from "./attributes.ts";

/** In seconds; those that the convention recommends. */
const DURATION_BOUNDARIES = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
];

export type Metrics =
  & { readonly duration: Histogram }
  & Readonly<
    Record<"requests" | "errors" | "retries" | "recoveries" | "bytes", Counter>
  >;

/**
 * Makes the instruments. The first is of the OpenTelemetry "Semantic conventions
 * for Model Context Protocol"; they have none for the others.
 */
export function createMetrics(meter: Meter): Metrics {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(`sigv4_proxy.${name}`, { unit, description });
  return {
    duration: meter.createHistogram("mcp.client.operation.duration", {
      unit: "s",
      description:
        "The duration of the MCP request or notification, from the time it was sent until the response or the acknowledgement came",
      advice: { explicitBucketBoundaries: DURATION_BOUNDARIES },
    }),
    requests: counter("requests", "{request}", "Requests, sent or refused"),
    errors: counter("errors", "{error}", "Messages that came to nothing"),
    retries: counter("retries", "{retry}", "Messages that were sent again"),
    recoveries: counter(
      "recoveries",
      "{session}",
      "Lost sessions that were replaced by a new one",
    ),
    bytes: counter("io", "By", "Bytes of messages from and to the client"),
  };
}

export interface SpanTools {
  readonly tracer: Tracer;
  readonly metrics: Metrics;
  readonly target: URL;
  readonly redact: Redact;
}

const VERSION_HEADER = "mcp-protocol-version";

/** The span of a message. HTTP requests for it are its children. */
export class MessageSpan implements Observation {
  readonly #tools: SpanTools;
  readonly #kind: Attributes;
  readonly #byMethod: Attributes;
  readonly #isRequest: boolean;
  readonly #span: Span;
  readonly #context: Context;
  readonly #startedAt = performance.now();
  #protocolVersion: string | undefined;
  #posts = 0;
  #resumptions = 0;
  /** The HTTP status of the last attempt, as soon as it has one. */
  #status: number | undefined;
  /** Whether the last attempt got no answer. */
  #isBroken = false;
  #isRecovered = false;
  #isAnswered = false;
  #fault: Fault | undefined;
  #isEnded = false;

  constructor(message: Observed, era: Era, tools: SpanTools) {
    const { tracer, metrics, target } = tools;
    const { name, kind, particulars } = factsOf(message, era, target);
    const { parent, links } = placeOf(message);
    this.#tools = tools;
    this.#kind = kind;
    this.#byMethod = { "mcp.method.name": kind["mcp.method.name"] };
    this.#isRequest = message.requests.length > 0;
    this.#span = tracer.startSpan(name, {
      kind: SpanKind.CLIENT,
      attributes: { ...kind, ...particulars },
      links,
    }, parent);
    this.#context = trace.setSpan(parent, this.#span);
    if (this.#isRequest) {
      metrics.requests.add(message.requests.length, {
        ...this.#byMethod,
        "sigv4_proxy.era": era,
      });
    }
  }

  async attempt(
    { method, headers }: RequestInit,
    send: () => Promise<Response>,
  ): Promise<Response> {
    if (method === "POST") this.#posts++;
    else this.#resumptions++;
    this.#protocolVersion = new Headers(headers).get(VERSION_HEADER) ??
      undefined;
    this.#status = undefined;
    this.#isBroken = false;
    try {
      const response = await context.with(this.#context, send);
      this.#status = response.status;
      return response;
    } catch (cause) {
      this.#isBroken = true;
      throw cause;
    }
  }

  recovered(): void {
    this.#isRecovered = true;
  }

  answered(answer?: ResponseMessage): void {
    this.#isAnswered = true;
    const fault = answer && faultIn(answer);
    if (fault) this.#note(fault);
  }

  failed(error: ProxyError): void {
    this.#isAnswered = true;
    this.#note(faultOf(error));
  }

  #note(fault: Fault): void {
    if (this.#isEnded) return;
    this.#fault ??= fault;
    const { errors } = this.#tools.metrics;
    errors.add(1, { ...this.#byMethod, ...fault.kind });
  }

  ended(): void {
    if (this.#isEnded) return;
    if (!this.#isAnswered) this.#endUnanswered();
    this.#isEnded = true;
    const { metrics, redact } = this.#tools;
    const retries = Math.max(0, this.#posts - 1);
    if (retries > 0) metrics.retries.add(retries, this.#byMethod);
    const outcome = {
      ...(this.#protocolVersion !== undefined &&
        { "mcp.protocol.version": this.#protocolVersion }),
      ...this.#fault?.kind,
    };
    const seconds = (performance.now() - this.#startedAt) / 1000;
    metrics.duration.record(seconds, { ...this.#kind, ...outcome });
    this.#span.setAttributes({
      ...outcome,
      ...(this.#status !== undefined &&
        { "http.response.status_code": this.#status }),
      "sigv4_proxy.retries": retries,
      ...(this.#resumptions > 0 &&
        { "sigv4_proxy.resumptions": this.#resumptions }),
      ...(this.#isRecovered && { "sigv4_proxy.session.recovered": true }),
    });
    if (this.#fault) {
      const { text } = this.#fault;
      this.#span.setStatus({
        code: SpanStatusCode.ERROR,
        ...(text !== undefined && { message: redact(text) }),
      });
    }
    this.#span.end();
  }

  /** It failed where nobody had to be told, or the client let it go. */
  #endUnanswered(): void {
    if (this.#isBroken) {
      this.#note({ kind: { "error.type": "_OTHER" } });
    } else if (this.#status !== undefined && this.#status >= 400) {
      this.#note({ kind: { "error.type": String(this.#status) } });
    } else if (this.#isRequest) {
      this.#span.setAttribute("sigv4_proxy.cancelled", true);
    }
  }
}

/** Where the span of a message has its place. */
interface Place {
  /** What it is a part of. */
  readonly parent: Context;
  /** What else it has to do with. */
  readonly links: Link[];
}

/** What goes into an HTTP header as it is. W3C Baggage has at most 8192 bytes. */
const HEADER_TEXT = /^[\x20-\x7e]{1,8192}$/;

/**
 * The place of a message's span. `params._meta` comes before the HTTP request
 * that brought it, which may have brought others as well (OpenTelemetry,
 * "Semantic conventions for Model Context Protocol", "Context propagation"; the
 * names are those of MCP 2026-07-28, `_meta`).
 */
function placeOf({ params, headers }: Observed): Place {
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
