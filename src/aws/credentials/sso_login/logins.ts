/**
 * Logins that a program can begin itself (`--login`): which error a login would
 * fix, and the tokens that may not be written to disk.
 */

import type { JsonRecord } from "../../../json.ts";
import type { Login } from "../../../login.ts";

export interface SessionLogin extends Login {
  /**
   * The file for its token, if it has one, as far as that can be asked without
   * a person.
   *
   * @throws {LoginError} It could not begin.
   */
  check(signal: AbortSignal): Promise<string | undefined>;
}

/** A token in memory, for the lack of a place to write it to. */
export interface HeldToken {
  readonly record: JsonRecord;
  /** The access token of the file then; another one there is newer. */
  readonly onDisk: string | undefined;
}

/** The logins of a program, shared by its sources of credentials. */
export class Logins {
  /** Those of the sessions that were come to, whether they are over or not. */
  readonly known = new Map<string, SessionLogin>();
  readonly #offers = new WeakMap<object, Login>();
  /** Tokens by the file that they would be in. */
  readonly held = new Map<string, HeldToken>();

  offer(error: Error, login: Login): void {
    this.#offers.set(error, login);
  }

  /** The login that would fix what was thrown, if one would. */
  find(cause: unknown): Login | undefined {
    return cause instanceof Error ? this.#offers.get(cause) : undefined;
  }
}
