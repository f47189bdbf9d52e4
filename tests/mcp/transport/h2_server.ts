/**
 * An HTTP/2 server over TLS at the level of frames (RFC 9113), for what a
 * server may say of a stream besides an answer.
 */

import { Authority } from "../../support/net/certificates.ts";
import { joinBytes } from "../../support/bytes.ts";

const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  goAway: 7,
} as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const FRAME_HEAD_BYTES = 9;
const PREFACE_BYTES = 24;

/** `:status: 200` and `content-type: application/json` (RFC 7541). */
const OK_JSON = new Uint8Array([
  0x88,
  ...[0x0f, 0x10, "application/json".length],
  ...new TextEncoder().encode("application/json"),
]);

/** What can be done to one stream, and to its connection. */
export class H2Reply {
  readonly #connection: Deno.TlsConn;
  /** The stream that the request came on. */
  readonly stream: number;

  constructor(connection: Deno.TlsConn, stream: number) {
    this.#connection = connection;
    this.stream = stream;
  }

  /** A whole answer: HTTP 200 with a JSON text. */
  async json(value: unknown): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify(value));
    await this.#send(FRAME.headers, END_HEADERS, this.stream, OK_JSON);
    await this.#send(FRAME.data, END_STREAM, this.stream, body);
  }

  /** RST_STREAM. */
  async reset(code: number): Promise<void> {
    await this.#send(FRAME.reset, 0, this.stream, numbers(code));
  }

  /** GOAWAY: streams up to `lastStream` may have been processed. */
  async goAway(lastStream: number, code: number): Promise<void> {
    await this.#send(FRAME.goAway, 0, 0, numbers(lastStream, code));
  }

  /** Closes the connection. */
  close(): void {
    this.#connection.close();
  }

  async #send(
    type: number,
    flags: number,
    stream: number,
    payload: Uint8Array,
  ): Promise<void> {
    await writeFrame(this.#connection, { type, flags, stream, payload });
  }
}

/** What a POST meets: its body, and what can be done. */
export type H2Handler = (body: string, reply: H2Reply) => Promise<void>;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
}

/** A running server. */
export class H2Server implements AsyncDisposable {
  readonly url: URL;
  /** The root that its certificate is from. */
  readonly root: string;
  readonly #listener: Deno.TlsListener;
  readonly #connections = new Set<Deno.TlsConn>();
  readonly #serving: Promise<unknown>;

  /** Starts a server on a free port of loopback. */
  constructor(handler: H2Handler) {
    const authority = new Authority({ name: "HTTP/2 root" });
    this.root = authority.cert;
    this.#listener = Deno.listenTls({
      ...authority.issue({ name: "localhost" }),
      hostname: "127.0.0.1",
      port: 0,
      alpnProtocols: ["h2"],
    });
    this.url = new URL(`https://localhost:${this.#listener.addr.port}/mcp`);
    this.#serving = this.#accept(handler);
  }

  async #accept(handler: H2Handler): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      // A connection that is gone is what tests are about.
      served.push(serve(connection, handler).catch(() => {}));
    }
    await Promise.all(served);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // The handler has closed it.
      }
    }
    await this.#serving;
  }
}

async function serve(
  connection: Deno.TlsConn,
  handler: H2Handler,
): Promise<void> {
  const bodies = new Map<number, string>();
  const decoder = new TextDecoder();
  await writeFrame(connection, {
    type: FRAME.settings,
    flags: 0,
    stream: 0,
    payload: new Uint8Array(),
  });
  for await (const { type, flags, stream, payload } of framesOf(connection)) {
    if (type === FRAME.settings && (flags & ACK) === 0) {
      const ack = { type, flags: ACK, stream: 0, payload: new Uint8Array() };
      await writeFrame(connection, ack);
    }
    if (type !== FRAME.data) continue;
    const body = (bodies.get(stream) ?? "") + decoder.decode(payload);
    bodies.set(stream, body);
    if ((flags & END_STREAM) === 0) continue;
    await handler(body, new H2Reply(connection, stream));
  }
}

async function* framesOf(connection: Deno.TlsConn): AsyncGenerator<Frame> {
  let bytes: Uint8Array = new Uint8Array();
  let isOpen = false;
  for await (const chunk of connection.readable) {
    bytes = joinBytes([bytes, chunk]);
    if (!isOpen) {
      if (bytes.length < PREFACE_BYTES) continue;
      bytes = bytes.slice(PREFACE_BYTES);
      isOpen = true;
    }
    while (bytes.length >= FRAME_HEAD_BYTES) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const end = FRAME_HEAD_BYTES + (view.getUint32(0) >>> 8);
      if (bytes.length < end) break;
      yield {
        type: view.getUint8(3),
        flags: view.getUint8(4),
        stream: view.getUint32(5) & 0x7fffffff,
        payload: bytes.slice(FRAME_HEAD_BYTES, end),
      };
      bytes = bytes.slice(end);
    }
  }
}

async function writeFrame(
  connection: Deno.TlsConn,
  { type, flags, stream, payload }: Frame,
): Promise<void> {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, payload.length << 8);
  view.setUint8(3, type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  frame.set(payload, FRAME_HEAD_BYTES);
  for (let at = 0; at < frame.length;) {
    at += await connection.write(frame.subarray(at));
  }
}

function numbers(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => view.setUint32(4 * index, value));
  return new Uint8Array(view.buffer);
}
