/** How a client's user is asked to open a page, and what the answer means. */

import { messageOf, ProxyError } from "../../errors.ts";
import { excerpt } from "../../excerpt.ts";
import { asObject, isObject } from "../../json.ts";
import type { Naming } from "../../naming.ts";
import { LoginError, type LoginPage } from "../../login.ts";
import { resultFrame } from "../transport/link.ts";
import { AttemptError } from "../transport/retry.ts";
import { META, metaOf } from "../wire/era.ts";
import type {
  RequestId,
  RequestMessage,
  ResponseMessage,
} from "../wire/message.ts";
import type { Member } from "../wire/scan.ts";
import {
  insertMembers,
  memberAt,
  removeMembers,
  sourceOf,
} from "../wire/splice.ts";

/** The name of the question in a result that asks for input. */
const QUESTION = "login";

/** Whether the client of a call of the modern era shows pages to its user. */
export function canShow({ params }: RequestMessage): boolean {
  return canOpenPages(metaOf(params)[META.clientCapabilities]);
}

export function canOpenPages(capabilities: unknown): boolean {
  return isObject(asObject(asObject(capabilities).elicitation).url);
}

/** The answer to a call whose client is to ask its user, and come again. */
export function inputRequired(
  id: RequestId,
  page: LoginPage,
  requestState: string,
): Uint8Array {
  const params = { mode: "url", ...page };
  const question = { method: "elicitation/create", params };
  const resultType = "input_required";
  const inputRequests = { [QUESTION]: question };
  const result = { resultType, inputRequests, requestState };
  return resultFrame(id, JSON.stringify(result));
}

/** The state of a call that comes again, if it has one. */
export function stateIn({ params }: RequestMessage): string {
  const { requestState } = asObject(params);
  return typeof requestState === "string" ? requestState : "";
}

/** What a call that comes again has in its parameters. */
const ANSWERS = ["inputResponses", "requestState"];

/** Those of a call, as members; most calls have none. */
export function answersIn(bytes: Uint8Array): string {
  return ANSWERS.flatMap((name) => {
    const place = memberAt(bytes, ["params", name]);
    return place ? `"${name}":${sourceOf(bytes, place)}` : [];
  }).join(",");
}

/**
 * A call that comes again, as it was made first, and what the user said.
 *
 * @param answers Those that it had then.
 */
export function asFirstMade(
  bytes: Uint8Array,
  message: RequestMessage,
  answers: string,
): readonly [bytes: Uint8Array, call: RequestMessage, refusal?: LoginError] {
  const { requestState: _state, inputResponses, ...rest } = asObject(
    message.params,
  );
  const refusal = refusalIn(asObject(inputResponses)[QUESTION]);
  const first = { ...rest, ...JSON.parse(`{${answers}}`) };
  const call = { ...message, params: first };
  const place = memberAt(bytes, ["params"]);
  const isAnswer = ({ name }: Member) => ANSWERS.includes(name);
  const plain = place ? removeMembers(bytes, place, isAnswer) : bytes;
  const object = answers === "" ? undefined : memberAt(plain, ["params"]);
  const frame = object ? insertMembers(plain, object, answers) : plain;
  return [frame, call, refusal];
}

/** Why a client's answer ends the login; nothing where it goes on. */
export function refusalOf(
  { error, result }: ResponseMessage,
): LoginError | undefined {
  if (!error) return refusalIn(result);
  const what = `the client cannot ask: ${excerpt(error.message)}`;
  return new LoginError("failed", what);
}

function refusalIn(answer: unknown): LoginError | undefined {
  const { action } = asObject(answer);
  // What is not there will be asked for by AWS's page all the same.
  if (action === "accept" || action === undefined) return undefined;
  return action === "cancel"
    ? new LoginError("dismissed", "the user dismissed it: the next call asks")
    : new LoginError(
      "declined",
      "the user declined it: nobody is asked for a minute",
    );
}

/** The error that there would have been at once, with what became of the login. */
export function failed(
  failure: ProxyError,
  why: unknown,
  { names }: Naming,
): AttemptError {
  const login = why instanceof LoginError ? why.outcome : "failed";
  const message = `${failure.message} (${names.login}: ${messageOf(why)})`;
  const data = { ...failure.data, login };
  const error = new ProxyError(failure.reason, message, { data, cause: why });
  return new AttemptError(error, "never");
}
