/**
 * What the body of an HTTP error says of the request. Only one that was read
 * to its end, is understood and does not name the request lets it be sent
 * again: whoever names a request has read it, and may have run it.
 */

import { Semaphore } from "../../../semaphore.ts";
import {
  type BodyBeginning,
  type BodyLimits,
  mediaType,
  readBeginning,
  unknownEncoding,
} from "../../wire/body.ts";
import { withoutByteOrderMark } from "../../wire/bytes.ts";
import { eventsIn } from "../../wire/events.ts";
import { scanInTurns } from "../../wire/large_message.ts";
import {
  type Message,
  parseMessage,
  requestIdFromSource,
  type ResponseMessage,
  type RpcError,
  singlesOf,
} from "../../wire/message.ts";
import { repairedAnswer } from "../../wire/answers.ts";
import type { Exchange } from "../exchange.ts";
import { partsOf } from "../link.ts";

const MIB = 1024 * 1024;

/** How much of HTTP errors' bodies is read, of each and at once. */
const ERROR_BODY: BodyLimits = {
  maxBytes: MIB,
  limitMs: 3_000,
  room: new Semaphore(16 * MIB),
};

/** The body of an HTTP error, as far as it can be had; to be disposed of. */
export function readErrorBody(
  response: Response,
  goesOn?: BodyLimits["goesOn"],
): Promise<BodyBeginning> {
  return readBeginning(response, { ...ERROR_BODY, goesOn });
}

type RpcErrorAnswer = ResponseMessage & { readonly error: RpcError };

/** The JSON-RPC error that a body is, if it is one. */
export function parseRpcError(body: Uint8Array): RpcErrorAnswer | undefined {
  const message = parseMessage(body);
  if (message.kind !== "response" || message.fault !== undefined) return;
  const { error } = message;
  return error && { ...message, error };
}

export interface ErrorBody {
  /** The messages to deliver, where the request's answer is among them. */
  readonly messages: readonly Uint8Array[] | undefined;
  /** The one text that the client is told of. */
  readonly text: Uint8Array;
  /** The JSON-RPC error that this text is, if it is one. */
  readonly answer: RpcErrorAnswer | undefined;
  /** Whether it names a request of the exchange. */
  readonly isOwn: boolean;
  /** Whether all of it was read and understood, and nothing runs by it. */
  readonly isClear: boolean;
}

const decoder = new TextDecoder();

export async function parseErrorBody(
  response: Response,
  exchange: Exchange,
): Promise<ErrorBody> {
  using body = await readErrorBody(response);
  const { bytes, isComplete } = body;
  const isBatch = exchange.method === "batch";
  const isStream = mediaType(response) === "text/event-stream";
  const bodies = (isStream ? textsIn(bytes) : [bytes])
    .map(withoutByteOrderMark);
  for (const body of bodies) await scanInTurns(body);
  const texts = isBatch ? bodies : bodies.map(repaired);
  const messages = texts.map(parseMessage);
  const singles = messages.flatMap((message) =>
    message.kind === "invalid" ? [] : singlesOf(message)
  );
  const isError = (message: Message) =>
    message.kind === "response" && message.error !== undefined;
  const answers = singles.filter((one) =>
    one.kind === "response" && exchange.owedAlike(one.id)
  );
  const isAlone = texts.length === 1 && singles.length === 1 &&
    answers.some(isError) && !isBatch;
  const text = texts[Math.max(messages.findIndex(isError), 0)];
  const words = decoder.decode(bytes);
  return {
    messages: answers.length > 0 && !isAlone ? texts : undefined,
    text,
    answer: parseRpcError(text),
    isOwn: answers.length > 0 || namesRequest(exchange, words) ||
      messages.some((message) =>
        message.kind === "invalid" && [...message.ids, message.answerTo]
          .some((id) => exchange.owedAlike(id))
      ),
    isClear: isComplete && isText(words) &&
      unknownEncoding(response) === undefined &&
      messages.every((message, index) => isRead(message, texts[index])) &&
      singles.every(isError),
  };
}

/** The one message in a text, repaired; the text, if it has none or several. */
function repaired(text: Uint8Array): Uint8Array {
  const parts = partsOf(text);
  if (parts.length !== 1) return text;
  const [{ bytes, message }] = parts;
  return repairedAnswer(bytes, message);
}

/** What the events of a stream hold; where there are none, all there is. */
function textsIn(stream: Uint8Array): Uint8Array[] {
  const texts = eventsIn(stream).map(({ data }) => data)
    .filter(({ length }) => length > 0);
  return texts.length > 0 ? texts : [stream];
}

/** An `id` or a `requestId` anywhere in JSON, or in what was to be JSON. */
const ID =
  /"(?:request[-_ ]?)?id"\s*:\s*("[^"\\]{0,1024}"|-?\d[\d.e+-]{0,1024})/gi;

/** Whether a text has the ID of a request, however deep: in a string, too. */
export function namesRequest(exchange: Exchange, text: string): boolean {
  if (!exchange.isRequest) return false;
  const plain = text
    .replace(
      /\\u00([0-7][\da-f])/gi,
      (_, hex) => String.fromCharCode(parseInt(hex, 16)),
    )
    .replace(/\\(?=[\\"])/g, "");
  return [...text.matchAll(ID), ...plain.matchAll(ID)]
    .some(([, source]) => exchange.owedAlike(requestIdFromSource(source)));
}

/** Whether it is UTF-8 through and through. */
function isText(text: string): boolean {
  return !/[\0\ufffd]/.test(text);
}

/** Whether a text is no JSON that broke: words and pages are none at all. */
function isRead(message: Message, text: Uint8Array): boolean {
  if (message.kind !== "invalid" || message.reason !== "parse") return true;
  return !/^\s{0,1024}(?:\{|\[\s{0,1024}[[{"])/.test(
    decoder.decode(text.subarray(0, 1024)),
  );
}
