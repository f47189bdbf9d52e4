/**
 * What is counted.
 *
 * @module
 */

import type { Counter, Histogram, Meter } from "@opentelemetry/api";

/** The instruments. */
export interface Metrics {
  /** How long a message took, from its first byte sent to its last answer. */
  readonly duration: Histogram;
  /** Requests, sent or refused, the proxy's own among them. */
  readonly requests: Counter;
  /** Messages that came to nothing, by JSON-RPC code. */
  readonly errors: Counter;
  /** POSTs beyond the first of a message. */
  readonly retries: Counter;
  /** Lost sessions that were replaced. */
  readonly recoveries: Counter;
  /** Bytes of messages, from the client and to it. */
  readonly bytes: Counter;
}

/** In seconds; those that the convention recommends. */
const DURATION_BOUNDARIES = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
];

/**
 * The instruments. The first is of the OpenTelemetry "Semantic conventions for
 * Model Context Protocol"; they have none for the others.
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
