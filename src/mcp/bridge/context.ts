/** What the two translations of a bridge have in common. */

import { asObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import type { Background, OwnRequests } from "../transport/awaited.ts";
import type { Emit, Link } from "../transport/link.ts";

export interface BridgeContext {
  /** Writes one frame to the client; one that is gone does not matter. */
  readonly emit: Emit;
  readonly log: Log;
  readonly link: Link;
  /** The bridge's own requests to it. */
  readonly own: OwnRequests;
  readonly background: Background;
}

/** How many resources a client may be subscribed to at once. */
export const MAX_SUBSCRIPTIONS = 500;

/** Requests of the client's in which the target may ask for input. */
export const ASKING_METHODS: ReadonlySet<string> = new Set([
  "tools/call",
  "prompts/get",
  "resources/read",
]);

/** The client capability that a request of the target's needs. */
const CAPABILITY_OF: ReadonlyMap<unknown, string> = new Map([
  ["elicitation/create", "elicitation"],
  ["sampling/createMessage", "sampling"],
  ["roots/list", "roots"],
]);

/** Whether a client of these capabilities can be asked for something. */
export function canBeAsked(method: unknown, capabilities: unknown): boolean {
  const needed = CAPABILITY_OF.get(method);
  return needed !== undefined && needed in asObject(capabilities);
}
