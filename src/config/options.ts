/** The options: one row each, from which all that is said of them comes. */

import { LOG_LEVELS } from "../log/log.ts";
import type { Option } from "./option.ts";
import { ROLE_OPTIONS } from "./role_options.ts";

/**
 * A glob that names no tool would lift a rule that somebody meant to set: such
 * is one in another notation, with classes, alternatives, escapes or slashes
 * around it.
 */
const GLOBS = {
  kind: "list",
  placeholder: "GLOB",
  form: {
    pattern: /^(?!\/)[^\s,[\]{}()|!^\\]+(?<!\/)$/,
    words:
      "one glob, in which only * and ? are special, without white space, " +
      "commas, brackets, vertical bars, backslashes, !, ^ or a / at its ends",
  },
} as const;

/** The options by group, both in the order of `--help`. */
export const OPTION_GROUPS = {
  Target: {
    targetUrl: {
      name: "target URL",
      names: ["--target-url", "MCP_TARGET_URL"],
      placeholder: "URL",
      secret: true,
      help: "the MCP server",
    },
    allowHttp: {
      kind: "boolean",
      names: ["--allow-http", "MCP_ALLOW_HTTP"],
      help: "plain http beyond loopback",
    },
    transport: {
      kind: "enum",
      names: ["--transport", "MCP_TRANSPORT"],
      values: ["auto", "streamable-http", "sse"],
      default: "auto",
      help: "auto, streamable-http, or sse of 2024",
    },
    sse: {
      kind: "boolean",
      names: ["--sse", "MCP_ENABLE_SSE"],
      help: "listen between requests, too",
    },
    headers: {
      names: ["--headers", "MCP_HEADERS"],
      placeholder: "LIST",
      secret: true,
      help: "headers to add: name=value,name2=value2",
    },
    header: {
      kind: "list",
      names: ["--header"],
      placeholder: '"NAME: VALUE"',
      secret: true,
      help:
        "a header to add; repeatable; ${NAME} in a value is a variable; MCP_HEADERS takes all at once",
    },
    headerFile: {
      kind: "file",
      names: ["--header-file", "MCP_HEADER_FILE"],
      help: "headers to add, a line each",
    },
    clientInfo: {
      kind: "boolean",
      names: ["--client-info", "MCP_CLIENT_INFO"],
      default: true,
      help: "leave the client out of User-Agent",
    },
    caCert: {
      kind: "file",
      name: "CA certificate",
      names: ["--ca-cert", "MCP_CA_CERT"],
      help: "roots to trust besides the usual",
    },
    clientCert: {
      kind: "file",
      name: "client certificate",
      names: ["--client-cert", "MCP_CLIENT_CERT"],
      help: "who the proxy is, for mutual TLS",
    },
    clientKey: {
      kind: "file",
      names: ["--client-key", "MCP_CLIENT_KEY"],
      help: "the key of --client-cert",
    },
    recover: {
      kind: "boolean",
      names: ["--recover", "MCP_RECOVER"],
      default: true,
      help: "do not replace a lost session",
    },
    cookies: {
      kind: "boolean",
      names: ["--cookies", "MCP_COOKIES"],
      default: true,
      help: "do not keep the target's cookies",
    },
  },
  Messages: {
    bridge: {
      kind: "boolean",
      names: ["--bridge", "MCP_BRIDGE"],
      help: "between the eras of MCP",
    },
    readOnly: {
      kind: "boolean",
      names: ["--read-only", "MCP_READ_ONLY"],
      help: "only tools said to change nothing",
    },
    allowTool: {
      ...GLOBS,
      names: ["--allow-tool", "MCP_ALLOW_TOOL"],
      help: "only these tools; repeatable",
    },
    denyTool: {
      ...GLOBS,
      names: ["--deny-tool", "MCP_DENY_TOOL"],
      help: "not these tools; repeatable",
    },
    metadata: {
      kind: "list",
      names: ["--metadata", "MCP_METADATA"],
      placeholder: "KEY=VALUE",
      secret: true,
      help: "put into _meta; repeatable",
    },
    regionMetadata: {
      kind: "boolean",
      names: ["--region-metadata", "MCP_REGION_METADATA"],
      default: true,
      help: "AWS MCP Server: name no region",
    },
    receipt: {
      kind: "boolean",
      names: ["--receipt", "MCP_RECEIPT"],
      help: "say in _meta who answered",
    },
    keepAliveMs: {
      kind: "duration",
      names: ["--keep-alive", "MCP_KEEP_ALIVE"],
      range: ["1s"],
      help: "ping a session idle this long",
    },
  },
  Signing: {
    region: {
      names: ["--region", "AWS_REGION", "AWS_DEFAULT_REGION"],
      help: "region to sign for",
    },
    service: {
      names: ["--service-name", "--service", "AWS_SERVICE_NAME"],
      form: {
        pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
        words: "a signing name such as execute-api",
      },
      help: "signing name of the service",
    },
    signatureVersion: {
      kind: "enum",
      name: "signature version",
      names: ["--sig-version", "AWS_SIG_VERSION"],
      values: ["v4", "v4a"],
      default: "v4",
      help: "v4a signs for many regions",
    },
    unsignedPayload: {
      kind: "boolean",
      names: ["--unsigned-payload", "MCP_UNSIGNED_PAYLOAD"],
      help: "leave the body unsigned",
    },
    signHost: {
      names: ["--sign-host", "MCP_SIGN_HOST"],
      placeholder: "HOST",
      form: {
        pattern:
          /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i,
        words: "a host, with a port or without",
      },
      help: "Host to sign behind a tunnel",
    },
  },
  Credentials: {
    profile: {
      kind: "list",
      names: ["--profile", "MCP_PROFILES"],
      help: "AWS profile, before keys; repeatable",
    },
    ...ROLE_OPTIONS,
    login: {
      kind: "boolean",
      names: ["--login", "MCP_LOGIN"],
      help: "have the client ask for an SSO login",
    },
    skipAuth: {
      kind: "boolean",
      names: ["--skip-auth", "MCP_SKIP_AUTH"],
      help: "unsigned if no credentials are set up",
    },
  },
  "HTTP front": {
    listen: {
      names: ["--listen", "MCP_LISTEN"],
      placeholder: "ADDRESS",
      help: "host:port or unix:PATH in place of stdio",
    },
    listenToken: {
      names: ["--listen-token", "MCP_LISTEN_TOKEN"],
      placeholder: "TOKEN",
      secret: true,
      help: "what clients bring; made if not given",
    },
    noListenToken: {
      kind: "boolean",
      names: ["--no-listen-token", "MCP_NO_LISTEN_TOKEN"],
      help: "no token, on loopback",
    },
    listenHost: {
      kind: "list",
      names: ["--listen-host", "MCP_LISTEN_HOST"],
      help: "a name it is known by; repeatable",
    },
  },
  Limits: {
    timeoutMs: {
      kind: "duration",
      names: ["--timeout", "MCP_TIMEOUT"],
      zeroIsNone: true,
      help: "whole time of a request, as 1m30s",
    },
    timeoutResetOnProgress: {
      kind: "boolean",
      names: ["--timeout-reset-on-progress", "MCP_TIMEOUT_RESET_ON_PROGRESS"],
      help: "each event starts --timeout anew",
    },
    connectTimeoutMs: {
      kind: "duration",
      names: ["--connect-timeout", "MCP_CONNECT_TIMEOUT"],
      default: "10s",
      help: "time to connect",
    },
    idleTimeoutMs: {
      kind: "duration",
      names: ["--idle-timeout", "MCP_IDLE_TIMEOUT"],
      default: "15m",
      help: "silence that fails a request",
    },
    retries: {
      kind: "integer",
      names: ["--retries", "MCP_RETRIES"],
      default: 2,
      range: [0, 10],
      help: "further tries of what has not run",
    },
    maxConcurrency: {
      kind: "integer",
      names: ["--max-concurrency", "MCP_MAX_CONCURRENCY"],
      default: 64,
      range: [1, 1000],
      help: "requests at once",
    },
    maxFrameBytes: {
      kind: "size",
      names: ["--max-frame", "MCP_MAX_FRAME"],
      default: "64MiB",
      help: "longest message from the client",
    },
    maxAnswerBytes: {
      kind: "size",
      names: ["--max-answer", "MCP_MAX_ANSWER"],
      default: "10MiB",
      help: "longest message to the client",
    },
  },
  Logging: {
    logLevel: {
      kind: "enum",
      names: ["--log-level", "MCP_LOG_LEVEL"],
      values: LOG_LEVELS,
      default: "info",
      help: "debug, info, warn or error",
    },
    logFormat: {
      kind: "enum",
      names: ["--log-format", "MCP_LOG_FORMAT"],
      values: ["json", "text"],
      default: "json",
      help: "form of log lines",
    },
    record: {
      kind: "file",
      names: ["--record", "MCP_RECORD"],
      help: "a recording of what passes, to be replayed",
    },
    recordBodies: {
      kind: "boolean",
      names: ["--record-bodies", "MCP_RECORD_BODIES"],
      help: "arguments and results in it, too",
    },
    recordMaxBytes: {
      kind: "size",
      names: ["--record-max", "MCP_RECORD_MAX"],
      default: "64MiB",
      help: "its size; the oldest goes first",
    },
  },
  Other: {
    help: {
      kind: "boolean",
      names: ["--help"],
      help: "a screen of this; --help TOPIC, --help all",
    },
    version: {
      kind: "boolean",
      names: ["--version"],
      help: "show the versions",
    },
  },
} as const satisfies Record<string, Readonly<Record<string, Option>>>;

/** A group of `--help`. */
export type OptionGroup = keyof typeof OPTION_GROUPS;

/** The options under the names that the code uses. */
export const OPTIONS = {
  ...OPTION_GROUPS.Target,
  ...OPTION_GROUPS.Messages,
  ...OPTION_GROUPS.Signing,
  ...OPTION_GROUPS.Credentials,
  ...OPTION_GROUPS["HTTP front"],
  ...OPTION_GROUPS.Limits,
  ...OPTION_GROUPS.Logging,
  ...OPTION_GROUPS.Other,
};

/** The name under which the code knows an option. */
export type OptionKey = keyof typeof OPTIONS;

/** The names of the options, in order. */
export const OPTION_KEYS: readonly OptionKey[] = Object.keys(OPTIONS)
  .filter((key): key is OptionKey => Object.hasOwn(OPTIONS, key));
