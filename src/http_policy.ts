/**
 * What options do to messages at the HTTP front: forbid tools, add metadata.
 *
 * @module
 */

import { ProxyError } from "./errors.ts";
import { HttpError } from "./http_error.ts";
import { checkUnambiguous } from "./mcp/ambiguity.ts";
import { META, metaOf } from "./mcp/era.ts";
import {
  type BatchMessage,
  isObject,
  readMessage,
  type ResponseMessage,
  type SingleMessage,
} from "./mcp/message.ts";
import {
  addMetadata,
  type Metadata,
  paramsWithMetadata,
} from "./mcp/metadata.ts";
import { standardHeaders } from "./mcp/modern_headers.ts";
import { ToolPolicy, type ToolRules } from "./mcp/tool_policy.ts";

/** What a {@linkcode MessagePolicy} is made of. */
export interface MessagePolicyOptions {
  readonly tools: ToolRules;
  readonly metadata: Metadata;
  /** The time in milliseconds; `performance.now` by default. */
  readonly now?: () => number;
}

/** A message that may pass. */
export interface Admitted {
  /** What is sent. */
  readonly bytes: Uint8Array;
  /** Whether its answer may hold a list of tools. */
  readonly asksForTools: boolean;
}

/** Sends a request of the proxy's own, on behalf of a client's. */
export type Ask = (
  method: string,
  message: Uint8Array,
) => Promise<ResponseMessage>;

/** Asks the target for something, by a method and its parameters. */
type AskFor = (
  method: string,
  params: Record<string, unknown>,
) => Promise<ResponseMessage>;

/** More pages than any list has: a target may hand out cursors for ever. */
const MAX_PAGES = 1000;

/**
 * How long what a tool said of itself is believed. That the tools have changed
 * may be told to another of the proxies that stand side by side.
 */
const TOOLS_MAX_AGE_MS = 60_000;

const LIST = "tools/list";
const CALL = "tools/call";

const encoder = new TextEncoder();

/** Looks at messages before they are sent. */
export class MessagePolicy {
  /** Which tools may be seen and called; `undefined`: all. */
  readonly tools: ToolPolicy | undefined;
  readonly #metadata: Metadata;

  constructor({ tools, metadata, now }: MessagePolicyOptions) {
    const hasRules = tools.readOnly || tools.allow.length > 0 ||
      tools.deny.length > 0;
    const memory = { maxAgeMs: TOOLS_MAX_AGE_MS, now };
    this.tools = hasRules ? new ToolPolicy(tools, memory) : undefined;
    this.#metadata = metadata;
  }

  /**
   * Lets a message pass, or refuses it.
   *
   * @param bytes The message, or a batch of them.
   * @param headers The client's, which may say what the message says.
   * @param ask Asks the target for its tools, when a call needs them known.
   * @returns What is sent in its place.
   * @throws {HttpError} It is refused.
   */
  async admit(
    bytes: Uint8Array,
    headers: Headers,
    ask: Ask,
  ): Promise<Admitted> {
    const message = readMessage(bytes);
    if (message.kind === "invalid") {
      // What we cannot read the target might.
      if (this.tools === undefined) return { bytes, asksForTools: false };
      const error = new ProxyError(message.reason, message.detail);
      throw new HttpError(400, error);
    }
    const singles = message.kind === "batch" ? message.messages : [message];
    if (this.tools !== undefined) {
      checkNames(bytes, message);
      checkHeaders(headers, message);
      for (const single of singles) {
        const error = await refusalOf(
          single,
          this.tools,
          (method, params) =>
            ask(method, ownRequest(method, params, this.#metadata)),
        );
        // As MCP has it: a call fails, HTTP does not.
        const status = message.kind === "request" ? 200 : 400;
        if (error !== undefined) throw new HttpError(status, error);
      }
    }
    return {
      bytes: addMetadata(bytes, message, this.#metadata),
      asksForTools: singles.some((single) =>
        single.kind === "request" && single.method === LIST
      ),
    };
  }
}

/** Why a message may not pass; `undefined` when it may. */
async function refusalOf(
  message: SingleMessage,
  policy: ToolPolicy,
  ask: AskFor,
): Promise<ProxyError | undefined> {
  if (message.kind === "response" || message.method !== CALL) return undefined;
  const name = toolName(message.params);
  if (!policy.knows(name)) await learnTools(policy, message.params, ask);
  return policy.refusal(name);
}

/** A request of the proxy's own, which has the metadata as the client's have. */
function ownRequest(
  method: string,
  given: Record<string, unknown>,
  metadata: Metadata,
): Uint8Array {
  const id = `sigv4-proxy:tools:${crypto.randomUUID()}`;
  const params = paramsWithMetadata(given, metadata);
  return encoder.encode(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
}

/** Refuses what the target might read otherwise than the policy does. */
function checkNames(
  bytes: Uint8Array,
  message: SingleMessage | BatchMessage,
): void {
  try {
    checkUnambiguous(bytes, message);
  } catch (error) {
    if (!(error instanceof ProxyError)) throw error;
    throw new HttpError(400, error);
  }
}

/** Refuses headers by which a gateway might see another tool than the policy. */
function checkHeaders(
  headers: Headers,
  message: SingleMessage | BatchMessage,
): void {
  const hasMethod = message.kind === "request" ||
    message.kind === "notification";
  const mirrored = new Map(
    hasMethod ? standardHeaders(message.method, message.params) : [],
  );
  for (const name of ["Mcp-Method", "Mcp-Name"]) {
    const given = headers.get(name);
    if (given === null || given === mirrored.get(name.toLowerCase())) continue;
    const detail =
      `${name} does not say what the message says, which with a tool policy is refused`;
    throw new HttpError(400, new ProxyError("invalid-request", detail));
  }
}

/** Lists all tools; what cannot be listed stays unknown, and is refused. */
async function learnTools(
  policy: ToolPolicy,
  params: unknown,
  ask: AskFor,
): Promise<void> {
  const meta = metaOf(params);
  const _meta = Object.fromEntries(
    [META.protocolVersion, META.clientInfo, META.clientCapabilities]
      .flatMap((key) => key in meta ? [[key, meta[key]]] : []),
  );
  const isModern = META.protocolVersion in _meta;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { result } = await ask(LIST, {
      ...(isModern && { _meta }),
      ...(cursor !== undefined && { cursor }),
    });
    if (!isObject(result)) return;
    const tools = Array.isArray(result.tools) ? result.tools : [];
    for (const tool of tools) policy.learn(tool);
    const { nextCursor } = result;
    if (typeof nextCursor !== "string" || nextCursor === cursor) return;
    cursor = nextCursor;
  }
}

/** The tool that a call names; a call that names none is for no tool. */
function toolName(params: unknown): string {
  return isObject(params) && typeof params.name === "string" ? params.name : "";
}
