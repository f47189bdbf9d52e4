/**
 * The options that bind and name a role's session: `--session-policy`,
 * `--source-identity`, `--session-tag`.
 *
 * Limits: AWS STS API Reference, AssumeRole.
 */

import type { RoleSession } from "../aws/credentials/types.ts";
import { partitionOf, partitionOfArn } from "../aws/partition.ts";
import type { PolicyTarget } from "../aws/policy/statement.ts";
import { remedy } from "./option.ts";
import { OPTIONS } from "./options.ts";
import { isPolicyFile, READ_ONLY } from "./role_options.ts";
import { isGiven, quote, type Reading } from "./settings.ts";

const MAX_POLICY_LENGTH = 2048;
const MAX_POLICY_ARNS = 10;
const MAX_TAGS = 50;

const POLICY_ARN =
  /^arn:aws(?:-[a-z-]+)?:iam::(?:aws|\d{12}):policy\/[\x21-\x7e]{1,576}$/;

const TAG_KEY = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/**
 * Reads what a role's session is bound to. With `--read-only` and a role it
 * only reads, unless something else is said.
 *
 * @param target The target, if it is known.
 */
export async function readRoleSession(
  reading: Reading,
  target: PolicyTarget | undefined,
): Promise<RoleSession | undefined> {
  const { settings } = reading;
  const { sourceIdentity } = settings;
  const role = settings.assumeRole ?? settings.accountRole;
  const isImplied = settings.readOnly && role !== undefined &&
    !isGiven("sessionPolicy", reading);
  const given = isImplied ? [READ_ONLY] : settings.sessionPolicy;
  const arns = given.filter((text) => text.startsWith("arn:"));
  const files = given.filter(isPolicyFile);
  const fault = (words: string) =>
    reading.faults.push(`${words} (${remedy(OPTIONS.sessionPolicy)})`);
  const wrong = arns.find((arn) => !POLICY_ARN.test(arn));
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
    return undefined;
  }
  let policy = files.length === 0 ? undefined : await policyIn(files[0], fault);
  if (isReadOnly && target !== undefined) {
    const partition = role === undefined
      ? partitionOf(target.region)
      : partitionOfArn(role);
    arns.push(`arn:${partition.name}:iam::aws:policy/ReadOnlyAccess`);
    policy = await readingPolicy(target, reading);
  }
  const policyArns = [...new Set(arns)];
  if (policyArns.length > MAX_POLICY_ARNS) {
    fault(
      `a session takes ${MAX_POLICY_ARNS} managed policies, and ` +
        `${policyArns.length} are given`,
    );
  }
  if (policy !== undefined && policy.length > MAX_POLICY_LENGTH) {
    fault(
      `a session policy takes ${MAX_POLICY_LENGTH} characters without white ` +
        `space, and there are ${policy.length}`,
    );
  }
  const tags = readTags(reading);
  const session: RoleSession = {
    ...policyArns.length > 0 && { policyArns },
    ...policy !== undefined && { policy },
    ...sourceIdentity !== undefined && { sourceIdentity },
    ...tags.length > 0 && { tags },
  };
  return Object.keys(session).length === 0 ? undefined : session;
}

/** The policy in a file, without white space between its parts. */
async function policyIn(
  path: string,
  fault: (words: string) => void,
): Promise<string | undefined> {
  const { readTextFile } = await import("./text_file.ts");
  const read = await readTextFile(path);
  if ("fault" in read) {
    fault(`session policy ${read.fault}`);
    return undefined;
  }
  const name = `session policy file ${quote(path)}`;
  try {
    const value: unknown = JSON.parse(read.text);
    if (typeof value !== "object" || !Object.hasOwn(value ?? {}, "Statement")) {
      fault(`${name} is no policy: it has no Statement`);
      return undefined;
    }
  } catch {
    fault(`${name} is no JSON`);
    return undefined;
  }
  const text = withoutWhiteSpace(read.text);
  if (/[^\t\n\r\x20-\xff]/.test(text)) {
    fault(`${name} has a character that STS does not take (beyond U+00FF)`);
    return undefined;
  }
  return text;
}

/** JSON as it is, a member that stands twice too: that is AWS's to refuse. */
function withoutWhiteSpace(json: string): string {
  let text = "";
  let isString = false;
  let isEscaped = false;
  for (const character of json) {
    if (isString || !/\s/.test(character)) text += character;
    if (character === '"' && !isEscaped) isString = !isString;
    isEscaped = isString && character === "\\" && !isEscaped;
  }
  return text;
}

/** What the target itself asks for: ReadOnlyAccess does not have all of it. */
async function readingPolicy(
  target: PolicyTarget,
  { notes }: Reading,
): Promise<string | undefined> {
  const { targetPolicy } = await import("../aws/policy/targets.ts");
  const found = targetPolicy({ ...target, readOnly: true }, "*");
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

function readTags(reading: Reading): readonly (readonly [string, string])[] {
  const { settings: { sessionTag }, faults } = reading;
  const mend = remedy(OPTIONS.sessionTag);
  const tags = new Map<string, readonly [key: string, value: string]>();
  for (const text of sessionTag) {
    const equals = text.indexOf("=");
    const key = text.slice(0, Math.max(equals, 0)).trim();
    const value = text.slice(equals + 1).trim();
    // Tags that AWS gives begin so, in any case.
    const isFit = TAG_KEY.test(key) && TAG_VALUE.test(value) &&
      !/^aws:/i.test(key);
    if (equals < 0 || !isFit) {
      faults.push(
        "session tag must be key=value, with letters, digits, spaces and " +
          "_.:/=+-@, at most 128 and 256 of them, and no key that begins with " +
          `aws:, got ${quote(text)} (${mend})`,
      );
    } else if (tags.has(key.toLowerCase())) {
      faults.push(
        `session tag ${quote(key)} is given twice, in whatever case (${mend})`,
      );
    } else tags.set(key.toLowerCase(), [key, value]);
  }
  if (tags.size > MAX_TAGS) {
    faults.push(
      `a session takes ${MAX_TAGS} tags, and ${tags.size} are given (${mend})`,
    );
  }
  return [...tags.values()];
}
