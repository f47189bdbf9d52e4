/**
 * Calls in other AWS accounts: the arguments that name the account and the
 * role, and the lists of what may be named.
 */

import { ProxyError } from "../../errors.ts";
import { OPTION_NAMES, type OptionNames } from "../../naming.ts";
import { Glob } from "../../glob.ts";
import { excerpt } from "../wire/excerpt.ts";
import type { IdentitySelection } from "./selection.ts";

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
  names: OptionNames = OPTION_NAMES,
): IdentitySelection {
  const { allow, allowRole, isRequired, idleMs = IDLE_MS } = rules;
  const accounts = allow.map((glob) => new Glob(glob));
  const roles = allowRole?.map((glob) => new Glob(glob));
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
      const isNone = account === undefined && role === undefined;
      if (isNone && isRequired) throw noneNamed(names);
      if (isNone) return undefined;
      if (!isAllowed(account, ACCOUNT, accounts)) {
        const form = "12 digits";
        throw notAllowed(ACCOUNT_ARGUMENT, account, form, allow, names);
      }
      if (allowRole === undefined || roles === undefined) return account;
      if (!isAllowed(role, ROLE, roles)) {
        const form = "a role's name";
        throw notAllowed(ROLE_ARGUMENT, role, form, allowRole, names);
      }
      return `${account}/${role}`;
    },
    nameOf(identity) {
      const [account, role] = partsOfIdentity(identity);
      const of = `the account ${account}`;
      return role === undefined ? of : `the role ${role} of ${of}`;
    },
  };
}

/** The account and the role of an identity. */
export function partsOfIdentity(
  identity: string,
): [account: string, role: string | undefined] {
  const [account, role] = identity.split("/");
  return [account, role];
}

function isAllowed(
  value: unknown,
  form: RegExp,
  globs: readonly Glob[],
): value is string {
  return typeof value === "string" && form.test(value) &&
    globs.some((glob) => glob.matches(value));
}

/** The error of a call that would go with an identity that nothing binds. */
function noneNamed({ readOnly, assumeRole }: OptionNames): ProxyError {
  return new ProxyError(
    "blocked",
    `the call names no ${ACCOUNT_ARGUMENT}, and what ${readOnly} ` +
      "binds are the accounts' roles alone: name an account, or give " +
      `${assumeRole} for calls without one`,
    { data: { argument: ACCOUNT_ARGUMENT, mayHaveRun: false } },
  );
}

function notAllowed(
  name: string,
  value: unknown,
  form: string,
  allowed: readonly string[],
  names: OptionNames,
): ProxyError {
  const isAccount = name === ACCOUNT_ARGUMENT;
  const option = isAccount ? names.allowAccount : names.allowRole;
  const got = value === undefined
    ? "none is given"
    : `got ${excerpt(JSON.stringify(value) ?? "")}`;
  return new ProxyError(
    "blocked",
    `${name} must be a string of ${form} that ${option} allows (${
      listed(allowed)
    }), ${got}; the call was not sent`,
    { data: { argument: name, mayHaveRun: false } },
  );
}

function listed(allowed: readonly string[]): string {
  const more = allowed.length - MOST_NAMED;
  const names = allowed.slice(0, MOST_NAMED).join(", ");
  return more > 0 ? `${names} and ${more} more` : names;
}
