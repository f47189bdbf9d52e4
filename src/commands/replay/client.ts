/** The clients of a recording: one over stdio, or as many as sent HTTP requests. */

import { type ClientRequest, request } from "node:http";
import { parseJson } from "../../recorder/json.ts";
import type { RecordLine } from "../../recorder/format.ts";
import { HEADER_NAME, NO_HEADER_VALUE } from "./target.ts";

/** What a client said. */
export type Spoken = Extract<RecordLine, { kind: "in" }>;

/** Says what clients said. */
export interface Client {
  say(line: Spoken): Promise<void>;
  /** A client does not wait for its answer any more. */
  leave(client: number): void;
  /** Nobody says anything any more. */
  end(): Promise<void>;
}

/** Writes frames, with today's name of what the proxy has named. */
export function stdioClient(
  stdin: WritableStream<Uint8Array>,
  stateOf: (shown: string) => string | undefined,
): Client {
  const writer = stdin.getWriter();
  return {
    say: ({ text = "" }) => {
      const today = text.replaceAll(
        /(?<="requestState":")state-\d+(?=")/g,
        (shown) => stateOf(shown) ?? shown,
      );
      return writer.write(bytesOf(`${today}\n`)).catch(() => {});
    },
    leave() {},
    end: () => writer.close().catch(() => {}),
  };
}

/** What HTTP or the guard of the listener asks of each client anew. */
const OWN_HEADERS =
  /^(?:authorization|connection|content-length|cookie|expect|host|keep-alive|origin|sec-.*|te|trailer|transfer-encoding|upgrade)$/;

/** Those of which a recording has requests. */
const METHOD = /^(?:DELETE|GET|POST)$/;

/** Sends HTTP requests, each over a connection of its own. */
export function httpClient(url: Promise<URL>): Client {
  const requests = new Map<number, ClientRequest>();
  const leave = (client: number) => void requests.get(client)?.destroy();
  return {
    async say({ client = 0, method, headers = {}, text = "" }) {
      const own = Object.entries(headers).flatMap(([name, value]) =>
        OWN_HEADERS.test(name) || !HEADER_NAME.test(name)
          ? []
          : [[name, value.replaceAll(NO_HEADER_VALUE, "?")]]
      );
      const sent = request(await url, {
        method: METHOD.test(method ?? "") ? method : "POST",
        headers: Object.fromEntries(own),
        agent: false,
      });
      requests.set(client, sent);
      sent.on("error", () => {});
      sent.on("response", (response) => {
        response.on("error", () => {});
        response.resume();
      });
      sent.end(bytesOf(text));
    },
    leave,
    end() {
      for (const client of requests.keys()) leave(client);
      return Promise.resolve();
    },
  };
}

/** A message; what was not UTF-8 is none today either. */
function bytesOf(text: string): Uint8Array {
  const encoder = new TextEncoder();
  const isBroken = text.includes("\ufffd") && parseJson(text) === undefined;
  if (!isBroken) return encoder.encode(text);
  const parts = text.split("\ufffd").map((part) => encoder.encode(part));
  return Uint8Array.from(
    parts.flatMap((part, at) => at === 0 ? [...part] : [0xff, ...part]),
  );
}
