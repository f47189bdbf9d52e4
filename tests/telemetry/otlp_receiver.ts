/**
 * What collects telemetry: an HTTP server on loopback that takes OTLP in its
 * JSON form, and gives it back as tests read it.
 */

import { Arrivals } from "../support/arrivals.ts";

/** Attributes by name. */
export type ReadAttributes = Readonly<Record<string, unknown>>;

/** A span as a test reads it. */
export interface ReadSpan {
  readonly name: string;
  /** The instrumentation: `deno` for the runtime's own. */
  readonly scope: string;
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly status: { readonly code: number; readonly message: string };
  readonly attributes: ReadAttributes;
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
  }[];
}

/** One number of a metric. */
export interface ReadPoint {
  readonly metric: string;
  readonly unit: string;
  /** The sum of a counter, the count of a histogram. */
  readonly value: number;
  /** The boundaries of a histogram. */
  readonly bounds: readonly number[] | undefined;
  readonly attributes: ReadAttributes;
}

// deno-lint-ignore no-explicit-any
type Json = any;

const KINDS = [
  "internal",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
] as const;

/** A collector. */
export class OtlpReceiver implements AsyncDisposable {
  /** The text of each request. */
  readonly requests = new Arrivals<string>("OTLP request");
  readonly #spans: ReadSpan[] = [];
  #points: ReadPoint[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor() {
    const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
    this.#server = Deno.serve(options, async (request) => {
      this.#take(await request.text());
      return Response.json({});
    });
  }

  /** A collector on a free port of 127.0.0.1. */
  static start(): OtlpReceiver {
    return new OtlpReceiver();
  }

  /** The variables under which a program tells this collector. */
  get env(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_SERVICE_NAME: "under-test",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
    };
  }

  /** All that was received, as it was. */
  get text(): string {
    return this.requests.all.join("\n");
  }

  /** The spans so far, in the order in which they ended. */
  get spans(): readonly ReadSpan[] {
    return this.#spans;
  }

  /** The spans of the program itself, not of the runtime. */
  get messages(): readonly ReadSpan[] {
    return this.#spans.filter(({ scope }) => scope !== "deno");
  }

  /** The one span of the program with this name. */
  message(name: string): ReadSpan {
    const found = this.messages.filter((span) => span.name === name);
    if (found.length === 1) return found[0];
    const names = this.messages.map((span) => span.name);
    throw new Error(`${found.length} spans ${name} in ${names.join(", ")}`);
  }

  /** The spans below another. */
  childrenOf({ traceId, spanId }: ReadSpan): readonly ReadSpan[] {
    return this.#spans.filter((span) =>
      span.traceId === traceId && span.parentSpanId === spanId
    );
  }

  /** The numbers of a metric, as they were last. */
  points(metric: string): readonly ReadPoint[] {
    return this.#points.filter((point) => point.metric === metric);
  }

  /** The sum of a metric, of those numbers that have these attributes. */
  sum(metric: string, attributes: ReadAttributes = {}): number {
    return this.points(metric)
      .filter((point) =>
        Object.entries(attributes)
          .every(([name, value]) => point.attributes[name] === value)
      )
      .reduce((sum, { value }) => sum + value, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #take(text: string): void {
    const body: Json = JSON.parse(text);
    this.#spans.push(...(body.resourceSpans ?? []).flatMap(spansIn));
    // Sums are cumulative: the last ones hold all that came before.
    if (body.resourceMetrics) {
      this.#points = body.resourceMetrics.flatMap(pointsIn);
    }
    this.requests.add(text);
  }
}

function spansIn({ scopeSpans }: Json): ReadSpan[] {
  return scopeSpans.flatMap(({ scope, spans }: Json) =>
    spans.map((span: Json): ReadSpan => ({
      name: span.name,
      scope: scope.name,
      kind: KINDS[span.kind],
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId,
      status: { code: span.status.code, message: span.status.message },
      attributes: attributesIn(span.attributes),
      links: span.links.map(({ traceId, spanId }: Json) => ({
        traceId,
        spanId,
      })),
    }))
  );
}

function pointsIn({ scopeMetrics }: Json): ReadPoint[] {
  return scopeMetrics.flatMap(({ metrics }: Json) =>
    metrics.flatMap(({ name, unit, sum, gauge, histogram }: Json) =>
      ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map((
        point: Json,
      ): ReadPoint => ({
        metric: name,
        unit,
        value: Number(point.asDouble ?? point.asInt ?? point.count),
        bounds: point.explicitBounds,
        attributes: attributesIn(point.attributes),
      }))
    )
  );
}

function attributesIn(list: Json[]): ReadAttributes {
  return Object.fromEntries(
    list.map(({ key, value }) => [key, Object.values(value)[0]]),
  );
}
