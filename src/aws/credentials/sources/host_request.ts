/**
 * Requests to the machine underneath, by node:http: `fetch` would send them
 * through the proxy of HTTP_PROXY, which knows nothing of this machine.
 *
 * @module
 */

/** The largest answer; credentials take 2 KiB. */
const MAX_BYTES = 256 * 1024;

/** What was answered. */
export interface HostReply {
  readonly status: number;
  readonly text: string;
}

/** What is asked. */
export interface HostRequest {
  readonly method?: "GET" | "PUT";
  readonly headers?: Record<string, string>;
  /** The time for all of it. */
  readonly timeoutMs: number;
}

/**
 * Asks the machine.
 *
 * @throws {Error} There was no answer, not all of it in time, or too much.
 */
export async function askHost(
  url: URL,
  { method = "GET", headers = {}, timeoutMs }: HostRequest,
): Promise<HostReply> {
  const { request } = url.protocol === "https:"
    ? await import("node:https")
    : await import("node:http");
  const { promise, resolve, reject } = Promise.withResolvers<HostReply>();
  const sent = request(url, { method, headers, agent: false }, (response) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    response.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > MAX_BYTES) sent.destroy(new Error("its answer is too long"));
      else chunks.push(new Uint8Array(chunk));
    });
    response.on("error", reject);
    response.on("end", async () => {
      const status = response.statusCode ?? 0;
      resolve({ status, text: await new Blob(chunks).text() });
    });
  });
  sent.on("error", reject);
  const timer = setTimeout(
    () => sent.destroy(new Error("no answer in time")),
    timeoutMs,
  );
  sent.end();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    sent.destroy();
  }
}
