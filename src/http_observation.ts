/**
 * What an onlooker is told of a request at the HTTP front.
 *
 * @module
 */

import { type Era, eraOf } from "./mcp/era.ts";
import { readMessage } from "./mcp/message.ts";
import type { Observation, Observed, Observer } from "./mcp/observer.ts";

/** A larger body is not read again only to be told of. */
const MAX_READ_BYTES = 1024 * 1024;

/** Tells that a request with a message in it is about to be sent. */
export async function observeRequest(
  observer: Observer,
  headers: Headers,
  body: Blob,
): Promise<Observation> {
  observer.received(body.size);
  const { message, era } = body.size > MAX_READ_BYTES
    ? byHeaders(headers)
    : byBody(await body.bytes());
  return observer.began({ ...message, headers }, era);
}

interface Seen {
  readonly message: Observed;
  readonly era: Era;
}

function byBody(bytes: Uint8Array): Seen {
  const message = readMessage(bytes);
  switch (message.kind) {
    case "request": {
      const { method, params, id } = message;
      const requests = [id];
      return { message: { method, params, requests }, era: eraOf(message) };
    }
    case "notification": {
      const { method, params } = message;
      return { message: { method, params, requests: [] }, era: eraOf(message) };
    }
    case "batch": {
      const requests = message.messages.flatMap((single) =>
        single.kind === "request" ? [single.id] : []
      );
      return legacy("batch", requests);
    }
    default:
      return legacy(message.kind, []);
  }
}

/** Clients of 2026-07-28 name the method in a header, too. */
function byHeaders(headers: Headers): Seen {
  const method = headers.get("mcp-method");
  if (method === null) return legacy("unread", []);
  const params = { name: headers.get("mcp-name") };
  return { message: { method, params, requests: [] }, era: "modern" };
}

function legacy(method: string, requests: Observed["requests"]): Seen {
  return { message: { method, params: undefined, requests }, era: "legacy" };
}
