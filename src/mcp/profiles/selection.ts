/**
 * How it is decided which of several identities a call is for.
 */

import { ProxyError } from "../../errors.ts";
import type { OptionNames } from "../../naming.ts";
import { toolName, type ToolPolicy } from "../tools/policy.ts";
import type { RequestMessage } from "../wire/message.ts";

/** The arguments of a call that choose, by name; none where it has none. */
export type Named = Readonly<Record<string, unknown>>;

/** Identities beside the first, and what chooses among them. */
export interface IdentitySelection {
  /** What stands before their names in IDs. */
  readonly prefix: string;
  /** The arguments that tools gain, each with its JSON schema. */
  readonly offered: Readonly<Record<string, unknown>>;
  /** The option that asks for them, as errors name it. */
  readonly option: string;
  /** Whether a call has to choose: the first identity is for no call. */
  readonly isRequired?: boolean;
  /** How many there are at a time, and how long one is kept that is idle. */
  readonly limits?: { readonly most: number; readonly idleMs: number };
  /**
   * The identity that a call is for; `undefined`: the first.
   *
   * @throws {ProxyError} `blocked`: it names what it may not.
   */
  select(named: Named, call: RequestMessage): string | undefined;
  /** What errors call an identity. */
  nameOf(identity: string): string;
}

/** A role for what does not say that it only reads; nothing is named. */
export function writeSelection(
  policy: ToolPolicy,
  names: OptionNames,
): IdentitySelection {
  return {
    prefix: "write-role",
    offered: {},
    option: names.writeRole,
    select: (_named, { params }) =>
      policy.readsOnly(toolName(params)) ? undefined : "writer",
    nameOf: () => `the role of ${names.writeRole}`,
  };
}

/** The error of a call in which a choice could hide. */
export function unreadChoice(
  { offered, option }: IdentitySelection,
): ProxyError {
  return new ProxyError(
    "blocked",
    `the call has too many arguments, or too large ones, to look for ${
      Object.keys(offered).join(" and ")
    } in them; without ${option} they pass`,
  );
}
