/** Roles of accounts, as tests name and count them. */

import type { roleWorld } from "../../support/aws/role_world.ts";

export const A = "111111111111";

export const B = "222222222222";

export const DENIED = "999999999999";

export const FIXED = "--account-role=arn:aws:iam::{account}:role/ReadOnly";

export const CHOSEN = "--account-role=arn:aws:iam::{account}:role/mcp/{role}";

export const LISTED = [`--allow-account=${A}`, "--allow-account=2222222222??"];

export type World = Awaited<ReturnType<typeof roleWorld>>;

/** Who called tools, with which arguments, in the order of their arrival. */
export function callsOf(w: World): [by: unknown, args: unknown][] {
  return w.sent("tools/call")
    .map(({ by, message }) => [by, message.params.arguments]);
}
