/**
 * What OpenTelemetry is told, where Deno runs with it. Nothing else is told
 * anything: Deno sends it to whom its own variables name.
 *
 * Loading this loads `@opentelemetry/api`; see {@linkcode isTelemetryOn}.
 *
 * @module
 */

import { context, metrics, trace } from "@opentelemetry/api";
import type { ProxyError } from "../errors.ts";
import { type Era, eraOf } from "../mcp/wire/era.ts";
import type {
  Observation,
  Observed,
  Observer,
} from "../mcp/transport/observer.ts";
import type { Redact } from "../redact/redact.ts";
import { faultOf } from "./attributes.ts";
import { servedIn } from "./context.ts";
import { discreetFetch } from "./fetch.ts";
import { createMetrics, MessageSpan, type SpanTools } from "./span.ts";
import { VERSION } from "../version.ts";

/** What {@linkcode createTelemetry} is handed. */
export interface TelemetryOptions {
  /** The target's MCP endpoint. */
  readonly target: URL;
  /** Hides secrets in whatever text is told. */
  readonly redact: Redact;
  /** What sends requests to the target; the global `fetch` by default. */
  readonly fetch?: typeof globalThis.fetch;
}

/** What tells OpenTelemetry. */
export interface Telemetry {
  /** Is told of the messages. */
  readonly observer: Observer;
  /** Sends, and lets the runtime tell no more of it than may be told. */
  readonly fetch: typeof globalThis.fetch;
}

/** The name of the instrumentation scope. */
const SCOPE = "sigv4-proxy";

/** Makes what tells OpenTelemetry of one target. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  return {
    observer: new TelemetryObserver(options),
    fetch: discreetFetch({
      ...options,
      fetch: options.fetch ?? globalThis.fetch,
    }),
  };
}

class TelemetryObserver implements Observer {
  readonly #tools: SpanTools;

  constructor(options: TelemetryOptions) {
    this.#tools = {
      ...options,
      tracer: trace.getTracer(SCOPE, VERSION),
      metrics: createMetrics(metrics.getMeter(SCOPE, VERSION)),
    };
  }

  began(message: Observed, era: Era): Observation {
    return new MessageSpan(message, era, this.#tools);
  }

  refused(error: ProxyError, message?: Observed): void {
    if (!message) {
      return this.#tools.metrics.errors.add(1, faultOf(error).kind);
    }
    const span = this.began(
      message,
      eraOf({ kind: "notification", ...message }),
    );
    span.failed(error);
    span.ended();
  }

  recovered(): void {
    this.#tools.metrics.recoveries.add(1);
  }

  received(byteLength: number): void {
    this.#tools.metrics.bytes.add(byteLength, {
      "network.io.direction": "receive",
    });
  }

  delivered(byteLength: number): void {
    this.#tools.metrics.bytes.add(byteLength, {
      "network.io.direction": "transmit",
    });
  }

  serves(response: object, carry: () => void): void {
    context.with(servedIn(response), carry);
  }
}
