/**
 * Puts any HTTP server on loopback behind a gate: each request is sent on as
 * it came, each answer streamed back as it comes.
 */

import { request as httpRequest } from "node:http";
import type { GateHandler } from "../aws/iam_gate.ts";

/**
 * A gate's handler that forwards to another server.
 *
 * @param origin Where to.
 * @returns The handler.
 */
export function forwardTo(origin: URL): GateHandler {
  return (request, response) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const forwarded = httpRequest({
      host: origin.hostname,
      port: origin.port,
      agent: false,
      method: request.method ?? "GET",
      path: request.url ?? "/",
      headers: { ...request.headers, host: origin.host, connection: "close" },
    }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    forwarded.on("error", (error) => {
      if (response.destroyed) return resolve();
      reject(error);
    });
    response.once("close", () => {
      forwarded.destroy();
      resolve();
    });
    forwarded.end(request.rawBody);
    return promise;
  };
}
