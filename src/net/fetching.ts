/** What a request is sent with, besides the global `fetch`. */

/** A `fetch` of some kind. What wraps one hands on all of `Init`. */
export type Fetching<Init extends RequestInit | undefined, Input = URL> = (
  input: Input,
  init: Init,
) => Promise<Response>;

export interface HoldingInit extends RequestInit {
  /** Is told that the request waits for credentials, then that it leaves. */
  readonly onHold: ((isHeld: boolean) => void) | undefined;
}

/** May keep a request back before it leaves; the global `fetch` never does. */
export type HoldingFetch = Fetching<HoldingInit>;
