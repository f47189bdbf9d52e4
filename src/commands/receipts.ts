/**
 * What is said of a result: which identity, in which region, under which
 * request ID answered. Who an identity is, STS says, once for its credentials.
 */

import type { Credentials } from "../aws/credentials/types.ts";
import type { Log } from "../log/log.ts";
import { LruCache } from "../lru_cache.ts";
import { askCaller, type StsQuestion } from "./caller.ts";

/** How long a result may wait for what STS says. */
const LIMIT_MS = 5_000;

/** When STS is asked again who an identity is, after it did not say. */
const ASK_AGAIN_MS = 60_000;

/** Of how many credentials it is remembered whose they are. */
const MAX_CALLERS = 512;

/** Where services of AWS have the ID of a request. */
const ID_HEADERS = [
  "x-amzn-requestid",
  "x-amzn-request-id",
  "x-amz-request-id",
  "apigw-requestid",
];

/** What an ID may look like: it goes to the client. */
const REQUEST_ID = /^[\w.:=+/-]{1,128}$/;

/** What an identity was asked for by. */
export interface NamedBy {
  readonly profile?: string;
  readonly role?: string;
}

type Caller = { readonly account?: string; readonly arn?: string };

export class Receipts {
  readonly #question: StsQuestion;
  readonly #log: Log;
  readonly #answers = new WeakMap<
    Response,
    { namedBy: NamedBy; credentials: Credentials | undefined }
  >();
  readonly #callers = new LruCache<Promise<Caller>>(MAX_CALLERS);

  constructor(
    { log, ...question }: Omit<StsQuestion, "limitMs"> & { log: Log },
  ) {
    this.#question = { ...question, limitMs: LIMIT_MS };
    this.#log = log;
  }

  /** What a signed fetch tells of its answers; some went unsigned. */
  noteFor(
    namedBy: NamedBy,
  ): (response: Response, credentials: Credentials | undefined) => void {
    return (response, credentials) =>
      void this.#answers.set(response, { namedBy, credentials });
  }

  /** The receipt of an answer, as JSON; `undefined` if it is of nobody known. */
  async receiptOf(response: Response): Promise<string | undefined> {
    const noted = this.#answers.get(response);
    if (noted === undefined) return undefined;
    const { credentials, namedBy } = noted;
    const requestId = ID_HEADERS.map((name) => response.headers.get(name))
      .find((id) => id !== null && REQUEST_ID.test(id));
    const isSigned = credentials !== undefined;
    return JSON.stringify({
      ...isSigned && await this.#callerOf(credentials),
      ...isSigned && namedBy,
      region: this.#question.config.region,
      requestId,
    });
  }

  #callerOf(credentials: Credentials): Promise<Caller> {
    const { accessKeyId } = credentials;
    const known = this.#callers.get(accessKeyId);
    if (known !== undefined) return known;
    const asked = this.#ask(credentials);
    this.#callers.set(accessKeyId, asked);
    return asked;
  }

  async #ask(credentials: Credentials): Promise<Caller> {
    const answer = await askCaller(credentials, this.#question);
    if (answer.kind === "known") {
      const { account, arn } = answer;
      return { account, arn: this.#question.redactor.redact(arn) };
    }
    const why = answer.kind === "unknown" ? answer.why : answer.error.summary;
    this.#log.debug("receipts lack the identity", { why });
    const forget = () => this.#callers.delete(credentials.accessKeyId);
    Deno.unrefTimer(setTimeout(forget, ASK_AGAIN_MS));
    return {};
  }
}
