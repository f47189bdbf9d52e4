/** How a client's user is asked to open a page, and what the answer means. */

import { messageOf, ProxyError } from "../../errors.ts";
import { LoginError, type LoginPage } from "../../login.ts";
import { resultFrame } from "../transport/link.ts";
import { AttemptError } from "../transport/retry.ts";
import { META, metaOf } from "../wire/era.ts";
import { excerpt } from "../wire/excerpt.ts";
import {
  isObject,
  type RequestId,
  type RequestMessage,
  type ResponseMessage,
} from "../wire/message.ts";
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

/** Whether a client of these capabilities shows pages to its user. */
export function canOpenPages(capabilities: unknown): boolean {
  const elicitation = isObject(capabilities) && capabilities.elicitation;
  return isObject(elicitation) && isObject(elicitation.url);
}

/** The answer to a call whose client is to ask its user, and come again. */
export function inputRequired(
  id: RequestId,
  page: LoginPage,
  requestState: string,
): Uint8Array {
  const params = { mode: "url", ...page };
  const question = { method: "elicitation/create", params };
  return resultFrame(
    id,
    JSON.stringify({
      resultType: "input_required",
      inputRequests: { [QUESTION]: question },
      requestState,
    }),
  );
}

/** The state of a call that comes again, if it has one. */
export function stateIn({ params }: RequestMessage): string | undefined {
  const state = isObject(params) ? params.requestState : undefined;
  return typeof state === "string" ? state : undefined;
}

/** What a call that comes again has in its parameters. */
const ANSWERS = ["inputResponses", "requestState"];

/** Those of a call, as members; most calls have none. */
export function answersIn(
  bytes: Uint8Array,
  { params }: RequestMessage,
): string {
  return ANSWERS.flatMap((name) => {
    if (!isObject(params) || !(name in params)) return [];
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
  const params = isObject(message.params) ? message.params : {};
  const { requestState: _state, inputResponses, ...rest } = params;
  const answer = isObject(inputResponses) ? inputResponses[QUESTION] : {};
  const refusal = refusalIn(answer);
  const first = { ...rest, ...JSON.parse(`{${answers}}`) };
  const call = { ...message, params: first };
  const place = memberAt(bytes, ["params"]);
  if (place === undefined) return [bytes, call, refusal];
  const plain = removeMembers(
    bytes,
    place,
    ({ name }) => name !== undefined && ANSWERS.includes(name),
  );
  const object = memberAt(plain, ["params"]);
  const frame = object === undefined || answers === ""
    ? plain
    : insertMembers(plain, object, answers);
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
  const action = isObject(answer) ? answer.action : undefined;
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
export function failed(failure: ProxyError, why: unknown): AttemptError {
  const login = why instanceof LoginError ? why.outcome : "failed";
  const message = `${failure.message} (--login: ${messageOf(why)})`;
  const data = { ...failure.data, login };
  const error = new ProxyError(failure.reason, message, { data, cause: why });
  return new AttemptError(error, "never");
}
