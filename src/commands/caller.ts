/** Who the credentials are: AWS STS, `GetCallerIdentity`. */

import type { Credentials } from "../aws/credentials/types.ts";
import { netNeed } from "../permissions.ts";
import { limitedText } from "../limited_text.ts";
import { serviceUrl } from "../aws/credentials/sources/service.ts";
import { lookUp } from "../aws/shared_files/shared_files.ts";
import { refusalError } from "../aws/refusals/refusal.ts";
import { createSignedFetch } from "../aws/signing/signed_fetch.ts";
import { oneRegion } from "../aws/partition.ts";
import type { Config } from "../config/config.ts";
import { FLAG_NAMES } from "../config/settings.ts";
import type { CommandContext } from "./context.ts";
import { messageOf, type ProxyError, reasonOf } from "../errors.ts";
import { withLimit } from "../time.ts";
import type { Surroundings } from "./target.ts";

export type StsAnswer =
  /** The account's twelve digits; the user, or the role with its session. */
  | { readonly kind: "known"; readonly account: string; readonly arn: string }
  /** STS answered, and does not take the credentials. */
  | { readonly kind: "refused"; readonly error: ProxyError }
  /** Nobody knows: STS was not reached, or made no sense. */
  | { readonly kind: "unknown"; readonly why: string };

export interface StsQuestion
  extends Pick<Surroundings, "redactor" | "fetches"> {
  readonly context: Pick<CommandContext, "env" | "notGranted">;
  readonly config: Pick<Config, "profile" | "region">;
  readonly limitMs: number;
}

/** Where STS is, by the variables and the profile in use; else why not. */
export async function stsUrl(
  { profile, region }: StsQuestion["config"],
  { env }: Pick<CommandContext, "env">,
): Promise<URL | string> {
  const found = await lookUp(profile, env).catch(() => undefined);
  try {
    return serviceUrl({ env, ...found }, "STS", oneRegion(region)) ??
      "AWS_ENDPOINT_URL_STS or endpoint_url is no URL";
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Asks STS whose the credentials are, as every principal may, and how far its
 * clock is ahead of this machine's, in milliseconds. Nothing is thrown.
 */
export async function askCaller(
  credentials: Credentials,
  { context, config, redactor, fetches, limitMs }: StsQuestion,
): Promise<StsAnswer & { readonly clockOffsetMs?: number }> {
  const region = oneRegion(config.region);
  const url = await stsUrl(config, context);
  if (typeof url === "string") return { kind: "unknown", why: url };
  const need = netNeed(url, "ask STS");
  if (context.notGranted([need]).length > 0) {
    return {
      kind: "unknown",
      why: `no permission to ask STS: add --allow-net=${need.value}`,
    };
  }
  try {
    return await withLimit(limitMs, async (signal) => {
      using fetch = createSignedFetch({
        origin: url,
        service: "sts",
        region,
        credentials,
        fetch: fetches?.toOthers,
        redactor,
      });
      const sentAt = Date.now();
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "Action=GetCallerIdentity&Version=2011-06-15",
        signal,
      });
      const clockOffsetMs = offsetOf(response, sentAt);
      const text = await limitedText(response.body);
      return { clockOffsetMs, ...readAnswer(response, text) };
    });
  } catch (error) {
    const why = `${url.host} was not reached (${reasonOf(error)})`;
    return { kind: "unknown", why: redactor.redact(why) };
  }
}

function readAnswer(response: Response, text: string): StsAnswer {
  const account = /<Account>(\d{12})<\/Account>/.exec(text)?.[1];
  const arn = /<Arn>(arn:[\x21-\x3b\x3d-\x7e]{1,2048})<\/Arn>/.exec(text)?.[1];
  if (response.ok && account !== undefined && arn !== undefined) {
    return { kind: "known", account, arn };
  }
  const error = refusalError(response, text, FLAG_NAMES);
  // An endpoint's policy may shut the question out; it says nothing of whom.
  if (error !== undefined && error.data.cause !== "not-authorized") {
    return { kind: "refused", error };
  }
  return { kind: "unknown", why: `STS answered with HTTP ${response.status}` };
}

/**
 * How far the clock behind an answer that has just come is ahead of this
 * machine's, in milliseconds, to the second that a `Date` header has.
 */
export function offsetOf(
  response: Response,
  sentAt: number,
): number | undefined {
  const date = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(date)) return undefined;
  // The header names a second that had begun.
  const early = date - Date.now();
  const late = date + 999 - sentAt;
  if (early <= 0 && late >= 0) return 0;
  return early > 0 ? early : late;
}
