/**
 * By what calls are given identities of AWS: arguments that name a profile, or
 * an account and a role; or what their tools say of themselves.
 */

import { ProxyError } from "../errors.ts";
import { excerpt } from "../excerpt.ts";
import { Glob } from "../glob.ts";
import type { IdentitySelection } from "../mcp/profiles/argument.ts";
import { toolName, type ToolPolicy } from "../mcp/tools/policy.ts";
import type { OptionNames } from "../naming.ts";

const PROFILE_ARGUMENT = "aws_profile";

/** The argument `aws_profile`; the first profile is the default. */
export function profileSelection(
  profiles: readonly string[],
  names: OptionNames,
): IdentitySelection {
  const [first] = profiles;
  return {
    prefix: PROFILE_ARGUMENT,
    offered: {
      [PROFILE_ARGUMENT]: {
        type: "string",
        enum: profiles,
        description:
          `AWS profile (account and role) to call the tool with; ${first} if none is given`,
      },
    },
    option: names.profiles,
    select({ [PROFILE_ARGUMENT]: profile }) {
      // What models give for an argument that they leave out.
      const chosen = profiles.find((name) => name === (profile ?? first));
      if (chosen !== undefined) return chosen === first ? undefined : chosen;
      throw new ProxyError(
        "blocked",
        `${PROFILE_ARGUMENT} must be one of ${
          profiles.join(", ")
        }; ${names.profiles} sets the list`,
        { data: { [PROFILE_ARGUMENT]: profile, profiles } },
      );
    },
    nameOf: (profile) => `the profile ${profile}`,
  };
}

const ACCOUNT_ARGUMENT = "aws_account";
const ROLE_ARGUMENT = "aws_role";

export interface AccountRules {
  /** Account IDs, and globs of them. */
  readonly allow: readonly string[];
  /** Names of roles, and globs of them; `undefined`: the role is fixed. */
  readonly allowRole?: readonly string[];
  /** Whether every call has to name one. */
  readonly isRequired?: boolean;
  /** How long the session of an account is kept that is idle, if others hold. */
  readonly idleMs?: number;
}

/** An account by its digits: no sign, no blank, no digits of other scripts. */
const ACCOUNT = /^[0-9]{12}$/;

/** A role's name (IAM API Reference, CreateRole), without the path before it. */
const ROLE = /^[A-Za-z0-9_+=,.@-]{1,64}$/;

/** Each holds a session, and credentials. */
const MOST = 256;
const IDLE_MS = 15 * 60_000;

/** So many of a list are named to a model, and in an error. */
const MOST_NAMED = 20;

/** What calls name, in the order of the identity's parts. */
export function accountSelection(
  rules: AccountRules,
  names: OptionNames,
): IdentitySelection {
  const { allow, allowRole, isRequired, idleMs = IDLE_MS } = rules;
  const accounts: Allowed = {
    argument: ACCOUNT_ARGUMENT,
    form: "12 digits",
    pattern: ACCOUNT,
    names: allow,
    globs: allow.map((glob) => new Glob(glob)),
    option: names.allowAccount,
  };
  const roles: Allowed | undefined = allowRole && {
    argument: ROLE_ARGUMENT,
    form: "a role's name",
    pattern: ROLE,
    names: allowRole,
    globs: allowRole.map((glob) => new Glob(glob)),
    option: names.allowRole,
  };
  return {
    prefix: ACCOUNT_ARGUMENT,
    offered: {
      [ACCOUNT_ARGUMENT]: {
        type: "string",
        pattern: ACCOUNT.source,
        description: "AWS account (12 digits) to call the tool in" +
          (isRequired ? "" : "; the proxy's own identity if none is given") +
          `. Allowed: ${listed(allow)}`,
      },
      ...allowRole && {
        [ROLE_ARGUMENT]: {
          type: "string",
          description: `Role to take on in ${ACCOUNT_ARGUMENT}. Allowed: ` +
            listed(allowRole),
        },
      },
    },
    option: names.accountRole,
    isRequired,
    limits: { most: MOST, idleMs },
    select(named) {
      const account = named[ACCOUNT_ARGUMENT] ?? undefined;
      const role = named[ROLE_ARGUMENT] ?? undefined;
      if (account === undefined && role === undefined) {
        if (!isRequired) return undefined;
        throw new ProxyError(
          "blocked",
          `the call names no ${ACCOUNT_ARGUMENT}, and what ${names.readOnly} ` +
            "binds are the accounts' roles alone: name an account, or give " +
            `${names.assumeRole} for calls without one`,
          { data: { argument: ACCOUNT_ARGUMENT, mayHaveRun: false } },
        );
      }
      const chosen = allowed(account, accounts);
      return roles ? `${chosen}/${allowed(role, roles)}` : chosen;
    },
    nameOf(identity) {
      const [account, role] = partsOfIdentity(identity);
      const of = `the account ${account}`;
      return role === undefined ? of : `the role ${role} of ${of}`;
    },
  };
}

export function partsOfIdentity(
  identity: string,
): [account: string, role: string | undefined] {
  const [account, role] = identity.split("/");
  return [account, role];
}

interface Allowed {
  readonly argument: string;
  /** What a value is to be, and the pattern for it. */
  readonly form: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly globs: readonly Glob[];
  /** The option that allows them. */
  readonly option: string;
}

/** @throws {ProxyError} The value is none of those that are allowed. */
function allowed(value: unknown, by: Allowed): string {
  const { argument, form, pattern, names, globs, option } = by;
  const isAllowed = typeof value === "string" && pattern.test(value) &&
    globs.some((glob) => glob.matches(value));
  if (isAllowed) return value;
  const got = value === undefined
    ? "none is given"
    : `got ${excerpt(JSON.stringify(value) ?? "")}`;
  throw new ProxyError(
    "blocked",
    `${argument} must be a string of ${form} that ${option} allows (${
      listed(names)
    }), ${got}; the call was not sent`,
    { data: { argument, mayHaveRun: false } },
  );
}

function listed(allowed: readonly string[]): string {
  const more = allowed.length - MOST_NAMED;
  const names = allowed.slice(0, MOST_NAMED).join(", ");
  return more > 0 ? `${names} and ${more} more` : names;
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
