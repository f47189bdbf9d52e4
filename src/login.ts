/** A login that repairs a failure: what is shown of it, what comes of it. */

/** A page that somebody is to open to sign in. */
export interface LoginPage {
  readonly url: string;
  /** What it is for, and the code that it must show. */
  readonly message: string;
}

/** Shows the page; rejects if it was declined, or could not be shown. */
export type ShowPage = (page: LoginPage) => Promise<void>;

/** What would repair a failure. */
export interface Login {
  /** Names what it logs in to: there is one login at a time for each. */
  readonly key: string;
  /**
   * Logs in, or waits until another program has.
   *
   * @throws {LoginError} It came to nothing.
   */
  begin(show: ShowPage, signal: AbortSignal): Promise<void>;
}

/** What became of a login that came to nothing. */
export type LoginOutcome =
  | "declined"
  | "denied"
  | "dismissed"
  | "expired"
  | "failed"
  | "interrupted";

/** A login came to nothing: why, and what that is called in an error's data. */
export class LoginError extends Error {
  override name = "LoginError";
  readonly outcome: LoginOutcome;

  constructor(outcome: LoginOutcome, message: string) {
    super(message);
    this.outcome = outcome;
  }
}
