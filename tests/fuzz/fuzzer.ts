/**
 * What fuzzers have in common: cases that a seed makes, a target in this
 * process, and secrets that nobody may be shown.
 */

import type {
  Credentials,
  CredentialSource,
} from "../../src/aws/credentials/types.ts";
import { createSignedFetch } from "../../src/aws/signing/signed_fetch.ts";
import type { LogFields, LogLevel } from "../../src/log/log.ts";
import { Redactor } from "../../src/redact/redact.ts";
import type { Random } from "../support/random.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../support/stream/client.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../support/aws/test_identity.ts";
import { NOBODY } from "../support/net/nobody.ts";

/** Makes cases and tries them; throws at the first that goes wrong. */
export type Fuzzer = (random: Random, cases: number) => Promise<void>;

/** What a target in this process is asked, and answers. */
export type FuzzTarget = (
  body: string,
  init: RequestInit,
) => Response | Promise<Response>;

/** The session ID of such a target. */
export const FUZZ_SESSION = "fuzz-session-5b1f0c9d2e7a";

/** What must not be shown. */
export const FUZZ_SECRETS: readonly string[] = [
  TEST_CREDENTIALS.secretAccessKey,
  TEST_CREDENTIALS.sessionToken,
  FUZZ_SESSION,
];

/** What the proxy of a world is told. */
export interface FuzzWorldOptions
  extends Partial<Pick<StreamClientOptions, "accounts" | "findLogin">> {
  readonly credentials?: CredentialSource | Credentials;
}

/** A proxy in this process, before a target that is a function. */
export class FuzzWorld implements AsyncDisposable {
  readonly client: StreamClient;
  readonly #log: string[] = [];

  /**
   * @param options What the proxy is told besides; `credentials` stand for the
   * usual ones.
   */
  constructor(
    target: FuzzTarget,
    { credentials = TEST_CREDENTIALS, ...options }: FuzzWorldOptions = {},
  ) {
    const redactor = new Redactor();
    const note = (level: LogLevel) => (message: string, fields?: LogFields) => {
      this.#log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
    this.client = new StreamClient({
      url: NOBODY,
      retries: 0,
      fetch: createSignedFetch({
        ...TEST_SCOPE,
        origin: NOBODY,
        credentials,
        redactor,
        fetch: async (_url, init = {}) => {
          const { body } = init;
          return await target(
            body instanceof Blob ? await body.text() : "",
            init,
          );
        },
      }),
      log: {
        debug: note("debug"),
        info: note("info"),
        warn: note("warn"),
        error: note("error"),
      },
      ...options,
    });
  }

  /** Fails when a secret is in the log, or in an error of the proxy's own. */
  checkUnseen(ownErrors: readonly string[]): void {
    const texts = [...this.#log, ...ownErrors];
    for (const secret of FUZZ_SECRETS) {
      const shown = texts.find((text) => text.includes(secret));
      if (shown !== undefined) throw new Error(`a secret is shown: ${shown}`);
    }
    this.#log.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}

/** Whether a frame is an error of the proxy's own. */
// deno-lint-ignore no-explicit-any
export function isOwn(frame: Record<string, any>): boolean {
  return frame.error?.data?.source === "sigv4-proxy";
}

/** Fails with what a case was. */
export function wrong(what: string, given: unknown): never {
  const text = given instanceof Uint8Array
    ? JSON.stringify(new TextDecoder("latin1").decode(given))
    : JSON.stringify(given);
  throw new Error(`${what}; given ${text}`);
}
