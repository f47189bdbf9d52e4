/** A proxy with a secret of each kind, and all that it says. */
import { assertEquals } from "@std/assert";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "../../src/aws/signing/signed_fetch.ts";
import { createLog } from "../../src/log/line_log.ts";
import type { Log, LogFields, LogLevel } from "../../src/log/log.ts";
import { INITIALIZED, type McpHandler, result } from "../support/raw/mcp.ts";
import type {
  RawReply,
  RawServer,
  SeenRequest,
} from "../support/raw/server.ts";
import {
  StreamClient,
  type StreamClientOptions,
} from "../support/stream/client.ts";

export const KEY = {
  accessKeyId: "ASIAECHOEDKEYID00001",
  secretAccessKey: "an/echoed+secret-access-key==",
  sessionToken: "IQoJb3JpZ2luX2VjE/an+echoed/session+token==",
};
export const SESSION = "echoed-session-id-5b1f0c";
export const HEADER = "an-echoed-api-key/1";
export const QUERY = "an-echoed-query-secret";
export const COOKIE = "an-echoed-cookie-value";

export function signatureOf(request: SeenRequest): string {
  return request.header("authorization")?.split("Signature=")[1] ?? "";
}

/** Each secret, as a request brings it. */
export const SECRETS: Record<string, (request: SeenRequest) => string> = {
  "the secret key": () => KEY.secretAccessKey,
  "the session token": () => KEY.sessionToken,
  "the access key ID": () => KEY.accessKeyId,
  "the session ID": () => SESSION,
  "a header": () => HEADER,
  "a query value": () => QUERY,
  "a cookie": () => COOKIE,
  "the signature": signatureOf,
};

/** A log in both formats at the most talkative level, that redacts nothing. */
function bareLog(lines: string[]): Log {
  const options = {
    level: "debug",
    write: (line: string) => void lines.push(line),
    redact: (text: string) => text,
  } as const;
  const json = createLog({ ...options, format: "json" });
  const text = createLog({ ...options, format: "text" });
  const both = (level: LogLevel) => (message: string, fields?: LogFields) => {
    json[level](message, fields);
    text[level](message, fields);
  };
  return {
    debug: both("debug"),
    info: both("info"),
    warn: both("warn"),
    error: both("error"),
  };
}

/** A proxy in this process, in front of a server, as a library has it. */
export class Run implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly client: StreamClient;
  readonly server: RawServer;

  constructor(
    server: RawServer,
    options: Partial<StreamClientOptions> = {},
    signing: Partial<SignedFetchOptions> = {},
  ) {
    const url = new URL(`${server.url}?k=${QUERY}`);
    const log = bareLog(this.lines);
    const fetch = createSignedFetch({
      origin: url,
      service: "execute-api",
      region: "eu-west-1",
      credentials: KEY,
      log,
      ...signing,
    });
    const headers = [["x-api-key", HEADER]] as const;
    this.server = server;
    this.client = new StreamClient({
      url,
      fetch,
      log,
      headers,
      retries: 0,
      ...options,
    });
  }

  /** No secret is in these texts, nor most of one. */
  assertUnseen(...texts: string[]): void {
    const text = texts.join("\n") + this.lines.join("");
    const parts = new Map<string, string>();
    for (const request of this.server.requests.all) {
      for (const [name, secretOf] of Object.entries(SECRETS)) {
        const secret = secretOf(request);
        for (const form of [secret, encodeURIComponent(secret)]) {
          parts.set(form.slice(0, -1), name);
        }
      }
    }
    parts.delete("");
    for (const [part, name] of parts) {
      assertEquals(text.includes(part), false, name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** Opens a session, with a cookie. */
export const opened: McpHandler = (
  message: unknown,
  reply: RawReply,
): Promise<void> =>
  reply.json(result(message, INITIALIZED), 200, {
    "mcp-session-id": SESSION,
    "set-cookie": `lb=${COOKIE}`,
  });
