/**
 * The options that let calls name an account: `--account-role` with the lists
 * of accounts and roles.
 */

import { remedy } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { isAccountFile } from "./role_options.ts";
import { quote, type Reading } from "./settings.ts";

/** A role in each account that a call may name. */
export interface AccountRoles {
  /** The role's ARN, with `{account}` and perhaps `{role}` in it. */
  readonly template: string;
  /** Account IDs, and globs of them. */
  readonly allow: readonly string[];
  /** Names of roles, and globs, where the template has a `{role}`. */
  readonly allowRole?: readonly string[];
}

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

/** Reads the rules, if calls may name accounts. */
export async function readAccountRules(
  reading: Reading,
): Promise<AccountRoles | undefined> {
  const { settings, unread, faults } = reading;
  const { accountRole: template, allowAccount, allowRole } = settings;
  if (template === undefined) {
    if (unread.has("accountRole")) return undefined;
    for (const key of ["allowAccount", "allowRole"] as const) {
      if (settings[key].length === 0) continue;
      const mend = remedy(OPTIONS.accountRole);
      faults.push(
        `${
          OPTIONS[key].names[0]
        } means nothing without --account-role (${mend})`,
      );
    }
    return undefined;
  }
  const [, ...more] = template.split(ROLE_PLACE);
  if (more.length > 1) {
    faults.push(
      `account role takes one {role}, got ${quote(template)} ` +
        `(${remedy(OPTIONS.accountRole)})`,
    );
  }
  const allow = await accountsIn(reading);
  if (allowAccount.length === 0) {
    faults.push(
      "account role needs a list of the accounts that calls may name " +
        `(${remedy(OPTIONS.allowAccount)})`,
    );
  }
  const hasRole = more.length > 0;
  if (hasRole && allowRole.length === 0 && !unread.has("allowRole")) {
    faults.push(
      "account role has a {role}, and needs a list of the roles that calls " +
        `may name (${remedy(OPTIONS.allowRole)})`,
    );
  }
  if (!hasRole && allowRole.length > 0) {
    faults.push(
      "allow role means nothing without a {role} in the account role " +
        `(${remedy(OPTIONS.accountRole)})`,
    );
  }
  return { template, allow, ...hasRole && { allowRole } };
}

/** The accounts, from the option and from the files that it names. */
async function accountsIn(reading: Reading): Promise<readonly string[]> {
  const { settings: { allowAccount }, faults } = reading;
  const mend = remedy(OPTIONS.allowAccount);
  const allow = new Set<string>();
  const add = (text: string, place: string) => {
    if (ACCOUNT.test(text)) allow.add(text);
    else {
      faults.push(
        "allow account must be an account of 12 digits, or a glob of one with " +
          `* and ?, got ${quote(text)}${place} (${mend})`,
      );
    }
  };
  for (const text of allowAccount) {
    if (!isAccountFile(text)) {
      add(text.trim(), "");
      continue;
    }
    const { readTextFile } = await import("./text_file.ts");
    const read = await readTextFile(text);
    if ("fault" in read) {
      faults.push(`allow account names a file: ${read.fault} (${mend})`);
      continue;
    }
    const size = allow.size;
    for (const [index, line] of read.text.split("\n").entries()) {
      const [account] = line.split("#");
      if (account.trim() === "") continue;
      add(account.trim(), ` in line ${index + 1} of ${quote(text)}`);
    }
    if (allow.size === size) {
      faults.push(
        `allow account names a file with no account in it: ${quote(text)} ` +
          `(${mend})`,
      );
    }
  }
  return [...allow];
}
