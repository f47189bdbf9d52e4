/**
 * The options: one row each. Flags, variables, defaults, `--help` and the
 * errors about bad values all come from here.
 *
 * @module
 */

import { LOG_LEVELS } from "../log/log.ts";
import type { Option, SettingOf } from "./option.ts";

/**
 * A glob that names no tool would lift a rule that somebody meant to set: such
 * is one in another notation, with classes, alternatives, escapes or slashes
 * around it.
 */
const ONE_GLOB = {
  pattern: /^(?!\/)[^\s,[\]{}()|!^\\]+(?<!\/)$/,
  words: "one glob, in which only * and ? are special, without white space, " +
    "commas, brackets, vertical bars, backslashes, !, ^ or a / at its ends",
} as const;

/** The options, in the order of `--help`, under the names that the code uses. */
export const OPTIONS = {
  targetUrl: {
    kind: "string",
    name: "target URL",
    flag: "target-url",
    variables: ["MCP_TARGET_URL"],
    placeholder: "URL",
    secret: true,
    group: "Target",
    help: "the MCP server",
  },
  allowHttp: {
    kind: "boolean",
    flag: "allow-http",
    variables: ["MCP_ALLOW_HTTP"],
    group: "Target",
    help: "plain http beyond loopback",
  },
  transport: {
    kind: "enum",
    flag: "transport",
    variables: ["MCP_TRANSPORT"],
    values: ["auto", "streamable-http", "sse"],
    default: "auto",
    group: "Target",
    help: "auto, streamable-http, or sse of 2024",
  },
  sse: {
    kind: "boolean",
    flag: "sse",
    variables: ["MCP_ENABLE_SSE"],
    group: "Target",
    help: "listen between requests, too",
  },
  headers: {
    kind: "string",
    flag: "headers",
    variables: ["MCP_HEADERS"],
    placeholder: "LIST",
    secret: true,
    group: "Target",
    help: "headers to add: name=value,name2=value2",
  },
  header: {
    kind: "list",
    flag: "header",
    placeholder: '"NAME: VALUE"',
    secret: true,
    group: "Target",
    help:
      "a header to add; repeatable; ${NAME} in a value is a variable; MCP_HEADERS takes all at once",
  },
  headerFile: {
    kind: "string",
    flag: "header-file",
    variables: ["MCP_HEADER_FILE"],
    placeholder: "FILE",
    group: "Target",
    help: "headers to add, a line each",
  },
  caCert: {
    kind: "string",
    name: "CA certificate",
    flag: "ca-cert",
    variables: ["MCP_CA_CERT"],
    placeholder: "FILE",
    group: "Target",
    help: "roots to trust besides the usual",
  },
  clientCert: {
    kind: "string",
    name: "client certificate",
    flag: "client-cert",
    variables: ["MCP_CLIENT_CERT"],
    placeholder: "FILE",
    group: "Target",
    help: "who the proxy is, for mutual TLS",
  },
  clientKey: {
    kind: "string",
    flag: "client-key",
    variables: ["MCP_CLIENT_KEY"],
    placeholder: "FILE",
    group: "Target",
    help: "the key of --client-cert",
  },
  recover: {
    kind: "boolean",
    flag: "recover",
    variables: ["MCP_RECOVER"],
    default: true,
    group: "Target",
    help: "do not replace a lost session",
  },
  cookies: {
    kind: "boolean",
    flag: "cookies",
    variables: ["MCP_COOKIES"],
    default: true,
    group: "Target",
    help: "do not keep the target's cookies",
  },

  bridge: {
    kind: "boolean",
    flag: "bridge",
    variables: ["MCP_BRIDGE"],
    group: "Messages",
    help: "between the eras of MCP",
  },
  readOnly: {
    kind: "boolean",
    flag: "read-only",
    variables: ["MCP_READ_ONLY"],
    group: "Messages",
    help: "only tools said to change nothing",
  },
  allowTool: {
    kind: "list",
    flag: "allow-tool",
    variables: ["MCP_ALLOW_TOOL"],
    placeholder: "GLOB",
    form: ONE_GLOB,
    group: "Messages",
    help: "only these tools; repeatable",
  },
  denyTool: {
    kind: "list",
    flag: "deny-tool",
    variables: ["MCP_DENY_TOOL"],
    placeholder: "GLOB",
    form: ONE_GLOB,
    group: "Messages",
    help: "not these tools; repeatable",
  },
  metadata: {
    kind: "list",
    flag: "metadata",
    variables: ["MCP_METADATA"],
    placeholder: "KEY=VALUE",
    secret: true,
    group: "Messages",
    help: "put into _meta; repeatable",
  },
  keepAliveMs: {
    kind: "duration",
    flag: "keep-alive",
    variables: ["MCP_KEEP_ALIVE"],
    min: "1s",
    group: "Messages",
    help: "ping a session idle this long",
  },

  region: {
    kind: "string",
    flag: "region",
    variables: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    placeholder: "NAME",
    group: "Signing",
    help: "region to sign for",
  },
  service: {
    kind: "string",
    flag: "service-name",
    aliases: ["service"],
    variables: ["AWS_SERVICE_NAME"],
    placeholder: "NAME",
    form: {
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
      words: "a signing name such as execute-api",
    },
    group: "Signing",
    help: "signing name of the service",
  },
  signatureVersion: {
    kind: "enum",
    name: "signature version",
    flag: "sig-version",
    variables: ["AWS_SIG_VERSION"],
    values: ["v4", "v4a"],
    default: "v4",
    group: "Signing",
    help: "v4a signs for many regions",
  },
  unsignedPayload: {
    kind: "boolean",
    flag: "unsigned-payload",
    variables: ["MCP_UNSIGNED_PAYLOAD"],
    group: "Signing",
    help: "leave the body unsigned",
  },
  signHost: {
    kind: "string",
    flag: "sign-host",
    variables: ["MCP_SIGN_HOST"],
    placeholder: "HOST",
    form: {
      pattern:
        /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i,
      words: "a host, with a port or without",
    },
    group: "Signing",
    help: "Host to sign behind a tunnel",
  },

  profile: {
    kind: "list",
    flag: "profile",
    variables: ["MCP_PROFILES"],
    placeholder: "NAME",
    group: "Credentials",
    help: "AWS profile, before keys; repeatable",
  },
  assumeRole: {
    kind: "string",
    name: "role",
    flag: "assume-role",
    variables: ["MCP_ASSUME_ROLE"],
    placeholder: "ARN",
    form: {
      pattern: /^arn:aws(?:-[a-z-]+)?:iam::\d{12}:role\/[\x21-\x7e]{1,576}$/,
      words: "a role ARN such as arn:aws:iam::123456789012:role/name",
    },
    group: "Credentials",
    help: "a role to take on",
  },
  roleSessionName: {
    kind: "string",
    flag: "role-session-name",
    variables: ["MCP_ROLE_SESSION_NAME"],
    placeholder: "NAME",
    // AWS STS API Reference, AssumeRole.
    form: {
      pattern: /^[\w+=,.@-]{2,64}$/,
      words: "2 to 64 letters, digits or characters of +=,.@_-",
    },
    default: "sigv4-proxy",
    group: "Credentials",
    help: "name to act under",
  },
  externalId: {
    kind: "string",
    name: "external ID",
    flag: "external-id",
    variables: ["MCP_EXTERNAL_ID"],
    placeholder: "ID",
    // AWS STS API Reference, AssumeRole.
    form: {
      pattern: /^[\w+=,.@:/-]{2,1224}$/,
      words: "2 to 1224 letters, digits or characters of +=,.@:/_-",
    },
    secret: true,
    group: "Credentials",
    help: "what the role's owner asks for",
  },
  roleDurationMs: {
    kind: "duration",
    flag: "role-duration",
    variables: ["MCP_ROLE_DURATION"],
    default: "1h",
    // AWS STS API Reference, AssumeRole.
    min: "15m",
    max: "12h",
    group: "Credentials",
    help: "life of its credentials",
  },
  skipAuth: {
    kind: "boolean",
    flag: "skip-auth",
    variables: ["MCP_SKIP_AUTH"],
    group: "Credentials",
    help: "unsigned if no credentials are set up",
  },

  listen: {
    kind: "string",
    flag: "listen",
    variables: ["MCP_LISTEN"],
    placeholder: "ADDRESS",
    group: "HTTP front",
    help: "host:port or unix:PATH in place of stdio",
  },
  listenToken: {
    kind: "string",
    flag: "listen-token",
    variables: ["MCP_LISTEN_TOKEN"],
    placeholder: "TOKEN",
    secret: true,
    group: "HTTP front",
    help: "what clients bring; made if not given",
  },
  noListenToken: {
    kind: "boolean",
    flag: "no-listen-token",
    variables: ["MCP_NO_LISTEN_TOKEN"],
    group: "HTTP front",
    help: "no token, on loopback",
  },
  listenHost: {
    kind: "list",
    flag: "listen-host",
    variables: ["MCP_LISTEN_HOST"],
    placeholder: "NAME",
    group: "HTTP front",
    help: "a name it is known by; repeatable",
  },

  timeoutMs: {
    kind: "duration",
    flag: "timeout",
    variables: ["MCP_TIMEOUT"],
    zeroIsNone: true,
    group: "Limits",
    help: "whole time of a request, as 1m30s",
  },
  timeoutResetOnProgress: {
    kind: "boolean",
    flag: "timeout-reset-on-progress",
    variables: ["MCP_TIMEOUT_RESET_ON_PROGRESS"],
    group: "Limits",
    help: "each event starts --timeout anew",
  },
  connectTimeoutMs: {
    kind: "duration",
    flag: "connect-timeout",
    variables: ["MCP_CONNECT_TIMEOUT"],
    default: "10s",
    group: "Limits",
    help: "time to connect",
  },
  idleTimeoutMs: {
    kind: "duration",
    flag: "idle-timeout",
    variables: ["MCP_IDLE_TIMEOUT"],
    default: "15m",
    group: "Limits",
    help: "silence that fails a request",
  },
  retries: {
    kind: "integer",
    flag: "retries",
    variables: ["MCP_RETRIES"],
    default: 2,
    min: 0,
    max: 10,
    group: "Limits",
    help: "further tries of what has not run",
  },
  maxConcurrency: {
    kind: "integer",
    flag: "max-concurrency",
    variables: ["MCP_MAX_CONCURRENCY"],
    default: 64,
    min: 1,
    max: 1000,
    group: "Limits",
    help: "requests at once",
  },
  maxFrameBytes: {
    kind: "size",
    flag: "max-frame",
    variables: ["MCP_MAX_FRAME"],
    default: "64MiB",
    group: "Limits",
    help: "longest message from the client",
  },
  maxAnswerBytes: {
    kind: "size",
    flag: "max-answer",
    variables: ["MCP_MAX_ANSWER"],
    default: "10MiB",
    group: "Limits",
    help: "longest message to the client",
  },

  logLevel: {
    kind: "enum",
    flag: "log-level",
    variables: ["MCP_LOG_LEVEL"],
    values: LOG_LEVELS,
    default: "info",
    group: "Logging",
    help: "debug, info, warn or error",
  },
  logFormat: {
    kind: "enum",
    flag: "log-format",
    variables: ["MCP_LOG_FORMAT"],
    values: ["json", "text"],
    default: "json",
    group: "Logging",
    help: "form of log lines",
  },

  help: {
    kind: "boolean",
    flag: "help",
    group: "Other",
    help: "a screen of this; --help TOPIC, --help all",
  },
  version: {
    kind: "boolean",
    flag: "version",
    group: "Other",
    help: "show the versions",
  },
} as const satisfies Record<string, Option>;

/** The name under which the code knows an option. */
export type OptionKey = keyof typeof OPTIONS;

/** The names of the options, in order. */
export const OPTION_KEYS: readonly OptionKey[] = Object.keys(OPTIONS)
  .filter((key): key is OptionKey => Object.hasOwn(OPTIONS, key));

/** The value of every option. */
export type Settings = {
  readonly [Key in OptionKey]: SettingOf<typeof OPTIONS[Key]>;
};
