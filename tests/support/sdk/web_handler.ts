/** A handler of Web requests behind a gate, which speaks node:http. */

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { GateHandler, GateRecord } from "../aws/iam_gate.ts";

/** Answers a request as the Web platform has them. */
export type WebHandler = (request: Request) => Promise<Response>;

/**
 * Makes a gate's handler of one for Web requests. A client that goes away
 * aborts the request's signal and the reading of the response.
 *
 * @param handle The handler.
 * @param origin Where the gate listens.
 * @returns What stands behind the gate.
 */
export function webHandler(handle: WebHandler, origin: () => URL): GateHandler {
  return async (_request, response, record) => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const answer = await handle(webRequest(record, origin(), gone.signal));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    await relay(answer, response, gone.signal);
  };
}

function webRequest(
  { method, target, headers, body }: GateRecord,
  origin: URL,
  signal: AbortSignal,
): Request {
  return new Request(new URL(target, origin), {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    signal,
    ...(body.length > 0 && { body }),
  });
}

async function relay(
  answer: Response,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.flushHeaders();
  const reader = answer.body?.getReader();
  const stop = () => void reader?.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  for (;;) {
    const { done, value } = await reader?.read() ?? { done: true };
    if (done || signal.aborted) break;
    if (!response.write(value)) await once(response, "drain", { signal });
  }
  response.end();
}
