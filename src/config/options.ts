/** The options: one row each, from which all that is said of them comes. */

import { LOG_LEVELS } from "../log/log.ts";
import { defaultOn, file, type Option, option, toggle } from "./option.ts";

/**
 * A glob that names no tool would lift a rule that somebody meant to set: such
 * is one in another notation, with classes, alternatives, escapes or slashes
 * around it, and a variable's name that nobody replaced.
 */
const GLOBS = {
  kind: "list",
  placeholder: "GLOB",
  form: {
    pattern: /^(?!\/|\.\*)[^\p{Cc}\p{Cf}\p{Z}"'`,;[\]{}()|!^$%+\\]+(?<!\/)$/u,
    words:
      "one glob, in which only * and ? are special, without white space, " +
      "quotes, commas, semicolons, brackets, vertical bars, backslashes, !, " +
      "^, $, %, +, a / at its ends or .* at its start",
  },
} as const;

/** A role, and how an error says so. */
const ROLE = {
  placeholder: "ARN",
  form: {
    pattern: /^arn:aws(?:-[a-z-]+)?:iam::\d{12}:role\/[\x21-\x7e]{1,576}$/,
    words: "a role ARN such as arn:aws:iam::123456789012:role/name",
  },
} as const;

/**
 * Of a session's name, and of its source identity: AWS STS API Reference,
 * AssumeRole.
 */
const SESSION_NAME_FORM = {
  pattern: /^[\w+=,.@-]{2,64}$/,
  words: "2 to 64 letters, digits or characters of +=,.@_-",
} as const;

/** The options by group, both in the order of `--help`. */
export const OPTION_GROUPS = {
  Target: {
    targetUrl: option("--target-url", "the MCP server", {
      name: "target URL",
      placeholder: "URL",
      secret: true,
    }),
    allowHttp: toggle("--allow-http", "plain http beyond loopback"),
    transport: option("--transport", "auto, streamable-http, or sse of 2024", {
      kind: "enum",
      values: ["auto", "streamable-http", "sse"],
      default: "auto",
    }),
    sse: toggle("--sse", "listen between requests, too", {
      names: ["--sse", "MCP_ENABLE_SSE"],
    }),
    headers: option("--headers", "headers to add: name=value,name2=value2", {
      placeholder: "LIST",
      secret: true,
    }),
    header: option(
      "--header",
      "a header to add; repeatable; ${NAME} in a value is a variable; MCP_HEADERS takes all at once",
      {
        kind: "list",
        placeholder: '"NAME: VALUE"',
        secret: true,
        names: ["--header"],
      },
    ),
    headerFile: file("--header-file", "headers to add, a line each"),
    clientInfo: defaultOn(
      "--client-info",
      "leave the client out of User-Agent",
    ),
    caCert: file("--ca-cert", "roots to trust besides the usual", {
      name: "CA certificate",
    }),
    clientCert: file("--client-cert", "who the proxy is, for mutual TLS", {
      name: "client certificate",
    }),
    clientKey: file("--client-key", "the key of --client-cert"),
    recover: defaultOn("--recover", "do not replace a lost session"),
    cookies: defaultOn("--cookies", "do not keep the target's cookies"),
  },
  Messages: {
    bridge: toggle("--bridge", "between the eras of MCP"),
    readOnly: toggle("--read-only", "only tools said to change nothing"),
    allowTool: option("--allow-tool", "only these tools; repeatable", GLOBS),
    denyTool: option("--deny-tool", "not these tools; repeatable", GLOBS),
    metadata: option("--metadata", "put into _meta; repeatable", {
      kind: "list",
      placeholder: "KEY=VALUE",
      secret: true,
    }),
    regionMetadata: defaultOn(
      "--region-metadata",
      "AWS MCP Server: name no region",
    ),
    receipt: toggle("--receipt", "say in _meta who answered"),
    keepAliveMs: option("--keep-alive", "ping a session idle this long", {
      kind: "duration",
      range: ["1s"],
    }),
  },
  Signing: {
    region: option("--region", "region to sign for", {
      names: ["--region", "AWS_REGION", "AWS_DEFAULT_REGION"],
    }),
    service: option("--service-name", "signing name of the service", {
      form: {
        pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
        words: "a signing name such as execute-api",
      },
      names: ["--service-name", "--service", "AWS_SERVICE_NAME"],
    }),
    signatureVersion: option("--sig-version", "v4a signs for many regions", {
      kind: "enum",
      name: "signature version",
      values: ["v4", "v4a"],
      default: "v4",
      names: ["--sig-version", "AWS_SIG_VERSION"],
    }),
    unsignedPayload: toggle("--unsigned-payload", "leave the body unsigned"),
    signHost: option("--sign-host", "Host to sign behind a tunnel", {
      placeholder: "HOST",
      form: {
        pattern:
          /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i,
        words: "a host, with a port or without",
      },
    }),
  },
  Credentials: {
    profile: option("--profile", "AWS profile, before keys; repeatable", {
      kind: "list",
      names: ["--profile", "MCP_PROFILES"],
    }),
    assumeRole: option("--assume-role", "a role to take on", {
      ...ROLE,
      name: "role",
    }),
    roleSessionName: option("--role-session-name", "name to act under", {
      form: SESSION_NAME_FORM,
      default: "sigv4-proxy",
    }),
    externalId: option("--external-id", "what the role's owner asks for", {
      name: "external ID",
      placeholder: "ID",
      form: {
        pattern: /^[\w+=,.@:/-]{2,1224}$/,
        words: "2 to 1224 letters, digits or characters of +=,.@:/_-",
      },
      secret: true,
    }),
    roleDurationMs: option("--role-duration", "life of its credentials", {
      kind: "duration",
      default: "1h",
      range: ["15m", "12h"],
    }),
    sessionPolicy: option(
      "--session-policy",
      "its bounds: ARN, FILE or read-only",
      { kind: "list", placeholder: "POLICY" },
    ),
    sourceIdentity: option("--source-identity", "who stands behind it", {
      form: SESSION_NAME_FORM,
    }),
    sessionTag: option("--session-tag", "a tag of it; repeatable", {
      kind: "list",
      placeholder: "KEY=VALUE",
    }),
    writeRole: option(
      "--write-role",
      "for what --read-only does not allow",
      ROLE,
    ),
    accountRole: option(
      "--account-role",
      "a role in the account that a call names",
      {
        placeholder: "ARN",
        form: {
          pattern:
            /^arn:aws(?:-[a-z-]+)?:iam::\{account\}:role\/(?:[\x21-\x7a|~]|\{role\}){1,576}$/,
          words:
            "a role ARN with {account} in place of the account, and {role} where " +
            "calls name the role, such as arn:aws:iam::{account}:role/name",
        },
      },
    ),
    allowAccount: option(
      "--allow-account",
      "an account, GLOB or FILE; repeatable",
      { kind: "list", placeholder: "ID" },
    ),
    allowRole: option(
      "--allow-role",
      "for {role}: a name or GLOB; repeatable",
      {
        kind: "list",
        form: {
          pattern: /^[\w+=,.@*?-]{1,64}$/,
          words: "a role's name, without its path, or a glob of names",
        },
      },
    ),
    login: toggle("--login", "have the client ask for an SSO login"),
    skipAuth: toggle("--skip-auth", "unsigned if no credentials are set up"),
  },
  "HTTP server": {
    listen: option("--listen", "host:port or unix:PATH in place of stdio", {
      placeholder: "ADDRESS",
    }),
    listenToken: option(
      "--listen-token",
      "what clients bring; made if not given",
      { placeholder: "TOKEN", secret: true },
    ),
    noListenToken: toggle("--no-listen-token", "no token, on loopback"),
    listenHost: option("--listen-host", "a name it is known by; repeatable", {
      kind: "list",
    }),
  },
  Limits: {
    timeoutMs: option("--timeout", "whole time of a request, as 1m30s", {
      kind: "duration",
      zeroIsNone: true,
    }),
    timeoutResetOnProgress: toggle(
      "--timeout-reset-on-progress",
      "each event starts --timeout anew",
    ),
    connectTimeoutMs: option("--connect-timeout", "time to connect", {
      kind: "duration",
      default: "10s",
    }),
    idleTimeoutMs: option("--idle-timeout", "silence that fails a request", {
      kind: "duration",
      default: "15m",
    }),
    retries: option("--retries", "further tries of what has not run", {
      kind: "integer",
      default: 2,
      range: [0, 10],
    }),
    maxConcurrency: option("--max-concurrency", "requests at once", {
      kind: "integer",
      default: 64,
      range: [1, 1000],
    }),
    maxFrameBytes: option("--max-frame", "longest message from the client", {
      kind: "size",
      default: "64MiB",
    }),
    maxAnswerBytes: option("--max-answer", "longest message to the client", {
      kind: "size",
      default: "10MiB",
    }),
  },
  Logging: {
    logLevel: option("--log-level", "debug, info, warn or error", {
      kind: "enum",
      values: LOG_LEVELS,
      default: "info",
    }),
    logFormat: option("--log-format", "form of log lines", {
      kind: "enum",
      values: ["json", "text"],
      default: "json",
    }),
    record: file("--record", "a recording of what passes, to be replayed"),
    recordBodies: toggle("--record-bodies", "arguments and results in it, too"),
    recordMaxBytes: option("--record-max", "its size; the oldest goes first", {
      kind: "size",
      default: "64MiB",
      // Its first line alone takes a kilobyte or two.
      least: 16_384,
    }),
  },
  Other: {
    help: toggle("--help", "a screen of this; --help TOPIC, --help all", {
      names: ["--help"],
    }),
    version: toggle("--version", "show the versions", { names: ["--version"] }),
  },
} as const satisfies Record<string, Readonly<Record<string, Option>>>;

export type OptionGroup = keyof typeof OPTION_GROUPS;

/** The options under the names that the code uses. */
export const OPTIONS = {
  ...OPTION_GROUPS.Target,
  ...OPTION_GROUPS.Messages,
  ...OPTION_GROUPS.Signing,
  ...OPTION_GROUPS.Credentials,
  ...OPTION_GROUPS["HTTP server"],
  ...OPTION_GROUPS.Limits,
  ...OPTION_GROUPS.Logging,
  ...OPTION_GROUPS.Other,
};

export type OptionKey = keyof typeof OPTIONS;

export const OPTION_KEYS: readonly OptionKey[] = Object.keys(OPTIONS)
  .filter((key): key is OptionKey => Object.hasOwn(OPTIONS, key));

/** The value of `--session-policy` for what only reads. */
export const READ_ONLY = "read-only";

/** Whether a text of `--session-policy` names a file. */
export function isPolicyFile(text: string): boolean {
  return text !== READ_ONLY && !text.startsWith("arn:");
}

/** Whether a text of `--allow-account` names a file: no account has letters. */
export function isAccountFile(text: string): boolean {
  return !/^[\d*?\s,-]*$/.test(text);
}
