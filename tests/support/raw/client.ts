/**
 * An HTTP/1.1 client at the level of TCP: a test says what is sent, byte by
 * byte, and reads what comes back.
 */

import { joinBytes } from "../bytes.ts";
import { within } from "../time/deadline.ts";

/** The head of an answer. */
export interface RawHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** A connection to a server on this machine. */
export class RawClient implements Disposable {
  readonly #connection: Deno.Conn;
  #bytes: Uint8Array = new Uint8Array();
  #isClosed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects to a port of 127.0.0.1, or to a Unix socket. */
  static async connect(to: number | string): Promise<RawClient> {
    return new RawClient(
      typeof to === "number"
        ? await Deno.connect({ hostname: "127.0.0.1", port: to })
        : await Deno.connect({ transport: "unix", path: to }),
    );
  }

  /** Sends bytes, or text as Latin-1, as far as the server takes them. */
  async send(what: string | Uint8Array): Promise<void> {
    const bytes = typeof what === "string"
      ? Uint8Array.from(what, (char) => char.charCodeAt(0))
      : what;
    for (let at = 0; at < bytes.length;) {
      at += await this.#connection.write(bytes.subarray(at));
    }
  }

  /** Sends a request's head: its first line, and its header lines. */
  async sendHead(...lines: string[]): Promise<void> {
    await this.send(`${lines.join("\r\n")}\r\n\r\n`);
  }

  /** Sends a POST with a body. */
  async sendPost(path: string, lines: string[], body: string): Promise<void> {
    const { length } = encoder.encode(body);
    await this.sendHead(
      `POST ${path} HTTP/1.1`,
      ...lines,
      `Content-Length: ${length}`,
    );
    await this.send(encoder.encode(body));
  }

  /** The head of the next answer. */
  async head(): Promise<RawHead> {
    const text = await this.until("\r\n\r\n");
    const [first, ...lines] = text.trimEnd().split("\r\n");
    return {
      status: Number(first.split(" ")[1]),
      headers: new Map(lines.map((line) => {
        const colon = line.indexOf(":");
        return [
          line.slice(0, colon).toLowerCase(),
          line.slice(colon + 1).trim(),
        ];
      })),
    };
  }

  /** What comes up to a mark, the mark included. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const end = decoder.decode(this.#bytes).indexOf(mark);
      if (end >= 0) return decoder.decode(this.#take(end + mark.length));
      if (!await this.#read()) throw new Error(`closed before ${mark}`);
    }
  }

  /** All that still comes until the server closes the connection. */
  async rest(): Promise<string> {
    while (await this.#read());
    return decoder.decode(this.#take(this.#bytes.length));
  }

  /** Reads once; false when the connection is over. */
  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      const count = await within(
        this.#connection.read(buffer),
        "bytes from the server",
      );
      if (count === null) return false;
      this.#bytes = joinBytes([this.#bytes, buffer.slice(0, count)]);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return false;
      throw error;
    }
  }

  #take(count: number): Uint8Array {
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    return taken;
  }

  /** Closes the connection. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
