/**
 * Requests to the machine underneath: to the container's endpoint, to the
 * metadata service of the instance.
 */

import type { IncomingMessage } from "node:http";
import { withLimit } from "../../../time.ts";
import { parseRecord, textIn } from "../../json.ts";
import type { SourceQuery } from "../search.ts";
import type { Credentials } from "../types.ts";
import { parseTimestamp } from "./timestamp.ts";

/** All of a request: as the AWS CLI has it. */
const HOST_LIMIT_S = 1;

/** How long the machine underneath has for one answer. */
export function hostLimitMs({ env }: SourceQuery): number {
  const seconds = Number(env("AWS_METADATA_SERVICE_TIMEOUT"));
  return (seconds > 0 ? seconds : HOST_LIMIT_S) * 1000;
}

/** The largest answer; credentials take 2 KiB. */
const MAX_CHARACTERS = 256 * 1024;

export interface HostReply {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks by node:http: `fetch` would go through the proxy of HTTP_PROXY, which
 * knows nothing of this machine.
 */
export async function askHost(
  query: SourceQuery,
  url: URL,
  headers: Record<string, string> = {},
  method: "GET" | "PUT" = "GET",
): Promise<HostReply> {
  const { request } = url.protocol === "https:"
    ? await import("node:https")
    : await import("node:http");
  return await withLimit(hostLimitMs(query), async (signal) => {
    const sent = request(url, { method, headers, agent: false });
    signal.addEventListener("abort", () => sent.destroy());
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) =>
        sent.on("response", resolve).on("error", reject).end()
      );
      let text = "";
      for await (const chunk of response.setEncoding("utf8")) {
        text += chunk;
        if (text.length <= MAX_CHARACTERS) continue;
        throw new Error("its answer is too long");
      }
      return { status: response.statusCode ?? 0, text };
    } finally {
      sent.destroy();
    }
  });
}

export function hostKeys(text: string): Credentials | undefined {
  const body = parseRecord(text) ?? {};
  const accessKeyId = textIn(body, "AccessKeyId");
  const secretAccessKey = textIn(body, "SecretAccessKey");
  const sessionToken = textIn(body, "Token");
  const until = body.Expiration ?? undefined;
  const expiration = parseTimestamp(until);
  const isTimeWrong = expiration === undefined && until !== undefined;
  if (!accessKeyId || !secretAccessKey || isTimeWrong) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}
