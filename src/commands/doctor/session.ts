/**
 * The doctor's look at the target itself: a signed handshake, its tools, and
 * the end of the session.
 *
 * @module
 */

import type { CredentialSource } from "../../aws/credentials/types.ts";
import { isOwnError } from "../../mcp/transport/failure.ts";
import {
  LATEST_LEGACY_VERSION,
  MODERN_VERSION,
} from "../../mcp/wire/revisions.ts";
import { VERSION } from "../../version.ts";
import type { Checkup } from "./checkup.ts";
import { asObject, Client, type JsonObject } from "./client.ts";
import { hintsFor, TARGET_LOG } from "./hints.ts";
import { failed, type Finding, note } from "./report.ts";

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
  { report, ...checkup }: Checkup,
  profile: string,
  source: CredentialSource,
): Promise<void> {
  await report.take("initialize", async () => {
    using client = new Client({ report, ...checkup }, source);
    const { detail, facts, ...finding } = await initialize(client);
    await client.end().catch(() => {});
    return {
      ...finding,
      detail: `${profile}: ${detail}`,
      facts: { ...facts, profile },
    };
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
    return greeting(result, {
      isModern: false,
      version: String(result.protocolVersion),
      serverInfo: asObject(result.serverInfo),
      session: client.hasSession ? "a session" : "no session",
    });
  }
  if (!mayBeModern(asObject(error.data))) return failure(error);
  const discovered = await client.request("server/discover", {
    _meta: MODERN_META,
  });
  if (discovered.error !== undefined) return failure(error);
  const meta = asObject(discovered.result._meta);
  return greeting(discovered.result, {
    isModern: true,
    version: MODERN_VERSION,
    serverInfo: asObject(meta["io.modelcontextprotocol/serverInfo"]),
    session: "no sessions in this revision",
  });
}

function greeting(
  { capabilities }: JsonObject,
  { isModern, version, serverInfo, session }: {
    isModern: boolean;
    version: string;
    serverInfo: JsonObject;
    session: string;
  },
): Finding<Handshake> {
  const [serverName, serverVersion] = [serverInfo.name, serverInfo.version]
    .map((part) => typeof part === "string" ? part : undefined);
  const name = [serverName, serverVersion].filter(Boolean).join(" ");
  return {
    detail: `${name || "a server without a name"}, MCP ${version}, ${session}`,
    facts: {
      era: isModern ? "modern" : "legacy",
      protocolVersion: version,
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
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { result, error } = await client.request("tools/list", {
      cursor,
      ...(isModern ? { _meta: MODERN_META } : {}),
    });
    if (error !== undefined) return failure(error);
    if (!Array.isArray(result.tools)) {
      return failed(
        "tools/list was answered with none",
        "that is the server's fault: its result wants a list tools",
      );
    }
    names.push(...result.tools.map((tool) => String(asObject(tool).name)));
    cursor = result.nextCursor;
    if (typeof cursor !== "string") break;
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
  return {
    ...failed(String(message), ...hintsFor(data)),
    facts: {
      reason: String(reason),
      status: typeof status === "number" ? status : undefined,
      awsError: typeof awsError === "string" ? awsError : undefined,
    },
  };
}
