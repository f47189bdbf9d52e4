/** What the proxy is handed whoever its client is, and the defaults. */

import type { HoldingFetch } from "../net/fetching.ts";
import { type Log, redactedLog, SILENT_LOG } from "../log/log.ts";
import type { ToolRules } from "../mcp/tools/rules.ts";
import { DEFAULT_MAX_ANSWER_BYTES } from "../mcp/transport/target.ts";
import type { Naming } from "../naming.ts";
import { withConnectLimit } from "../net/connect_limit.ts";
import { hideSettings, joinSecrets, Redactor } from "../redact/redact.ts";

/** How the target is reached, and what its answers must keep to. */
export interface ProxyOptions {
  /** Sends every request: a signed fetch, as a rule. */
  readonly fetch: typeof globalThis.fetch;
  /** Header names and values that go with every request. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** The whole time of one request, in milliseconds; unlimited by default. */
  readonly timeoutMs?: number;
  /**
   * Whether what comes of an event stream starts `timeoutMs` anew; `false` by
   * default.
   */
  readonly timeoutResetOnProgress?: boolean;
  /**
   * The time of a request without a byte from the target, in milliseconds;
   * 15 minutes by default.
   */
  readonly idleTimeoutMs?: number;
  /**
   * How long the target may take to accept a connection, in milliseconds; by
   * default as long as the system allows. Not for requests through an HTTP
   * proxy, whose target may well be out of reach.
   */
  readonly connectTimeoutMs?: number;
  /**
   * The largest message given to a client over stdio, and the largest answer
   * in which forbidden tools are looked for over HTTP, in bytes; 10 MiB by
   * default.
   */
  readonly maxAnswerBytes?: number;
  /** Which tools clients may see and call; all by default. */
  readonly tools?: Partial<ToolRules>;
  /** Keys and values put into the `params._meta` of requests without them. */
  readonly metadata?: readonly (readonly [key: string, value: string])[];
  /**
   * Whether `User-Agent` names the client after the proxy: by the `clientInfo`
   * that it gives, or over HTTP by its own `User-Agent`; `true` by default. A
   * `User-Agent` in `headers` goes before all that.
   */
  readonly clientInfo?: boolean;
  /** Where log lines go; nowhere by default. No line has a secret. */
  readonly log?: Log;
  /** What hides secrets in log lines and errors; it is told the session IDs. */
  readonly redactor?: Redactor;
}

/** The options as they hold. */
export interface ProxySettings extends
  Omit<
    Required<ProxyOptions & Naming>,
    "fetch" | "timeoutMs" | "connectTimeoutMs" | "tools"
  > {
  readonly fetch: HoldingFetch;
  readonly timeoutMs: number | undefined;
  readonly tools: ToolRules;
}

const DEFAULT_IDLE_TIMEOUT_MS = 15 * 60_000;

/** The largest message taken from a client. */
export const DEFAULT_MAX_FRAME_BYTES = 64 * 1024 * 1024;

/**
 * Settles the options, and keeps the secrets in them out of what is shown.
 *
 * @param opened Ends that, too.
 * @param fetches All that sign; what each keeps secret the others hide, too.
 */
export function settleOptions(
  options: ProxyOptions & Naming,
  target: URL,
  opened: DisposableStack,
  fetches: readonly HoldingFetch[] = [options.fetch],
): ProxySettings {
  const { redactor = new Redactor(), headers = [] } = options;
  const { readOnly = false, allow = [], deny = [] } = options.tools ?? {};
  hideSettings(redactor, target, headers);
  opened.defer(joinSecrets(redactor, fetches));
  return {
    fetch: options.fetch,
    names: options.names,
    headers,
    timeoutMs: options.timeoutMs,
    timeoutResetOnProgress: options.timeoutResetOnProgress ?? false,
    idleTimeoutMs: options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
    maxAnswerBytes: options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES,
    tools: { readOnly, allow, deny },
    metadata: options.metadata ?? [],
    clientInfo: options.clientInfo ?? true,
    log: redactedLog(options.log ?? SILENT_LOG, redactor.redact),
    redactor,
  };
}

/** A fetch with the limit on connecting, if there is one. */
export function limitConnect(
  fetch: HoldingFetch,
  { connectTimeoutMs: limitMs, names }: ProxyOptions & Naming,
  opened: DisposableStack,
): HoldingFetch {
  if (limitMs === undefined) return fetch;
  return opened.use(withConnectLimit(fetch, { limitMs, names }));
}
