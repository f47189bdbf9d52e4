/**
 * What options do to messages in HTTP server mode: forbid tools, add metadata.
 */

import type { ProxySettings } from "../config/proxy_options.ts";
import { ProxyError } from "../errors.ts";
import { standardHeaders } from "../mcp/stateless/headers.ts";
import { LISTEN } from "../mcp/stateless/listen.ts";
import { ambiguitiesIn } from "../mcp/tools/ambiguity.ts";
import { toolName, ToolPolicy, unansweredCall } from "../mcp/tools/policy.ts";
import { type AskForTools, recordTools } from "../mcp/tools/recorder.ts";
import { hasRules } from "../mcp/tools/rules.ts";
import { frameTooLarge, streamCut, toHeld } from "../mcp/transport/failure.ts";
import { type Answer, answerIn } from "../mcp/transport/link.ts";
import { mediaType, readBody } from "../mcp/wire/body.ts";
import {
  parseMessageInTurns,
  type RequestId,
  requestsOf,
  type SingleMessage,
  singlesOf,
  type ValidMessage,
} from "../mcp/wire/message.ts";
import { paramsWithMetadata, withMetadata } from "../mcp/wire/metadata.ts";
import { readEvents } from "../mcp/wire/events.ts";
import type { Naming } from "../naming.ts";
import { forBatch, HttpError } from "./error.ts";
import { ListFilter } from "./filter.ts";
import type { HeaderMap } from "./headers.ts";

interface Admitted {
  /** What is sent: the message, or one in its place. */
  readonly bytes: Uint8Array;
  /** Makes what its answer must pass, once that is there. */
  readonly filter?: () => ListFilter | undefined;
}

/** Sends a request of the proxy's own, on behalf of a client's. */
export type Send = (
  headers: HeaderMap,
  message: Uint8Array,
) => Promise<Response>;

/** What the target said in place of its tools: an HTTP error or a redirect. */
export class TargetRefusal extends Error {
  override name = "TargetRefusal";

  constructor(readonly answer: Response) {
    super(`the target answered HTTP ${answer.status}`);
  }
}

/**
 * How long what a tool said of itself is trusted. That the tools have changed
 * may be told to another of the proxies that stand side by side.
 */
const TOOLS_MAX_AGE_MS = 60_000;

const LIST = "tools/list";
const CALL = "tools/call";

const encoder = new TextEncoder();

type PolicySettings =
  & Pick<ProxySettings, "tools" | "metadata" | "maxAnswerBytes">
  & Naming;

/** Looks at messages before they are sent. */
export class MessagePolicy {
  readonly tools: ToolPolicy | undefined;
  readonly #settings: PolicySettings;

  constructor(settings: PolicySettings, now?: () => number) {
    const { tools, names } = settings;
    const memory = { maxAgeMs: TOOLS_MAX_AGE_MS, names, now };
    this.tools = hasRules(tools) ? new ToolPolicy(tools, memory) : undefined;
    this.#settings = settings;
  }

  /**
   * Lets a message pass, or refuses it.
   *
   * @param headers Those it would be sent with, which may say what it says.
   * @param send Asks the target for its tools, when a call needs them known.
   * @throws {HttpError} It is refused.
   * @throws {TargetRefusal} The target refuses to say which tools it has.
   */
  async admit(
    bytes: Uint8Array,
    headers: HeaderMap,
    send: Send,
  ): Promise<Admitted> {
    const { tools } = this;
    const message = await parseMessageInTurns(bytes);
    if (message.kind === "invalid") {
      // What we cannot read the target might.
      if (tools === undefined) return { bytes };
      const error = new ProxyError(message.reason, message.detail);
      throw new HttpError(400, error);
    }
    const [sent] = withMetadata(bytes, message, this.#settings.metadata);
    if (tools === undefined) return { bytes: sent };
    checkReading(bytes, message, headers);
    const ask: AskForTools = (params) => this.#ask(params, headers, send);
    await checkCalls(message, tools, ask);
    const methods = requestsOf(message).map(({ method }) => method);
    // Whoever begins a session may have lost one to a target that has begun
    // anew, and that may have other tools.
    const beginsSession = methods.includes("initialize");
    if (beginsSession) tools.forget();
    const mayTellOfChange = tools.usesHints && methods.includes(LISTEN);
    const mayBeAboutTools = mayTellOfChange || methods.includes(LIST);
    const id = message.kind === "request" ? message.id : undefined;
    const { changes } = tools;
    const filter = () => {
      // What was said in the session before it says nothing of this one.
      if (beginsSession) tools.forget();
      return mayBeAboutTools ? this.filter(id, changes) : undefined;
    };
    return { bytes: sent, filter };
  }

  /** Asks for a page of tools; it has the metadata as the client's requests. */
  async #ask(
    given: Readonly<Record<string, unknown>>,
    headers: HeaderMap,
    send: Send,
  ): Promise<Answer> {
    const id = `sigv4-proxy:tools:${crypto.randomUUID()}`;
    const params = paramsWithMetadata(given, this.#settings.metadata);
    const message = { jsonrpc: "2.0", id, method: LIST, params };
    const bytes = encoder.encode(JSON.stringify(message));
    const answer = await send(ownHeaders(headers), bytes);
    if (!answer.ok) throw new TargetRefusal(answer);
    const found = await answerOf(answer, this.#settings)
      .catch((cause) => {
        throw cause instanceof ProxyError ? cause : streamCut(cause);
      });
    if (found !== undefined) return found;
    throw new ProxyError(
      "no-answer",
      `the target did not answer ${LIST}, which the proxy asked for itself`,
    );
  }

  /**
   * What an answer must pass that may be about tools.
   *
   * @param id The request that it answers; none, if it is a stream of a GET's.
   * @param changes How often the tools had changed when that was sent.
   */
  filter(id?: RequestId, changes?: number): ListFilter | undefined {
    const { tools: policy } = this;
    if (policy === undefined) return undefined;
    const { maxAnswerBytes: maxBytes, names } = this.#settings;
    const sentAt = changes ?? policy.changes;
    return new ListFilter({ policy, maxBytes, names, id, changes: sentAt });
  }
}

/** Refuses what the target, or a gateway, might read otherwise. */
function checkReading(
  bytes: Uint8Array,
  message: ValidMessage,
  headers: HeaderMap,
): void {
  const [ambiguity] = ambiguitiesIn(bytes, message).values();
  const error = ambiguity ?? headerFault(headers, message);
  if (error) throw forBatch(new HttpError(400, error), message);
}

/** Refuses calls of tools that are not allowed, and what stands beside them. */
async function checkCalls(
  message: ValidMessage,
  policy: ToolPolicy,
  ask: AskForTools,
): Promise<void> {
  const refused = new Map<SingleMessage, ProxyError>();
  for (const single of singlesOf(message)) {
    const error = await refusalOf(single, policy, ask);
    if (error !== undefined) refused.set(single, error);
  }
  const [first] = refused.values();
  if (first === undefined) return;
  // As MCP has it: a call fails, HTTP does not.
  if (message.kind === "request") throw new HttpError(200, first);
  const beside = new ProxyError(
    "blocked",
    "nothing of the batch was sent, since a call in it is blocked",
  );
  throw forBatch(
    new HttpError(400, first),
    message,
    (single) => refused.get(single) ?? beside,
  );
}

/** Why a message may not pass; `undefined` when it may. */
async function refusalOf(
  message: SingleMessage,
  policy: ToolPolicy,
  ask: AskForTools,
): Promise<ProxyError | undefined> {
  if (message.kind === "response" || message.method !== CALL) return undefined;
  if (message.kind === "notification") return unansweredCall(message);
  const { params } = message;
  const name = toolName(params);
  if (policy.knows(name)) return policy.refusal(name);
  const failure = await recordTools(policy, params, ask).catch((cause) => {
    const isTooLarge = cause instanceof ProxyError &&
      cause.reason === "frame-too-large";
    if (!isTooLarge) throw toHeld(cause);
    // Else it would read as if the call's own answer were too large.
    return cause.message;
  });
  return policy.refusal(name, failure);
}

/** What is wrong with headers by which a gateway might see another tool. */
function headerFault(
  headers: HeaderMap,
  message: ValidMessage,
): ProxyError | undefined {
  const mirrored = new Map(
    "method" in message ? standardHeaders(message.method, message.params) : [],
  );
  for (const name of ["Mcp-Method", "Mcp-Name"]) {
    const given = headers.get(name.toLowerCase());
    const isTrue = given === mirrored.get(name.toLowerCase());
    if (given === undefined || isTrue) continue;
    return new ProxyError(
      "invalid-request",
      `${name} does not say what the message says, which with a tool policy is refused`,
    );
  }
}

/** The client's headers, as far as they are not about its own message. */
function ownHeaders(given: HeaderMap): HeaderMap {
  const headers = new Map(
    [...given].filter(([name]) => !/^mcp-(?:name$|param-)/.test(name)),
  );
  if (headers.has("mcp-method")) headers.set("mcp-method", LIST);
  headers.set("content-type", "application/json");
  headers.set("accept", "application/json, text/event-stream");
  return headers;
}

async function answerOf(
  answer: Response,
  settings: PolicySettings,
): Promise<Answer | undefined> {
  const { maxAnswerBytes: maxBytes, names } = settings;
  if (mediaType(answer) !== "text/event-stream") {
    const body = await readBody(answer, { maxBytes });
    if (body === undefined) throw frameTooLarge(undefined, settings);
    return answerIn(body);
  }
  const events = readEvents(answer, { maxDataBytes: maxBytes, names });
  for await (const { data, oversized } of events) {
    if (oversized) throw frameTooLarge(undefined, settings);
    const given = answerIn(data);
    if (given !== undefined) return given;
  }
}
