/**
 * A log that keeps secrets to itself, in front of one that may not.
 *
 * @module
 */

import type { Log, LogFields } from "./log.ts";
import { type Redact, REDACTED } from "../redact/redact.ts";

/**
 * A log whose lines have no secrets, whatever takes them.
 *
 * @param log Takes the lines.
 * @param redact Takes the secrets out.
 */
export function redactedLog(log: Log, redact: Redact): Log {
  const clean = (fields: LogFields | undefined): LogFields | undefined =>
    fields && Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === "string"
          ? redactField(name, value, redact)
          : typeof value === "object"
          ? value.map((part) => redactField(name, part, redact))
          : value,
      ]),
    );
  return {
    debug: (message, fields) => log.debug(redact(message), clean(fields)),
    info: (message, fields) => log.info(redact(message), clean(fields)),
    warn: (message, fields) => log.warn(redact(message), clean(fields)),
    error: (message, fields) => log.error(redact(message), clean(fields)),
  };
}

// Some secrets are known by the name before them.
function redactField(name: string, text: string, redact: Redact): string {
  const prefix = `${name}=`;
  const redacted = redact(prefix + text);
  return redacted.startsWith(prefix) ? redacted.slice(prefix.length) : REDACTED;
}
