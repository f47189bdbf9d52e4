/** Whether anyone wants to know: asked without loading what would tell. */

/**
 * Where Deno puts its OpenTelemetry for `@opentelemetry/api` to find, if it was
 * started with one. Unlike `OTEL_DENO` it needs no permission to be looked at,
 * and it says what came of all the variables together.
 */
const OPEN_TELEMETRY = Symbol.for("opentelemetry.js.api.1");

/** Whether Deno runs with its OpenTelemetry. */
export function isTelemetryOn(): boolean {
  return OPEN_TELEMETRY in globalThis;
}
