/**
 * The doctor's look at the target itself: a signed handshake, its tools, and
 * the end of the session.
 */

import type { CredentialSource } from "../../aws/credentials/types.ts";
import type { SignedFetch } from "../../aws/signing/signed_fetch.ts";
import { asObject } from "../../json.ts";
import { toolPages } from "../../mcp/tools/recorder.ts";
import { OwnRequests } from "../../mcp/transport/awaited.ts";
import { UNKNOWN_STATUSES } from "../../mcp/transport/failure.ts";
import { causeIn, isOwnError } from "../../mcp/transport/own_error.ts";
import { messageFrame, rpcErrorFrame } from "../../mcp/transport/link.ts";
import {
  LATEST_LEGACY_VERSION,
  META,
  metaOf,
  MODERN_VERSION,
} from "../../mcp/wire/era.ts";
import { FrameParser } from "../../mcp/wire/frames.ts";
import { parseMessage, requestsOf } from "../../mcp/wire/message.ts";
import { runStdioProxy } from "../../stdio/stdio_proxy.ts";
import { withLimit } from "../../time.ts";
import { VERSION } from "../../version.ts";
import { openTarget, proxyOptions, sessionHeaderOf } from "../target.ts";
import {
  type Checkup,
  failed,
  type Finding,
  hintsFor,
  named,
  note,
  TARGET_LOG,
} from "./report.ts";

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
    client.accept(messageFrame("notifications/initialized"));
    const session = client.hasSession ? "a session" : "no session";
    const version = String(result.protocolVersion);
    return greeting(result, version, result.serverInfo, session);
  }
  if (!mayBeModern(asObject(error.data))) return failure(error);
  const modern = await client.request("server/discover", {
    _meta: MODERN_META,
  });
  if (modern.error !== undefined) return failure(error);
  const serverInfo = metaOf(modern.result)[META.serverInfo];
  return greeting(modern.result, MODERN_VERSION, serverInfo);
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
  return !isOwnError(data) ||
    data.reason === "http-status" && UNKNOWN_STATUSES.has(data.status);
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
  const what = causeIn({ message: String(message), data });
  return { ...failed(what, ...hintsFor(data)), facts };
}

type JsonObject = Readonly<Record<string, unknown>>;

const NEWLINE = new TextEncoder().encode("\n");

/** A client, with the proxy between it and the target. */
class Client implements Disposable {
  /** Whether the target has named a session. */
  hasSession = false;
  /** The HTTP status that the target ended the session with. */
  endStatus: number | undefined;
  readonly #limitMs: number;
  readonly #fetch: SignedFetch;
  readonly #requests = new OwnRequests("sigv4-proxy:doctor", this);
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #proxy: Promise<void>;

  /** As it is configured, but with the doctor's limit. */
  constructor(checkup: Checkup, source: CredentialSource, profile?: string) {
    const { config, redactor, log, limitMs } = checkup;
    this.#limitMs = limitMs;
    this.#fetch = openTarget(config, source, checkup);
    const input = new TransformStream<Uint8Array, Uint8Array>();
    this.#writer = input.writable.getWriter();
    const frames = new FrameParser({ maxFrameBytes: Infinity });
    const write = (chunk: Uint8Array) => {
      for (const frame of frames.feed(chunk)) {
        if (frame instanceof Uint8Array) this.#receive(frame);
      }
    };
    this.#proxy = runStdioProxy({
      url: config.targetUrl,
      readable: input.readable,
      writable: new WritableStream({ write }),
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

  async request(method: string, params: JsonObject) {
    const [{ error }, bytes] = await this.#requests
      .askFor(method, JSON.stringify(params));
    const answer = asObject(JSON.parse(new TextDecoder().decode(bytes)));
    return {
      result: asObject(answer.result),
      error: error && asObject(answer.error),
    };
  }

  accept(frame: Uint8Array): void {
    for (const bytes of [frame, NEWLINE]) {
      this.#writer.write(bytes).catch(() => {});
    }
  }

  #receive(frame: Uint8Array): void {
    const message = parseMessage(frame);
    // An answer that breaks off leaves a line that is no message.
    if (message.kind === "invalid") return;
    if (message.kind === "response") this.#requests.take(message, frame);
    for (const { id } of requestsOf(message)) {
      // What the server asks of its client: this one has nothing to offer.
      const error = { code: -32601, message: "not offered" };
      this.accept(rpcErrorFrame(id, error));
    }
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
}
