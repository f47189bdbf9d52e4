/**
 * When a failure proves that the target did not run a request. Whatever is not
 * here may have run, and is not sent again unless that does no harm.
 *
 * Two more such tables stand where the knowledge is: how a session is said to
 * be lost (`loss.ts`), and which refusals of a signature another one mends
 * (`aws/refusal_table.ts`).
 *
 * @module
 */

import type { Repeat } from "./failure.ts";

/** One kind of failure that came before the request was run. */
interface Proof {
  /** The text that the runtime's `fetch` rejects with. */
  readonly failure?: RegExp;
  /** The HTTP status, with the header that must be there. */
  readonly status?: number;
  readonly header?: string;
}

const PROOFS: readonly Proof[] = [
  {
    // RFC 9110, 9.2.2: no connection, so nothing was sent (DNS, TCP, a proxy's
    // CONNECT, the TLS handshake)
    failure: /client error \(Connect\)/,
  },
  {
    // RFC 8446, 4.4.2.4: the client ends the handshake
    failure: /invalid peer certificate/,
  },
  {
    // RFC 8446, 6.2: the server ends the handshake over the client's
    // certificate; with TLS 1.3 the request may be on its way by then, and is
    // not read
    failure:
      /received fatal alert: (?:\w*Certificate\w*|UnknownCA|AccessDenied)/,
  },
  {
    // RFC 9113, 8.7: REFUSED_STREAM, closed before any processing occurred
    failure: /stream error received: refused stream/,
  },
  {
    // RFC 9113, 6.8 and 8.7: GOAWAY with a last stream ID below the request's;
    // of a stream that it counts as seen, the runtime says something else
    failure: /connection error received: /,
  },
  {
    // RFC 6585, 4; API Gateway and Lambda throttle before they invoke (API
    // Gateway, Throttle requests; Lambda, Invoke, TooManyRequestsException)
    status: 429,
  },
  {
    // RFC 9110, 15.6.4: unable to handle the request for a time
    status: 503,
    header: "retry-after",
  },
];

/** Statuses after which a request may have run, and may succeed another time. */
const PASSING_STATUSES = [502, 503, 504];

/** Whether the text of a failed fetch says that nothing was run. */
export function failedUnprocessed(text: string): boolean {
  return PROOFS.some(({ failure }) => failure?.test(text));
}

/**
 * Whether a request may be sent again after an HTTP error.
 *
 * @param isAnswer Whether the body answers the request by its ID: whoever does
 * that has read the request, and may have run it.
 */
export function repeatAfter(
  { status, headers }: Response,
  isAnswer = false,
): Repeat {
  const isProven = !isAnswer &&
    PROOFS.some((proof) =>
      proof.status === status &&
      (proof.header === undefined || headers.has(proof.header))
    );
  if (isProven) return "always";
  const mayPass = status === 429 || PASSING_STATUSES.includes(status);
  return mayPass ? "if-repeatable" : "never";
}
