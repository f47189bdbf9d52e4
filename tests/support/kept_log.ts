/** A log that hides nothing and keeps what it is told. */

import type { Log, LogFields } from "../../src/log/log.ts";

/** The log, and its lines so far: each message with its fields as JSON. */
export function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const keep = (message: string, fields: LogFields = {}): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  return { log: { debug: keep, info: keep, warn: keep, error: keep }, lines };
}
