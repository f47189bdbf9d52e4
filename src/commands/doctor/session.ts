/**
 * The doctor's look at the target itself: a signed handshake, its tools, and
 * the end of the session.
 */

import type { CredentialSource } from "../../aws/credentials/types.ts";
import { toolPages } from "../../mcp/tools/recorder.ts";
import { isOwnError } from "../../mcp/transport/failure.ts";
import {
  LATEST_LEGACY_VERSION,
  MODERN_VERSION,
} from "../../mcp/wire/revisions.ts";
import { VERSION } from "../../version.ts";
import {
  type Checkup,
  failed,
  type Finding,
  hintsFor,
  named,
  note,
  TARGET_LOG,
} from "./report.ts";
import type { SignedFetch } from "../../aws/signing/signed_fetch.ts";
import { META } from "../../mcp/wire/era.ts";
import { isObject } from "../../mcp/wire/message.ts";
import { runStdioProxy } from "../../stdio/stdio_proxy.ts";
import { withLimit } from "../../time.ts";
import { openTarget, proxyOptions, sessionHeaderOf } from "../target.ts";

const CLIENT_INFO = { name: "sigv4-proxy doctor", version: VERSION };

/** In each modern request (2026-07-28, Basic, "Per-request metadata"). */
const MODERN_META = {
  [META.protocolVersion]: MODERN_VERSION,
  [META.clientInfo]: CLIENT_INFO,
  [META.clientCapabilities]: {},
};

interface Handshake {
  readonly isModern: boolean;
  readonly capabilities: JsonObject;
}

/** Talks to the target as a client would. */
export async function checkSession(
  checkup: Checkup,
  source: CredentialSource,
): Promise<void> {
  const { report } = checkup;
  using client = new Client(checkup, source);
  const handshake = await report.take("initialize", () => initialize(client));
  if (handshake === undefined) {
    await client.end().catch(() => {});
    return await report.skip(["tools", "end"], "there is no session");
  }
  await report.take("tools", () => countTools(client, handshake));
  await report.take("end", async () => {
    await client.end();
    return endOf(client, handshake);
  });
}

/** Whether the target takes another profile than the first, too. */
export async function checkProfileSession(
  checkup: Checkup,
  profile: string,
  source: CredentialSource,
): Promise<void> {
  await checkup.report.take("initialize", async () => {
    using client = new Client(checkup, source, profile);
    const found = await initialize(client);
    await client.end().catch(() => {});
    return named("profile", profile, found);
  });
}

/** A server of either era answers one of the two. */
async function initialize(client: Client): Promise<Finding<Handshake>> {
  const { result, error } = await client.request("initialize", {
    protocolVersion: LATEST_LEGACY_VERSION,
    capabilities: {},
    clientInfo: CLIENT_INFO,
  });
  if (error === undefined) {
    await client.notify("notifications/initialized");
    const session = client.hasSession ? "a session" : "no session";
    const version = String(result.protocolVersion);
    return greeting(result, version, result.serverInfo, session);
  }
  if (!mayBeModern(asObject(error.data))) return failure(error);
  const discovered = await client.request("server/discover", {
    _meta: MODERN_META,
  });
  if (discovered.error !== undefined) return failure(error);
  const { _meta } = discovered.result;
  const serverInfo = asObject(_meta)["io.modelcontextprotocol/serverInfo"];
  return greeting(discovered.result, MODERN_VERSION, serverInfo);
}

function greeting(
  { capabilities }: JsonObject,
  protocolVersion: string,
  serverInfo: unknown,
  session?: string,
): Finding<Handshake> {
  const { name, version } = asObject(serverInfo);
  const [serverName, serverVersion] = [name, version]
    .map((part) => typeof part === "string" ? part : undefined);
  const server = [serverName, serverVersion].filter(Boolean).join(" ") ||
    "a server without a name";
  const isModern = session === undefined;
  const held = session ?? "no sessions in this revision";
  return {
    detail: `${server}, MCP ${protocolVersion}, ${held}`,
    facts: {
      era: isModern ? "modern" : "legacy",
      protocolVersion,
      serverName,
      serverVersion,
    },
    value: { isModern, capabilities: asObject(capabilities) },
  };
}

/** Refusals and faults of the network are no matter of eras. */
function mayBeModern(data: JsonObject): boolean {
  if (!isOwnError(data)) return true;
  return data.reason === "http-status" &&
    [400, 404, 405].includes(Number(data.status));
}

async function countTools(
  client: Client,
  { isModern, capabilities }: Handshake,
): Promise<Finding> {
  if (capabilities.tools === undefined) {
    return note("the server offers none");
  }
  const names: string[] = [];
  const pages = toolPages(
    (params) => client.request("tools/list", params),
    isModern ? { _meta: MODERN_META } : {},
  );
  for await (const { result, error } of pages) {
    if (error !== undefined) return failure(error);
    if (!Array.isArray(result.tools)) {
      return failed(
        "tools/list was answered with none",
        "that is the server's fault: its result wants a list tools",
      );
    }
    names.push(...result.tools.map((tool) => String(asObject(tool).name)));
  }
  return {
    detail: names.length === 1 ? "1 tool" : `${names.length} tools`,
    facts: { count: names.length, names },
  };
}

function endOf(
  { hasSession, endStatus: status }: Client,
  { isModern }: Handshake,
): Finding {
  if (isModern || !hasSession) return { detail: "there was no session" };
  if (status === undefined) {
    return note("the target did not say that it is over");
  }
  if (status >= 200 && status < 300) return { detail: "the session is over" };
  // 2025-11-25, Basic, Transports, "Session Management": a server may refuse.
  return status === 405
    ? { detail: "the target ends sessions by itself (HTTP 405)" }
    : note(`the target answered with HTTP ${status}`);
}

function failure({ code, message, data }: JsonObject): Finding<never> {
  if (!isOwnError(data)) {
    return failed(
      `the server answered with an error: ${message} (${code})`,
      TARGET_LOG,
    );
  }
  const { reason, status, awsError } = data;
  const facts = { reason, status, awsError };
  return { ...failed(String(message), ...hintsFor(data)), facts };
}

/** A JSON object, its values not yet looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly result: JsonObject;
  /** `undefined` when there is a result. */
  readonly error: JsonObject | undefined;
}

/** The client, with the proxy between it and the target. */
export class Client implements Disposable {
  /** Whether the target has named a session. */
  hasSession = false;
  /** The HTTP status that the target ended the session with. */
  endStatus: number | undefined;
  readonly #limitMs: number;
  readonly #fetch: SignedFetch;
  readonly #writer: WritableStreamDefaultWriter<string>;
  readonly #proxy: Promise<void>;
  readonly #pending = new Map<unknown, (answer: Answer) => void>();
  #fragment = "";

  /**
   * As it is configured, but with the doctor's limit; the first's by default.
   */
  constructor(checkup: Checkup, source: CredentialSource, profile?: string) {
    const { config, redactor, log, limitMs } = checkup;
    this.#limitMs = limitMs;
    this.#fetch = openTarget(config, source, checkup);
    const input = new TextEncoderStream();
    this.#writer = input.writable.getWriter();
    const decoder = new TextDecoder();
    this.#proxy = runStdioProxy({
      url: config.targetUrl,
      readable: input.readable,
      writable: new WritableStream({
        write: (chunk) => this.#read(decoder.decode(chunk, { stream: true })),
      }),
      fetch: async (input, init) => {
        const response = await this.#fetch(input, init);
        this.hasSession ||= response.headers.has("mcp-session-id");
        if (init?.method === "DELETE") this.endStatus = response.status;
        return response;
      },
      ...proxyOptions(config, profile),
      sessionHeader: sessionHeaderOf(config),
      transport: config.transport,
      cookies: config.cookies,
      maxFrameBytes: config.maxFrameBytes,
      timeoutMs: limitMs,
      idleTimeoutMs: limitMs,
      log,
      redactor,
    });
  }

  async request(method: string, params: JsonObject): Promise<Answer> {
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#pending.set(id, resolve);
    await this.#send({ id, method, params });
    return await promise;
  }

  notify(method: string): Promise<void> {
    return this.#send({ method });
  }

  /** Ends the conversation; the proxy ends its session with the target. */
  async end(): Promise<void> {
    await withLimit(this.#limitMs, async () => {
      await this.#writer.close();
      await this.#proxy;
    });
  }

  [Symbol.dispose](): void {
    this.#fetch[Symbol.dispose]();
  }

  #send(message: JsonObject): Promise<void> {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    return this.#writer.write(`${text}\n`);
  }

  #read(text: string): void {
    const lines = (this.#fragment + text).split("\n");
    this.#fragment = lines.pop() ?? "";
    for (const line of lines) this.#take(asObject(parse(line)));
  }

  #take({ id, method, result, error }: JsonObject): void {
    if (method === undefined) {
      this.#pending.get(id)?.({
        result: asObject(result),
        error: error === undefined ? undefined : asObject(error),
      });
      this.#pending.delete(id);
    } else if (id !== undefined) {
      // What the server asks of its client: this one has nothing to offer.
      const error = { code: -32601, message: "not offered" };
      this.#send({ id, error }).catch(() => {});
    }
  }
}

/** An answer that breaks off leaves a line that is no JSON. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** An object; an empty one in place of anything else. */
function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
