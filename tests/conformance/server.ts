/**
 * A server of both eras with all that the conformance suite asks servers for,
 * open to all on one port of loopback and behind a gate on another.
 */

import {
  createMcpHandler,
  hostHeaderValidationResponse,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { IamGate } from "../support/aws/iam_gate.ts";
import { MemoryEventStore } from "../support/sdk/memory_event_store.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { webHandler } from "../support/sdk/web_handler.ts";
import { featuredServer, type Publish } from "./features.ts";
import { requestStates } from "./rounds.ts";

/** When a client may resume a stream that the server ended. */
const RETRY_MS = 100;

/** A running server. */
export interface ConformanceServer extends AsyncDisposable {
  /** The MCP endpoint, as it is. */
  readonly url: URL;
  /** The same server, for signed requests alone. */
  readonly gate: IamGate;
}

/** Starts the server. */
export async function startConformanceServer(): Promise<ConformanceServer> {
  const states = requestStates();
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const publish: Publish = {
    toolsChanged: () => modern.notify.toolsChanged(),
    promptsChanged: () => modern.notify.promptsChanged(),
  };
  const modern = createMcpHandler(() => featuredServer(states, publish), {
    legacy: "reject",
  });

  async function answer(request: Request): Promise<Response> {
    const stranger =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
        originValidationResponse(request, localhostAllowedOrigins());
    if (stranger !== undefined) return stranger;
    return await isLegacyRequest(request)
      ? await answerLegacy(request)
      : await modern.fetch(request);
  }

  async function answerLegacy(request: Request): Promise<Response> {
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      const session = sessions.get(id);
      return await session?.handleRequest(request) ??
        new Response("no such session", { status: 404 });
    }
    const opened = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void sessions.set(id, opened),
      onsessionclosed: (id) => void sessions.delete(id),
      eventStore: new MemoryEventStore(),
      retryInterval: RETRY_MS,
    });
    await featuredServer(states, publish).connect(opened);
    return await opened.handleRequest(request);
  }

  const open = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    // Without its signal, of which the runtime would warn.
    ({ url, method, headers, body }) =>
      answer(new Request(url, { method, headers, body })),
  );
  const gate: IamGate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: webHandler(answer, () => gate.origin),
  });
  return {
    url: new URL(`http://127.0.0.1:${open.addr.port}/mcp`),
    gate,
    async [Symbol.asyncDispose](): Promise<void> {
      for (const session of sessions.values()) await session.close();
      await modern.close();
      await gate[Symbol.asyncDispose]();
      await open.shutdown();
    },
  };
}
