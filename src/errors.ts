/**
 * The typed errors of the package, and the JSON-RPC codes they become: the one
 * table.
 */

/**
 * JSON-RPC error code for each {@linkcode ErrorReason}. The proxy's own codes
 * lie outside -32768…-32000, the range that JSON-RPC 2.0 and MCP reserve.
 */
export const ERROR_CODES = {
  "parse": -32700,
  "invalid-request": -32600,
  "unreachable": -31010,
  "http-status": -31011,
  "no-answer": -31011,
  "bad-answer": -31011,
  "credentials": -31012,
  "signature": -31013,
  "timeout": -31014,
  "stream-cut": -31015,
  "frame-too-large": -31016,
  "redirect": -31017,
  "shutting-down": -31018,
  "blocked": -31019,
  "overloaded": -31020,
} as const;

/** Why a message could not be carried: a stable name, fit for a `switch`. */
export type ErrorReason = keyof typeof ERROR_CODES;

/**
 * Facts that go with a {@linkcode ProxyError}: plain JSON values, no secrets.
 */
export type ErrorData = {
  /** Whether the target may have run the request; left out, the error tells. */
  readonly mayHaveRun?: boolean;
  readonly [name: string]: unknown;
};

/**
 * A message could not be carried. On stdout it becomes the JSON-RPC error of
 * the request concerned.
 *
 * @example
 * ```ts
 * import { ProxyError } from "@scope/sigv4-proxy";
 *
 * const error = new ProxyError("timeout", "no answer within 30 s", {
 *   data: { limitMs: 30_000 },
 * });
 * if (error.code !== -31014) throw new Error("the code follows the reason");
 * ```
 */
export class ProxyError extends Error {
  /** The name of the class, for logs. */
  override name = "ProxyError";
  /** The stable name of what went wrong. */
  readonly reason: ErrorReason;
  /** Facts for a program: HTTP status, AWS error type, limits in milliseconds. */
  readonly data: ErrorData;
  /** The message without words of the target's: what a log may be told. */
  readonly summary: string;

  /**
   * An error of one reason.
   *
   * @param reason What went wrong.
   * @param message What went wrong and what to do, for a person.
   * @param options Facts for a program, the error this one stems from, and a
   * summary where the message has words of the target's.
   */
  constructor(
    reason: ErrorReason,
    message: string,
    options: { data?: ErrorData; cause?: unknown; summary?: string } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.data = options.data ?? {};
    this.summary = options.summary ?? message;
  }

  /** The JSON-RPC error code of {@linkcode ProxyError.reason}. */
  get code(): number {
    return ERROR_CODES[this.reason];
  }
}

/**
 * No credentials could be had, or they could not be refreshed. The message
 * says which sources were asked and what to run.
 *
 * @example
 * ```ts
 * import { CredentialsError } from "@scope/sigv4-proxy";
 *
 * const error = new CredentialsError("failed to load AWS credentials: …");
 * if (error.reason !== "credentials") throw new Error("the reason is fixed");
 * ```
 */
export class CredentialsError extends ProxyError {
  /** The name of the class, for logs. */
  override name = "CredentialsError";

  /**
   * An error of reason `credentials`.
   *
   * @param message What is missing and what to run.
   * @param options Facts for a program, and the error this one stems from.
   */
  constructor(
    message: string,
    options: { data?: ErrorData; cause?: unknown } = {},
  ) {
    super("credentials", message, options);
  }
}

/**
 * The configuration has faults: all of them, not the first alone.
 *
 * @example
 * ```ts
 * import { ConfigError } from "@scope/sigv4-proxy";
 *
 * const error = new ConfigError(["target URL is required"]);
 * if (error.faults.length !== 1) throw new Error("each fault is listed");
 * ```
 */
export class ConfigError extends Error {
  /** The name of the class, for logs. */
  override name = "ConfigError";
  /** One sentence a fault, each with the option that fixes it. */
  readonly faults: readonly string[];

  /**
   * An error that lists what is wrong.
   *
   * @param faults One sentence a fault.
   */
  constructor(faults: readonly string[]) {
    super(`configuration error: ${faults.join("; ")}`);
    this.faults = faults;
  }
}

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * What is behind an error of the network, in words: the message of its cause,
 * if it has one, on one line.
 */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error
    ? error.cause
    : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/^error sending request .*?: client error \(\w+\): /, "")
    // A query may hold a secret.
    .replace(/\bhttps?:\/\/[^\s)]+/g, (url) => URL.parse(url)?.origin ?? "…")
    .replace(/\s+/g, " ").trim();
}
