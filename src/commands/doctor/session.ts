/**
 * The doctor's look at the target itself: a signed handshake, its tools, and
 * the end of the session.
 *
 * @module
 */

import type { CredentialSource } from "../../aws/credentials/credentials.ts";
import type { SignedFetch } from "../../aws/signing/signed_fetch.ts";
import { isOwnError } from "../../mcp/transport/failure.ts";
import {
  LATEST_LEGACY_VERSION,
  MODERN_VERSION,
} from "../../mcp/wire/revisions.ts";
import { VERSION } from "../../version.ts";
import { openTarget } from "../context.ts";
import type { Checkup } from "./checkup.ts";
import {
  type Answer,
  type AnswerError,
  asObject,
  Conversation,
  type JsonObject,
} from "./conversation.ts";
import type { Finding } from "./report.ts";
import { remediesFor } from "./hints.ts";
import { withLimit } from "../limit.ts";

/** How many pages of tools are read. */
const MAX_PAGES = 50;

const CLIENT_INFO = { name: "sigv4-proxy doctor", version: VERSION };

/** In each modern request (2026-07-28, Basic, "Per-request metadata"). */
const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
  "io.modelcontextprotocol/clientInfo": CLIENT_INFO,
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** What came of the handshake. */
interface Handshake {
  readonly isModern: boolean;
  readonly capabilities: JsonObject;
}

/** An HTTP exchange with the target, as it went. */
interface Exchange {
  readonly method: string;
  readonly status: number;
  readonly hasSession: boolean;
}

/** Talks to the target as a client would. */
export async function checkSession(
  checkup: Checkup,
  source: CredentialSource,
): Promise<void> {
  const { report } = checkup;
  using talk = new Talk(checkup, source);
  const handshake = await report.take("initialize", () => talk.shakeHands());
  if (handshake === undefined) {
    await talk.end().catch(() => {});
    return await report.skip(["tools", "end"], "there is no session");
  }
  await report.take(
    "tools",
    () => countTools(talk.conversation, handshake),
  );
  await report.take("end", async () => {
    await talk.end();
    return farewell(handshake, talk.exchanges);
  });
}

/** Whether the target takes another profile than the first, too. */
export async function checkProfileSession(
  checkup: Checkup,
  profile: string,
  source: CredentialSource,
): Promise<void> {
  await checkup.report.take("initialize", async () => {
    using talk = new Talk(checkup, source);
    const { value: _value, ...finding } = await talk.shakeHands();
    await talk.end().catch(() => {});
    return {
      ...finding,
      detail: `${profile}: ${finding.detail}`,
      facts: { ...finding.facts, profile },
    };
  });
}

/** A conversation with the target, as it went. */
class Talk implements Disposable {
  readonly conversation: Conversation;
  readonly exchanges: Exchange[] = [];
  readonly #limitMs: number;
  readonly #fetch: SignedFetch;

  constructor(checkup: Checkup, source: CredentialSource) {
    const { config, redactor, log, limitMs } = checkup;
    this.#limitMs = limitMs;
    const signedFetch = this.#fetch = openTarget(config, source, checkup);
    this.conversation = new Conversation({
      url: config.targetUrl,
      fetch: async (input, init) => {
        const response = await signedFetch(input, init);
        this.exchanges.push({
          method: init?.method ?? "GET",
          status: response.status,
          hasSession: response.headers.has("mcp-session-id"),
        });
        return response;
      },
      headers: config.headers,
      transport: config.transport,
      cookies: config.cookies,
      tools: {
        readOnly: config.readOnly,
        allow: config.allowTool,
        deny: config.denyTool,
      },
      metadata: config.metadata,
      timeoutMs: limitMs,
      idleTimeoutMs: limitMs,
      maxFrameBytes: config.maxFrameBytes,
      maxAnswerBytes: config.maxAnswerBytes,
      log,
      redactor,
    });
  }

  shakeHands(): Promise<Finding<Handshake>> {
    return shakeHands(this.conversation, this.exchanges);
  }

  async end(): Promise<void> {
    await withLimit(this.#limitMs, () => this.conversation.end());
  }

  [Symbol.dispose](): void {
    this.#fetch[Symbol.dispose]();
  }
}

/** A server of either era answers one of the two. */
async function shakeHands(
  conversation: Conversation,
  exchanges: readonly Exchange[],
): Promise<Finding<Handshake>> {
  const initialized = await conversation.request("initialize", {
    protocolVersion: LATEST_LEGACY_VERSION,
    capabilities: {},
    clientInfo: CLIENT_INFO,
  });
  if ("result" in initialized) {
    await conversation.notify("notifications/initialized");
    const { protocolVersion, serverInfo, capabilities } = initialized.result;
    const hasSession = exchanges.some((exchange) => exchange.hasSession);
    return greeting({
      version: String(protocolVersion),
      serverInfo,
      session: hasSession ? "a session" : "no session",
      handshake: { isModern: false, capabilities: asObject(capabilities) },
    });
  }
  if (!mayBeModern(initialized.error)) return failure(initialized.error);
  const discovered = await conversation.request("server/discover", {
    _meta: MODERN_META,
  });
  if ("error" in discovered) return failure(initialized.error);
  const { result } = discovered;
  return greeting({
    version: MODERN_VERSION,
    serverInfo: asObject(result._meta)["io.modelcontextprotocol/serverInfo"],
    session: "no sessions in this revision",
    handshake: { isModern: true, capabilities: asObject(result.capabilities) },
  });
}

function greeting(
  { version, serverInfo, session, handshake }: {
    version: string;
    serverInfo: unknown;
    session: string;
    handshake: Handshake;
  },
): Finding<Handshake> {
  const info = asObject(serverInfo);
  const name = [info.name, info.version]
    .filter((part) => typeof part === "string").join(" ");
  return {
    detail: `${name || "a server without a name"}, MCP ${version}, ${session}`,
    facts: {
      era: handshake.isModern ? "modern" : "legacy",
      protocolVersion: version,
      serverName: typeof info.name === "string" ? info.name : undefined,
      serverVersion: typeof info.version === "string"
        ? info.version
        : undefined,
    },
    value: handshake,
  };
}

/** Refusals and faults of the network are no matter of eras. */
function mayBeModern({ data }: AnswerError): boolean {
  if (!isOwnError(data)) return true;
  if (data.reason !== "http-status") return false;
  return [400, 404, 405].includes(Number(data.status));
}

async function countTools(
  conversation: Conversation,
  { isModern, capabilities }: Handshake,
): Promise<Finding> {
  if (capabilities.tools === undefined) {
    return { status: "note", detail: "the server offers none" };
  }
  const names: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer: Answer = await conversation.request("tools/list", {
      ...(cursor === undefined ? {} : { cursor }),
      ...(isModern ? { _meta: MODERN_META } : {}),
    });
    if ("error" in answer) return failure(answer.error);
    const { tools, nextCursor } = answer.result;
    if (!Array.isArray(tools)) {
      return {
        status: "failed",
        detail: "tools/list was answered with none",
        advice: ["that is the server's fault: its result wants a list tools"],
      };
    }
    names.push(...tools.map((tool) => String(asObject(tool).name)));
    if (typeof nextCursor !== "string") break;
    cursor = nextCursor;
  }
  return {
    detail: names.length === 1 ? "1 tool" : `${names.length} tools`,
    facts: { count: names.length, names },
  };
}

function farewell(
  { isModern }: Handshake,
  exchanges: readonly Exchange[],
): Finding {
  if (isModern) return { detail: "there was no session" };
  const ended = exchanges.findLast(({ method }) => method === "DELETE");
  if (ended === undefined) {
    return exchanges.some(({ hasSession }) => hasSession)
      ? { status: "note", detail: "the target did not say that it is over" }
      : { detail: "there was no session" };
  }
  const { status } = ended;
  if (status >= 200 && status < 300) return { detail: "the session is over" };
  // 2025-11-25, Basic, Transports, "Session Management": a server may refuse.
  return status === 405
    ? { detail: "the target ends sessions by itself (HTTP 405)" }
    : { status: "note", detail: `the target answered with HTTP ${status}` };
}

function failure(
  { code, message, data }: AnswerError,
): Finding<never> {
  if (!isOwnError(data)) {
    return {
      status: "failed",
      detail: `the server answered with an error: ${message} (${code})`,
      advice: ["the target's own log says more"],
    };
  }
  const reason = String(data.reason);
  return {
    status: "failed",
    detail: message,
    advice: remediesFor(reason, data),
    facts: {
      reason,
      status: typeof data.status === "number" ? data.status : undefined,
      awsError: typeof data.awsError === "string" ? data.awsError : undefined,
    },
  };
}
