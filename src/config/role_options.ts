/**
 * The options that say which role is taken on, and how: rows of the table.
 */

import type { Option } from "./option.ts";

/** A role, and how an error says so. */
const ROLE = {
  placeholder: "ARN",
  form: {
    pattern: /^arn:aws(?:-[a-z-]+)?:iam::\d{12}:role\/[\x21-\x7e]{1,576}$/,
    words: "a role ARN such as arn:aws:iam::123456789012:role/name",
  },
} as const;

/** Of a session's name, and of its source identity. */
const SESSION_NAME_FORM = {
  pattern: /^[\w+=,.@-]{2,64}$/,
  words: "2 to 64 letters, digits or characters of +=,.@_-",
} as const;

/** In the order of `--help`. Forms: AWS STS API Reference, AssumeRole. */
export const ROLE_OPTIONS = {
  assumeRole: {
    ...ROLE,
    name: "role",
    names: ["--assume-role", "MCP_ASSUME_ROLE"],
    help: "a role to take on",
  },
  roleSessionName: {
    names: ["--role-session-name", "MCP_ROLE_SESSION_NAME"],
    form: SESSION_NAME_FORM,
    default: "sigv4-proxy",
    help: "name to act under",
  },
  externalId: {
    name: "external ID",
    names: ["--external-id", "MCP_EXTERNAL_ID"],
    placeholder: "ID",
    form: {
      pattern: /^[\w+=,.@:/-]{2,1224}$/,
      words: "2 to 1224 letters, digits or characters of +=,.@:/_-",
    },
    secret: true,
    help: "what the role's owner asks for",
  },
  roleDurationMs: {
    kind: "duration",
    names: ["--role-duration", "MCP_ROLE_DURATION"],
    default: "1h",
    range: ["15m", "12h"],
    help: "life of its credentials",
  },
  sessionPolicy: {
    kind: "list",
    names: ["--session-policy", "MCP_SESSION_POLICY"],
    placeholder: "POLICY",
    help: "its bounds: ARN, FILE or read-only",
  },
  sourceIdentity: {
    names: ["--source-identity", "MCP_SOURCE_IDENTITY"],
    form: SESSION_NAME_FORM,
    help: "who stands behind it",
  },
  sessionTag: {
    kind: "list",
    names: ["--session-tag", "MCP_SESSION_TAG"],
    placeholder: "KEY=VALUE",
    help: "a tag of it; repeatable",
  },
  writeRole: {
    ...ROLE,
    names: ["--write-role", "MCP_WRITE_ROLE"],
    help: "for what --read-only does not allow",
  },
  accountRole: {
    names: ["--account-role", "MCP_ACCOUNT_ROLE"],
    placeholder: "ARN",
    form: {
      pattern:
        /^arn:aws(?:-[a-z-]+)?:iam::\{account\}:role\/(?:[\x21-\x7a|~]|\{role\}){1,576}$/,
      words:
        "a role ARN with {account} in place of the account, and {role} where " +
        "calls name the role, such as arn:aws:iam::{account}:role/name",
    },
    help: "a role in the account that a call names",
  },
  allowAccount: {
    kind: "list",
    names: ["--allow-account", "MCP_ALLOW_ACCOUNT"],
    placeholder: "ID",
    help: "an account, GLOB or FILE; repeatable",
  },
  allowRole: {
    kind: "list",
    names: ["--allow-role", "MCP_ALLOW_ROLE"],
    form: {
      pattern: /^[\w+=,.@*?-]{1,64}$/,
      words: "a role's name, without its path, or a glob of names",
    },
    help: "for {role}: a name or GLOB; repeatable",
  },
} as const satisfies Readonly<Record<string, Option>>;

/** The value of `--session-policy` for what only reads. */
export const READ_ONLY = "read-only";

/** Whether a text of `--session-policy` names a file. */
export function isPolicyFile(text: string): boolean {
  return text !== READ_ONLY && !text.startsWith("arn:");
}

/** Whether a text of `--allow-account` names a file: no account has letters. */
export function isAccountFile(text: string): boolean {
  return !/^[\d*?\s]*$/.test(text);
}
