/**
 * The options that bind and name a role's session, and those that let calls name
 * an account.
 */

import type { RoleSession } from "../aws/credentials/types.ts";
import { partitionOf, partitionOfArn } from "../aws/partition.ts";
import type { PolicyTarget } from "../aws/policy/statement.ts";
import { readTextFile } from "./files.ts";
import { isAccountFile, isPolicyFile, READ_ONLY } from "./options.ts";
import { FLAG_NAMES, type ParsedOptions, quote } from "./settings.ts";

/** A role in each account that a call may name. */
export interface AccountRoles {
  /** The role's ARN, with `{account}` and perhaps `{role}` in it. */
  readonly template: string;
  /** Account IDs, and globs of them. */
  readonly allow: readonly string[];
  /** Names of roles, and globs, where the template has a `{role}`. */
  readonly allowRole?: readonly string[];
}

/** What the options of roles come to. */
export interface Roles {
  /** What a role's session is bound to. */
  readonly session?: RoleSession;
  /** The roles that calls may name an account for. */
  readonly accounts?: AccountRoles;
}

// AWS STS API Reference, AssumeRole.
const MAX_POLICY_LENGTH = 2048;
const MAX_POLICY_ARNS = 10;
const MAX_TAGS = 50;

const POLICY_ARN =
  /^(?!.*,arn:)arn:aws(?:-[a-z-]+)?:iam::(?:aws|\d{12}):policy\/[\x21-\x7e]{1,576}$/;

/** Tags that AWS gives begin with `aws:`, in any case. */
const TAG_KEY = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/iu;
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** An account's digits, or a glob of no more than them. */
const ACCOUNT = /^(?:\d{12}|(?=\d*[*?])[\d*?]{1,12})$/;

const ROLE_PLACE = "{role}";

/** The ARN of the role that is meant by an account, and a role's name. */
export function accountRoleArn(
  { template }: AccountRoles,
  account: string,
  role = "",
): string {
  // Functions: a text would have a $ in a name read.
  return template.replace("{account}", () => account)
    .replace(ROLE_PLACE, () => role);
}

/** What a session is bound to, in words: no policy's text, no tag's value. */
export function describeSession(
  { policyArns = [], policy, sourceIdentity, tags = [] }: RoleSession,
): string[] {
  return [
    ...policyArns,
    ...policy === undefined ? [] : ["inline policy"],
    ...sourceIdentity === undefined ? [] : [`sourceIdentity ${sourceIdentity}`],
    ...tags.map(([key]) => `tag ${key}`),
  ];
}

/**
 * Reads what a role's session is bound to, and which accounts calls may name.
 */
export async function parseRoles(
  parsed: ParsedOptions,
  target: PolicyTarget | undefined,
): Promise<Roles> {
  const { env, settings } = parsed;
  const { sourceIdentity, assumeRole, accountRole } = settings;
  const policies = await parsePolicies(parsed, target);
  const tags = parseTags(parsed);
  const session: RoleSession = {
    ...policies,
    ...sourceIdentity !== undefined && { sourceIdentity },
    ...tags.length > 0 && { tags },
  };
  const isNamed = sourceIdentity !== undefined || tags.length > 0;
  if (isNamed && (assumeRole ?? accountRole) === undefined) {
    const { namingFault } = await import("../aws/credentials/chain.ts");
    const [profile] = settings.profile;
    const key = sourceIdentity === undefined ? "sessionTag" : "sourceIdentity";
    const words = await namingFault({ env, profile });
    if (words !== undefined) {
      const out = `leave out ${parsed.nameOf(key)}`;
      parsed.faults.push(
        `${words} (${out}, or name a role that it assumes: --assume-role)`,
      );
    }
  }
  return {
    session: Object.keys(session).length > 0 ? session : undefined,
    accounts: await parseAccounts(parsed),
  };
}

/** With `--read-only` and a role it only reads, unless something else is said. */
async function parsePolicies(
  parsed: ParsedOptions,
  target: PolicyTarget | undefined,
): Promise<Pick<RoleSession, "policy" | "policyArns">> {
  const { settings } = parsed;
  const role = settings.assumeRole ?? settings.accountRole;
  const isImplied = settings.readOnly && role !== undefined &&
    !parsed.isGiven("sessionPolicy");
  const given = isImplied ? [READ_ONLY] : settings.sessionPolicy;
  const arns = new Set(given.filter((text) => text.startsWith("arn:")));
  const files = given.filter(isPolicyFile);
  const fault = (words: string) => parsed.fault("sessionPolicy", words);
  const wrong = [...arns].find((arn) => !POLICY_ARN.test(arn));
  if (wrong !== undefined) {
    fault(
      "session policy must be the ARN of a managed policy, a file or " +
        `read-only, got ${quote(wrong)}`,
    );
  }
  const isReadOnly = given.includes(READ_ONLY);
  if (files.length + Number(isReadOnly) > 1) {
    fault(
      "a session has one policy besides the managed ones, and several are " +
        "given: take one file, or read-only",
    );
    return {};
  }
  let policy = files.length === 0 ? undefined : await policyIn(files[0], fault);
  if (isReadOnly && target !== undefined) {
    const { name } = role === undefined
      ? partitionOf(target.region)
      : partitionOfArn(role);
    arns.add(`arn:${name}:iam::aws:policy/ReadOnlyAccess`);
    policy = await readOnlyPolicy(target, parsed);
  }
  const most = `a session takes ${MAX_POLICY_ARNS} managed policies`;
  if (arns.size > MAX_POLICY_ARNS) fault(`${most}, and ${arns.size} are given`);
  if (policy !== undefined && policy.length > MAX_POLICY_LENGTH) {
    fault(
      `a session policy takes ${MAX_POLICY_LENGTH} characters without white ` +
        `space, and there are ${policy.length}`,
    );
  }
  return {
    ...arns.size > 0 && { policyArns: [...arns] },
    ...policy !== undefined && { policy },
  };
}

/** The policy in a file, without white space between its parts. */
async function policyIn(
  path: string,
  fault: (words: string) => undefined,
): Promise<string | undefined> {
  const read = await readTextFile(path);
  if ("fault" in read) return fault(`session policy ${read.fault}`);
  const name = `session policy file ${quote(path)}`;
  try {
    const value: unknown = JSON.parse(read.text);
    if (typeof value !== "object" || !Object.hasOwn(value ?? {}, "Statement")) {
      return fault(`${name} is no policy: it has no Statement`);
    }
  } catch {
    return fault(`${name} is no JSON`);
  }
  // As it is, a member that stands twice too: that is AWS's to refuse.
  const text = read.text.replace(
    /("(?:[^"\\]|\\.)*"?)|\s+/g,
    (_, string = "") => string,
  );
  return /[^\t\n\r\x20-\xff]/.test(text)
    ? fault(`${name} has a character that STS does not take (beyond U+00FF)`)
    : text;
}

/** What the target itself asks for: ReadOnlyAccess does not have all of it. */
async function readOnlyPolicy(
  target: PolicyTarget,
  { notes }: ParsedOptions,
): Promise<string | undefined> {
  const { targetPolicy } = await import("../aws/policy/targets.ts");
  const found = targetPolicy({ ...target, readOnly: true }, "*", FLAG_NAMES);
  if (found === undefined) {
    notes.push({
      level: "warn",
      message: "it is not known what the target's service asks for: the role " +
        "is bound to ReadOnlyAccess alone; if the target refuses it, give " +
        "--session-policy a policy that allows to call it",
      fields: { service: target.service },
    });
    return undefined;
  }
  if (found.statements.length === 0) return undefined;
  const Statement = found.statements.map(({ Sid: _sid, ...statement }) =>
    statement
  );
  const text = JSON.stringify({ Version: "2012-10-17", Statement });
  // What the URL does not tell; the role's own policies bound it as well.
  return text.replace(/\b(?:API_ID|STAGE|FUNCTION_NAME|SERVICE_ID)\b/g, "*");
}

function parseTags(
  parsed: ParsedOptions,
): readonly (readonly [string, string])[] {
  const tags = new Map<string, readonly [key: string, value: string]>();
  const fault = (words: string) => parsed.fault("sessionTag", words);
  for (const text of parsed.settings.sessionTag) {
    const at = text.indexOf("=");
    const key = text.slice(0, Math.max(at, 0)).trim();
    const value = text.slice(at + 1).trim();
    if (!TAG_KEY.test(key) || !TAG_VALUE.test(value)) {
      fault(
        "session tag must be key=value, with letters, digits, spaces and " +
          "_.:/=+-@, at most 128 and 256 of them, and no key that begins with " +
          `aws:, got ${quote(text)}`,
      );
    } else if (tags.has(key.toLowerCase())) {
      fault(`session tag ${quote(key)} is given twice, in whatever case`);
    } else tags.set(key.toLowerCase(), [key, value]);
  }
  if (tags.size > MAX_TAGS) {
    fault(`a session takes ${MAX_TAGS} tags, and ${tags.size} are given`);
  }
  return [...tags.values()];
}

/** The rules for accounts, if calls may name any. */
async function parseAccounts(
  parsed: ParsedOptions,
): Promise<AccountRoles | undefined> {
  const { settings, unread } = parsed;
  const { accountRole: template, allowRole } = settings;
  if (template === undefined) return undefined;
  const allow = await accountsIn(parsed);
  const places = template.split(ROLE_PLACE).length - 1;
  const fault = (words: string) => parsed.fault("accountRole", words);
  if (places > 1) {
    fault(`account role takes one {role}, got ${quote(template)}`);
  }
  if (places > 0 && allowRole.length === 0 && !unread.has("allowRole")) {
    parsed.fault(
      "allowRole",
      "account role has a {role}, and needs a list of the roles that calls " +
        "may name",
    );
  }
  if (places === 0 && allowRole.length > 0) {
    fault("allow role means nothing without a {role} in the account role");
  }
  return { template, allow, ...places > 0 && { allowRole } };
}

/** The accounts, from the option and from the files that it names. */
async function accountsIn(parsed: ParsedOptions): Promise<readonly string[]> {
  const { allowAccount } = parsed.settings;
  const allow = new Set<string>();
  const fault = (words: string) => parsed.fault("allowAccount", words);
  const add = (text: string, place = "") => {
    if (ACCOUNT.test(text)) return allow.add(text);
    fault(
      "allow account must be an account of 12 digits, or a glob of one with " +
        `* and ?, got ${quote(text)}${place}`,
    );
  };
  for (const text of allowAccount) {
    if (!isAccountFile(text)) {
      add(text.trim());
      continue;
    }
    const read = await readTextFile(text);
    if ("fault" in read) {
      fault(`allow account names a file: ${read.fault}`);
      continue;
    }
    const size = allow.size;
    for (const [index, line] of read.text.split("\n").entries()) {
      const account = line.replace(/#.*/, "").trim();
      if (account) add(account, ` in line ${index + 1} of ${quote(text)}`);
    }
    if (allow.size === size) {
      fault(`allow account names a file with no account in it: ${quote(text)}`);
    }
  }
  if (allowAccount.length === 0) {
    fault("account role needs a list of the accounts that calls may name");
  }
  return [...allow];
}
