/**
 * A last look at calls before they are sent: what allowed them may have been
 * said in a session that is gone.
 *
 * @module
 */

import type { ProxyError } from "../../errors.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { SessionHeaders } from "../wire/headers.ts";
import { readMessageInTurns, type ResponseMessage } from "../wire/message.ts";

/** Asks the target for a page of its tools. */
export type AskForTools = (
  params: Readonly<Record<string, unknown>>,
) => Promise<ResponseMessage>;

/** Knows which calls may be sent. */
export interface CallGuard {
  /** A session has begun: what was said in another one does not hold in it. */
  sessionBegan(): void;
  /**
   * Why a call may not be sent; `undefined` when it may.
   *
   * @param params The call's parameters.
   * @param session What it would be sent in.
   * @param ask Asks the target for its tools in that session.
   */
  refusal(
    params: unknown,
    session: SessionHeaders,
    ask: AskForTools,
  ): Promise<ProxyError | undefined>;
}

/**
 * Why an exchange may not be sent; a batch is sent whole or not at all.
 *
 * @param exchange What would be sent.
 * @param session What it would be sent in.
 * @param guard Knows which calls may be sent.
 * @param ask Asks the target for its tools in that session.
 */
export async function guardRefusal(
  exchange: Exchange,
  session: SessionHeaders,
  guard: CallGuard,
  ask: AskForTools,
): Promise<ProxyError | undefined> {
  for (const params of await callsIn(exchange)) {
    const refusal = await guard.refusal(params, session, ask);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** The parameters of the calls in an exchange. */
async function callsIn(
  { method, params, body }: Exchange,
): Promise<readonly unknown[]> {
  if (method === "tools/call") return [params];
  if (method !== "batch") return [];
  const message = await readMessageInTurns(await body.bytes());
  if (message.kind !== "batch") return [];
  return message.messages.flatMap((one) =>
    one.kind === "request" && one.method === "tools/call" ? [one.params] : []
  );
}
