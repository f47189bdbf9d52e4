/**
 * An HTTP server on loopback that demands a valid signature, as AWS's front
 * ends do, hands on what is signed, and remembers every request.
 */

import { Buffer } from "node:buffer";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { Arrivals } from "../arrivals.ts";
import {
  dressRefusal,
  type RefusalDress,
  type RefusalText,
} from "./refusal_dress.ts";
import { SECRETS_SEEN } from "./secrets_seen.ts";
import {
  type RawRequest,
  SigV4Verifier,
  type Verdict,
  type VerifierOptions,
} from "../sigv4/verifier.ts";
import { listenOn } from "../net/loopback.ts";

export type { RefusalDress, RefusalText };

/** One request as the gate saw it, whether it was let in or not. */
export class GateRecord implements RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array<ArrayBuffer>;
  /** What the verifier said. */
  readonly verdict: Verdict;
  /** Counts requests, from 0. */
  readonly index: number;
  /** Counts connections, from 0: equal numbers mean one reused connection. */
  readonly connection: number;
  /** The client's port. */
  readonly remotePort: number;
  /** The status, as soon as the head of the answer is written. */
  readonly answered: Promise<number>;
  /** How the answer ended: all of it written, or the connection gone before. */
  readonly ended: Promise<"finished" | "cut">;

  /** @param seen The facts. */
  constructor(
    seen:
      & RawRequest
      & Pick<
        GateRecord,
        | "body"
        | "verdict"
        | "index"
        | "connection"
        | "remotePort"
        | "answered"
        | "ended"
      >,
  ) {
    this.method = seen.method;
    this.target = seen.target;
    this.headers = seen.headers;
    this.body = seen.body;
    this.verdict = seen.verdict;
    this.index = seen.index;
    this.connection = seen.connection;
    this.remotePort = seen.remotePort;
    this.answered = seen.answered;
    this.ended = seen.ended;
  }

  /** The value of a header, repeated ones joined, or `undefined`. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    const values = this.headers
      .filter(([field]) => field.toLowerCase() === wanted)
      .map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(", ");
  }

  /** The body as text. */
  text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** The JSON-RPC method in the body, if there is one. */
  rpcMethod(): string | undefined {
    const message = parseJson(this.body);
    if (typeof message !== "object" || message === null) return undefined;
    if (!("method" in message)) return undefined;
    return typeof message.method === "string" ? message.method : undefined;
  }
}

/**
 * What stands behind the gate. The body was read already: it is handed over,
 * and is `request.rawBody` for adapters that look there.
 */
export type GateHandler = (
  request: IncomingMessage & { rawBody: Buffer },
  response: ServerResponse,
  record: GateRecord,
) => void | Promise<void>;

/** How a gate behaves. */
export interface IamGateOptions {
  /** What it demands. */
  readonly verifier: VerifierOptions | SigV4Verifier;
  /** What stands behind it. */
  readonly handler: GateHandler;
  /** How it dresses a refusal. Default `"api-gateway"`. */
  readonly dress?: RefusalDress;
  /** The status of a refusal. Default 403. */
  readonly status?: number;
  /** Refuses requests whose signature is right: policies, faults on cue. */
  readonly refuse?: (record: GateRecord) => RefusalText | undefined;
}

/** The JSON value of some bytes, or `undefined` when they are none. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** A running gate. */
export class IamGate implements AsyncDisposable {
  /** Every request so far and to come. */
  readonly records = new Arrivals<GateRecord>("request at the gate");
  readonly #options: IamGateOptions;
  readonly #verifier: SigV4Verifier;
  readonly #connections = new WeakMap<Socket, number>();
  #connectionCount = 0;
  #recordCount = 0;
  #server: Server | undefined;
  #port = 0;

  private constructor(options: IamGateOptions) {
    this.#options = options;
    this.#verifier = options.verifier instanceof SigV4Verifier
      ? options.verifier
      : new SigV4Verifier(options.verifier);
  }

  /** A gate that listens on a free port of 127.0.0.1. */
  static async start(options: IamGateOptions): Promise<IamGate> {
    const gate = new IamGate(options);
    await gate.start();
    return gate;
  }

  /** Where it listens; the same after a restart. */
  get origin(): URL {
    return new URL(`http://127.0.0.1:${this.#port}/`);
  }

  /** How many connections there were. */
  get connectionCount(): number {
    return this.#connectionCount;
  }

  /** Listens again after {@linkcode IamGate.stop}, on the same port. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => {
        response.destroy(error instanceof Error ? error : undefined);
      });
    });
    // Longer than any test: whether a connection is reused is the client's say.
    server.keepAliveTimeout = 120_000;
    server.on("connection", (socket: Socket) => {
      this.#connections.set(socket, this.#connectionCount++);
    });
    this.#port = await listenOn(server, this.#port);
    this.#server = server;
  }

  /** Drops every connection and refuses new ones until it is started again. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    await promise;
  }

  /** Drops every connection; new ones are welcome at once. */
  dropConnections(): void {
    this.#server?.closeAllConnections();
  }

  /** Stops for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.records.end("the gate is closed");
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { answered, ended } = watch(response);
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const rawBody = Buffer.concat(chunks);
    const raw = {
      method: request.method ?? "",
      target: request.url ?? "",
      headers: pairs(request.rawHeaders),
      body: new Uint8Array(rawBody),
    };
    const record = new GateRecord({
      ...raw,
      verdict: this.#verifier.verify(raw),
      index: this.#recordCount++,
      connection: this.#connections.get(request.socket) ?? -1,
      remotePort: request.socket.remotePort ?? -1,
      answered,
      ended,
    });
    SECRETS_SEEN.noteHeaders(record.headers);
    this.records.add(record);
    response.setHeader(
      "Date",
      new Date(this.#verifier.clock()).toUTCString(),
    );
    const refusal = record.verdict.ok
      ? this.#options.refuse?.(record)
      : record.verdict;
    if (refusal === undefined) {
      const replayable = Object.assign(request, { rawBody });
      await this.#options.handler(replayable, response, record);
      return;
    }
    const { dress = "api-gateway", status = 403 } = this.#options;
    const dressed = dressRefusal(refusal, dress, status);
    response.writeHead(dressed.status, { ...dressed.headers });
    response.end(dressed.body);
  }
}

function watch(
  response: ServerResponse,
): Pick<GateRecord, "answered" | "ended"> {
  const answered = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<"finished" | "cut">();
  const writeHead: ServerResponse["writeHead"] = response.writeHead;
  response.writeHead = function (status: number, ...rest: unknown[]) {
    answered.resolve(status);
    return Reflect.apply(writeHead, response, [status, ...rest]);
  };
  response.once("close", () => {
    answered.resolve(response.statusCode);
    ended.resolve(response.writableFinished ? "finished" : "cut");
  });
  return { answered: answered.promise, ended: ended.promise };
}

function pairs(rawHeaders: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    found.push([rawHeaders[i] ?? "", rawHeaders[i + 1] ?? ""]);
  }
  return found;
}
