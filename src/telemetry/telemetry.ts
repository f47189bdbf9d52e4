/**
 * What OpenTelemetry is told, where Deno runs with it. Nothing else is told
 * anything: Deno sends it to whom its own variables name.
 *
 * Loading this loads `@opentelemetry/api`; see {@linkcode isTelemetryOn}.
 */

import {
  type Context,
  context,
  metrics,
  type Span,
  trace,
} from "@opentelemetry/api";
import { type Era, eraOf } from "../mcp/wire/era.ts";
import type { Observed, Observer } from "../mcp/transport/observer.ts";
import type { Redact } from "../redact/redact.ts";
import { faultOf } from "./attributes.ts";
import { fetchWithRedactedSpan } from "./fetch.ts";
import { createMetrics, MessageSpan } from "./span.ts";
import { VERSION } from "../version.ts";

export interface Telemetry {
  readonly observer: Observer;
  /** Sends, and lets the runtime tell no more of it than may be told. */
  readonly fetch: typeof globalThis.fetch;
}

const SCOPE = "sigv4-proxy";

/** Makes what tells OpenTelemetry of one target. */
export function createTelemetry(
  target: URL,
  redact: Redact,
  send: typeof globalThis.fetch = fetch,
): Telemetry {
  const tracer = trace.getTracer(SCOPE, VERSION);
  const instruments = createMetrics(metrics.getMeter(SCOPE, VERSION));
  const tools = { target, redact, tracer, metrics: instruments };
  const began = (message: Observed, era: Era) =>
    new MessageSpan(message, era, tools);
  const count = (byteLength: number, direction: string) =>
    instruments.bytes.add(byteLength, { "network.io.direction": direction });
  return {
    fetch: fetchWithRedactedSpan(send, target, redact),
    observer: {
      began,
      refused(error, message): void {
        if (!message) return instruments.errors.add(1, faultOf(error).kind);
        const era = eraOf({ kind: "notification", ...message });
        const span = began(message, era);
        span.failed(error);
        span.ended();
      },
      recovered: () => instruments.recoveries.add(1),
      received: ({ byteLength }) => count(byteLength, "receive"),
      delivered: ({ byteLength }) => count(byteLength, "transmit"),
      serves: (response, carry) => context.with(servedIn(response), carry),
    },
  };
}

/** What Deno's `node:http` calls its span of a request, on the response. */
const SERVER_SPAN = "kOtelSpan";

/**
 * The context of a request that is served: below the span that Deno has made of
 * it. Deno's `node:http` does not make that the active one, as `Deno.serve`
 * does, and there is no other way to it. Without it the context is what it was.
 */
function servedIn(response: object): Context {
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
