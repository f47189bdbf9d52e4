/** HTTP/1.1 requests from the bytes of a connection. */

import { joinBytes } from "../bytes.ts";
import type { RawRequest, Verdict } from "../sigv4/verifier.ts";

/** A request that a raw server read whole. */
export interface SeenRequest extends RawRequest {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Counts the server's connections, from 0. */
  readonly connection: number;
  /** Counts the requests of one connection, from 0. */
  readonly onConnection: number;
  /** Counts the server's requests, from 0. */
  readonly index: number;
  /** What the verifier said, where there is one. */
  readonly verdict: Verdict | undefined;
  /** The value of a header, repeated ones joined. */
  header(name: string): string | undefined;
  /** The body as text. */
  text(): string;
}

interface Head {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What the next bytes are. */
type Part = "head" | "body" | "chunk-size" | "chunk" | "end";

const latin1 = new TextDecoder("latin1");
/** No request head or chunk size in a test is longer. */
const MAX_LINE_BYTES = 65_536;

/** Takes requests off the bytes that arrive. */
export class RequestReader {
  // Joined only when enough is there for a step: a large body is copied once.
  #fragments: Uint8Array[] = [];
  #size = 0;
  #part: Part = "head";
  #needed = 1;
  #head: Head = { method: "", target: "", headers: [] };
  #body: Uint8Array[] = [];

  /** Adds what arrived. */
  push(bytes: Uint8Array): void {
    this.#fragments.push(bytes);
    this.#size += bytes.length;
  }

  /** The next request, or `undefined` while it is not whole. */
  take(): RawRequest & { body: Uint8Array<ArrayBuffer> } | undefined {
    while (this.#size >= this.#needed) {
      switch (this.#part) {
        case "head": {
          const text = this.#takeThrough("\r\n\r\n");
          if (text === undefined) return undefined;
          this.#head = parseHead(text);
          this.#body = [];
          if (this.#value("transfer-encoding")?.toLowerCase() === "chunked") {
            this.#expect("chunk-size", 1);
          } else {
            this.#expect("body", Number(this.#value("content-length") ?? 0));
          }
          break;
        }
        case "chunk-size": {
          const line = this.#takeThrough("\r\n");
          if (line === undefined) return undefined;
          const size = parseInt(line, 16);
          this.#expect(size === 0 ? "end" : "chunk", size + 2);
          break;
        }
        case "chunk":
          this.#body.push(this.#takeBytes(this.#needed).slice(0, -2));
          this.#expect("chunk-size", 1);
          break;
        case "body":
          this.#body.push(this.#takeBytes(this.#needed));
          return this.#finish();
        case "end":
          this.#takeBytes(this.#needed);
          return this.#finish();
      }
    }
    return undefined;
  }

  #finish(): RawRequest & { body: Uint8Array<ArrayBuffer> } {
    this.#expect("head", 1);
    return { ...this.#head, body: joinBytes(this.#body) };
  }

  #expect(part: Part, needed: number): void {
    this.#part = part;
    this.#needed = needed;
  }

  #value(wanted: string): string | undefined {
    return this.#head.headers
      .find(([name]) => name.toLowerCase() === wanted)?.[1];
  }

  #takeThrough(mark: string): string | undefined {
    const all = joinBytes(this.#fragments);
    this.#fragments = [all];
    const text = latin1.decode(all.subarray(0, MAX_LINE_BYTES));
    const end = text.indexOf(mark);
    if (end !== -1) {
      this.#takeBytes(end + mark.length);
      return text.slice(0, end);
    }
    if (all.length >= MAX_LINE_BYTES) throw new Error("no end of a line");
    this.#needed = all.length + 1;
    return undefined;
  }

  #takeBytes(count: number): Uint8Array {
    const all = joinBytes(this.#fragments);
    this.#fragments = [all.subarray(count)];
    this.#size = all.length - count;
    return all.subarray(0, count);
  }
}

function parseHead(text: string): Head {
  const [first = "", ...lines] = text.split("\r\n");
  const parts = first.split(" ");
  return {
    method: parts[0] ?? "",
    target: parts.slice(1, -1).join(" "),
    headers: lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  };
}
