/**
 * An MCP server of version 2 of the official SDK, of either era or of both,
 * behind a gate that demands a valid signature.
 */

import {
  createMcpHandler,
  isLegacyRequest,
  type McpHttpHandler,
  type McpServerFactory,
  type ServerNotifier,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import {
  type GateHandler,
  IamGate,
  type IamGateOptions,
} from "../aws/iam_gate.ts";
import { Cues } from "./cues.ts";
import { serverFactory } from "./v2_tools.ts";
import { webHandler } from "./web_handler.ts";

/** Which protocol versions a server speaks. */
export type ServerEras =
  /** Up to 2025-11-25, in sessions. */
  | "legacy"
  /** All of them. */
  | "dual"
  /** 2026-07-28 alone. */
  | "modern";

/** How the server behaves. */
export interface Sdk2ServerOptions extends Omit<IamGateOptions, "handler"> {
  readonly eras: ServerEras;
}

/** A running server. */
export class Sdk2Server implements AsyncDisposable {
  /** What its tools wait for and tell. */
  readonly cues = new Cues();
  /** The gate before it, with the record of each request. */
  readonly gate: IamGate;
  readonly #eras: ServerEras;
  readonly #factory: McpServerFactory = serverFactory(this.cues);
  readonly #modern: McpHttpHandler = createMcpHandler(this.#factory, {
    legacy: "reject",
  });
  readonly #sessions = new Map<
    string,
    WebStandardStreamableHTTPServerTransport
  >();

  private constructor(gate: IamGate, eras: ServerEras) {
    this.gate = gate;
    this.#eras = eras;
  }

  /** A server that listens on a free port of 127.0.0.1. */
  static async start(options: Sdk2ServerOptions): Promise<Sdk2Server> {
    const behind: { handler?: GateHandler } = {};
    const gate = await IamGate.start({
      ...options,
      handler: (request, response, record) =>
        behind.handler?.(request, response, record),
    });
    const server = new Sdk2Server(gate, options.eras);
    behind.handler = webHandler(
      (request) => server.#handle(request),
      () => gate.origin,
    );
    return server;
  }

  /** The MCP endpoint. */
  get url(): URL {
    return new URL("/mcp", this.gate.origin);
  }

  /** Tells those who listen that something has changed. */
  get notify(): ServerNotifier {
    return this.#modern.notify;
  }

  /** The methods of the messages that were let in, in their order. */
  get methods(): string[] {
    return this.gate.records.all.flatMap((record) =>
      record.verdict.ok ? record.rpcMethod() ?? record.method : []
    );
  }

  /** Stops for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.gate[Symbol.asyncDispose]();
    await this.#modern.close();
    for (const session of this.#sessions.values()) await session.close();
    this.cues.end();
  }

  async #handle(request: Request): Promise<Response> {
    const isLegacy = this.#eras === "legacy" ||
      (this.#eras === "dual" && await isLegacyRequest(request));
    if (!isLegacy) return await this.#modern.fetch(request);
    const session = this.#sessions.get(
      request.headers.get("mcp-session-id") ?? "",
    );
    if (session) return await session.handleRequest(request);
    const opened = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void this.#sessions.set(id, opened),
      onsessionclosed: (id) => void this.#sessions.delete(id),
    });
    const server = await this.#factory({ era: "legacy" });
    await server.connect(opened);
    return await opened.handleRequest(request);
  }
}
