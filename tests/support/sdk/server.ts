/**
 * The official SDK's MCP server over Streamable HTTP, behind a gate that
 * demands a valid signature.
 */

import type { ServerResponse } from "node:http";
// @ts-types="@modelcontextprotocol/sdk/server/streamableHttp"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";
import {
  type GateHandler,
  type GateRecord,
  IamGate,
  type IamGateOptions,
  parseJson,
} from "../aws/iam_gate.ts";
import { MemoryEventStore } from "./memory_event_store.ts";
import { Cues } from "./cues.ts";
import { createTestServer, type TestServer } from "./tools.ts";
import { within } from "../time/deadline.ts";

/** How the server behaves. */
export interface SdkServerOptions extends Omit<IamGateOptions, "handler"> {
  /** One session a client, or each request on its own. Default `"stateful"`. */
  readonly mode?: "stateful" | "stateless";
  /** How requests are answered. Default `"stream"`. */
  readonly answers?: "json" | "stream";
  /** Keep events, so that a client can resume a stream. Default `false`. */
  readonly resumable?: boolean;
  /** What the server names as `retry` when it is resumable. */
  readonly retryMs?: number;
}

interface Session extends TestServer {
  readonly transport: StreamableHTTPServerTransport;
}

/** A running server. */
export class SdkServer implements AsyncDisposable {
  /** What its tools wait for and tell. */
  readonly cues = new Cues();
  /** The gate before it, with the record of each request. */
  readonly gate: IamGate;
  readonly #options: SdkServerOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #requests = new Set<Session>();
  #sessionCount = 0;

  private constructor(gate: IamGate, options: SdkServerOptions) {
    this.gate = gate;
    this.#options = options;
  }

  /** A server that listens on a free port of 127.0.0.1. */
  static async start(options: SdkServerOptions): Promise<SdkServer> {
    const server: { handler?: GateHandler } = {};
    const gate = await IamGate.start({
      ...options,
      handler: (request, response, record) =>
        server.handler?.(request, response, record),
    });
    const started = new SdkServer(gate, options);
    server.handler = (request, response, record) =>
      started.#handle(request, response, record);
    return started;
  }

  /** The MCP endpoint; the same after a restart. */
  get url(): URL {
    return new URL("/mcp", this.gate.origin);
  }

  /** The sessions that are alive. */
  get sessionIds(): string[] {
    return [...this.#sessions.keys()];
  }

  /** How many sessions were ever opened. */
  get sessionCount(): number {
    return this.#sessionCount;
  }

  /** The request of the n-th standalone stream (from 0), once it is open. */
  async standaloneStream(index = 0): Promise<GateRecord> {
    let seen = 0;
    const record = await this.gate.records.find((record) =>
      record.method === "GET" && record.header("last-event-id") === undefined &&
      seen++ === index
    );
    const status = await within(record.answered, "the standalone stream");
    if (status === 200) return record;
    throw new Error(`the standalone stream was answered with ${status}`);
  }

  /** Tells every client that a list has changed, on its standalone stream. */
  async announce(list: "tools" | "prompts" | "resources"): Promise<void> {
    for (const { mcp } of this.#sessions.values()) {
      if (list === "tools") await mcp.server.sendToolListChanged();
      else if (list === "prompts") await mcp.server.sendPromptListChanged();
      else await mcp.server.sendResourceListChanged();
    }
  }

  /** Tells every subscriber that a resource was updated. */
  async update(uri: string): Promise<void> {
    for (const { mcp, subscriptions } of this.#sessions.values()) {
      if (subscriptions.has(uri)) await mcp.server.sendResourceUpdated({ uri });
    }
  }

  /** Ends the standalone streams, as a server does that wants polling clients. */
  closeStandingStreams(): void {
    for (const { transport } of this.#sessions.values()) {
      transport.closeStandaloneSSEStream();
    }
  }

  /** Forgets all sessions and ends their streams; connections stay. */
  async dropSessions(): Promise<void> {
    const sessions = [...this.#sessions.values(), ...this.#requests];
    this.#sessions.clear();
    this.#requests.clear();
    for (const { mcp } of sessions) await mcp.close();
  }

  /** Kills it: all sessions and connections go, new ones are refused. */
  async stop(): Promise<void> {
    await this.gate.stop();
    await this.dropSessions();
  }

  /** Starts it again on the same port, without sessions. */
  async start(): Promise<void> {
    await this.gate.start();
  }

  /** Stops and starts again on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Stops for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.gate[Symbol.asyncDispose]();
    this.cues.end();
  }

  async #handle(...[request, response, record]: Parameters<GateHandler>) {
    if (new URL(record.target, this.gate.origin).pathname !== "/mcp") {
      return refuse(response, 404, -32000, "Not Found");
    }
    const message = parseJson(record.body);
    const session = this.#options.mode === "stateless"
      ? await this.#sessionOfRequest(response, record)
      : await this.#sessionOfClient(response, record, message);
    await session?.transport.handleRequest(request, response, message);
  }

  async #sessionOfClient(
    response: ServerResponse,
    record: GateRecord,
    message: unknown,
  ): Promise<Session | undefined> {
    const sessionId = record.header("mcp-session-id");
    if (sessionId !== undefined) {
      const session = this.#sessions.get(sessionId);
      if (session === undefined) {
        refuse(response, 404, -32001, "Session not found");
      }
      return session;
    }
    if (record.method === "POST" && isInitializeRequest(message)) {
      return await this.#open(true);
    }
    refuse(
      response,
      400,
      -32000,
      "Bad Request: No valid session ID provided",
    );
  }

  async #sessionOfRequest(
    response: ServerResponse,
    record: GateRecord,
  ): Promise<Session | undefined> {
    if (record.method !== "POST") {
      return refuse(response, 405, -32000, "Method not allowed.");
    }
    const session = await this.#open(false);
    this.#requests.add(session);
    response.once("close", () => {
      this.#requests.delete(session);
      session.mcp.close();
    });
    return session;
  }

  async #open(isStateful: boolean): Promise<Session> {
    const { answers = "stream", resumable = false, retryMs } = this.#options;
    const transport = new StreamableHTTPServerTransport({
      enableJsonResponse: answers === "json",
      ...(resumable ? { eventStore: new MemoryEventStore() } : {}),
      ...(retryMs === undefined ? {} : { retryInterval: retryMs }),
      ...(isStateful
        ? {
          sessionIdGenerator: () => crypto.randomUUID(),
          onsessioninitialized: (id: string) => {
            this.#sessionCount++;
            this.#sessions.set(id, session);
          },
          onsessionclosed: (id: string) => {
            this.#sessions.delete(id);
          },
        }
        : {}),
    });
    const session: Session = { ...createTestServer(this.cues), transport };
    await session.mcp.connect(transport);
    return session;
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  code: number,
  message: string,
): undefined {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(
    JSON.stringify({ jsonrpc: "2.0", error: { code, message }, id: null }),
  );
}
