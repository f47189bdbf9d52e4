import { assertEquals } from "@std/assert";
import type { Config } from "../../src/config/config.ts";
import { flagsOf, type Option, variablesOf } from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { AGENTCORE, configOf, run } from "../support/program/command_line.ts";
import { optionFiles } from "../support/program/option_files.ts";

/** What is so where nothing says otherwise. */
const DEFAULTS: Omit<Config, "targetUrl" | "region" | "service"> = {
  allowHttp: false,
  sse: false,
  headers: [],
  headerFile: undefined,
  clientInfo: true,
  variables: [],
  secrets: [],
  caCert: undefined,
  clientCert: undefined,
  clientKey: undefined,
  tls: undefined,
  signatureVersion: "v4",
  unsignedPayload: false,
  signHost: undefined,
  profile: undefined,
  profiles: [],
  listen: undefined,
  bridge: false,
  readOnly: false,
  receipt: false,
  allowTool: [],
  denyTool: [],
  metadata: [],
  profileMetadata: new Map(),
  regionMetadata: true,
  keepAliveMs: undefined,
  assumeRole: undefined,
  roleSessionName: "sigv4-proxy",
  externalId: undefined,
  roleDurationMs: 3_600_000,
  sessionPolicy: [],
  session: undefined,
  writeRole: undefined,
  accounts: undefined,
  allowAccount: [],
  login: false,
  skipAuth: false,
  timeoutMs: undefined,
  timeoutResetOnProgress: false,
  connectTimeoutMs: 10_000,
  retries: 2,
  maxConcurrency: 64,
  recover: true,
  cookies: true,
  transport: "auto",
  idleTimeoutMs: 900_000,
  maxFrameBytes: 67_108_864,
  maxAnswerBytes: 10_485_760,
  logLevel: "info",
  logFormat: "json",
  record: undefined,
  recordBodies: false,
  recordMaxBytes: 67_108_864,
};

Deno.test("an AWS host alone is a whole configuration", async () => {
  const { config, notes } = await run([AGENTCORE]);
  assertEquals(config, {
    ...DEFAULTS,
    targetUrl: new URL(AGENTCORE),
    region: "us-west-2",
    service: "bedrock-agentcore",
  });
  assertEquals(notes, [{
    level: "info",
    message: "read off the host",
    fields: {
      host: "bedrock-agentcore.us-west-2.amazonaws.com",
      service: "bedrock-agentcore",
      region: "us-west-2",
    },
  }]);
});

/** What an option's flags, and as well its variables, make of the defaults. */
type Row = readonly [
  flags: string,
  variables: string,
  config: Partial<Config>,
];

const ROLE = "arn:aws-us-gov:iam::123456789012:role/path/name";
const POLICIES = [
  "arn:aws-us-gov:iam::aws:policy/a",
  "arn:aws-us-gov:iam::aws:policy/b",
];

const ROWS: readonly Row[] = [
  [
    "--target-url=https://10.0.0.1:8080/mcp?q=1",
    "MCP_TARGET_URL= https://10.0.0.1:8080/mcp?q=1 ",
    { targetUrl: new URL("https://10.0.0.1:8080/mcp?q=1") },
  ],
  ["--allow-http", "MCP_ALLOW_HTTP=1", { allowHttp: true }],
  ["--sse", "MCP_ENABLE_SSE=TRUE", { sse: true }],
  ["--no-client-info", "MCP_CLIENT_INFO=false", { clientInfo: false }],
  ["--region=us-gov-west-1", "AWS_REGION=us-gov-west-1", {
    region: "us-gov-west-1",
  }],
  ["--service-name=lambda", "AWS_SERVICE_NAME=lambda", { service: "lambda" }],
  ["--sig-version v4a", "AWS_SIG_VERSION=v4a", { signatureVersion: "v4a" }],
  ["--unsigned-payload", "MCP_UNSIGNED_PAYLOAD=True", {
    unsignedPayload: true,
  }],
  ["--sign-host=mcp.example:8443", "MCP_SIGN_HOST=mcp.example:8443", {
    signHost: "mcp.example:8443",
  }],
  // AWS_PROFILE is the credential chain's to read.
  ["--profile one --profile=two", "AWS_PROFILE=work; MCP_PROFILES=one, two", {
    profile: "one",
    profiles: ["one", "two"],
  }],
  ["--bridge", "MCP_BRIDGE=1", { bridge: true }],
  ["--read-only", "MCP_READ_ONLY=1", { readOnly: true }],
  ["--receipt", "MCP_RECEIPT=1", { receipt: true }],
  ["--allow-tool=get_* --allow-tool=list_*", "MCP_ALLOW_TOOL=get_*,list_*", {
    allowTool: ["get_*", "list_*"],
  }],
  ["--deny-tool=*secret*", "MCP_DENY_TOOL=*secret*", {
    denyTool: ["*secret*"],
  }],
  [
    "--metadata=com.example/team=a=b --metadata=x=",
    "MCP_METADATA=com.example/team=a=b,x=",
    { metadata: [["com.example/team", "a=b"], ["x", ""]] },
  ],
  ["--no-region-metadata", "MCP_REGION_METADATA=false", {
    regionMetadata: false,
  }],
  ["--keep-alive=30s", "MCP_KEEP_ALIVE=0.5m", { keepAliveMs: 30_000 }],
  [`--assume-role=${ROLE}`, `MCP_ASSUME_ROLE=${ROLE}`, { assumeRole: ROLE }],
  ["--role-session-name=me@example", "MCP_ROLE_SESSION_NAME=me@example", {
    roleSessionName: "me@example",
  }],
  ["--external-id=a:b/c", "MCP_EXTERNAL_ID=a:b/c", { externalId: "a:b/c" }],
  ["--role-duration=30m", "MCP_ROLE_DURATION=0.5h", {
    roleDurationMs: 1_800_000,
  }],
  [
    POLICIES.map((arn) => `--session-policy=${arn}`).join(" "),
    `MCP_SESSION_POLICY=${POLICIES}`,
    { sessionPolicy: POLICIES },
  ],
  [
    "--source-identity=ada@example --session-tag=team=a=b",
    "MCP_SOURCE_IDENTITY=ada@example; MCP_SESSION_TAG=team=a=b",
    {
      session: {
        policyArns: POLICIES,
        sourceIdentity: "ada@example",
        tags: [["team", "a=b"]],
      },
    },
  ],
  ["--login", "MCP_LOGIN=true", { login: true }],
  ["--skip-auth", "MCP_SKIP_AUTH=true", { skipAuth: true }],
  ["--timeout=1m30s", "MCP_TIMEOUT=90s", { timeoutMs: 90_000 }],
  ["--timeout-reset-on-progress", "MCP_TIMEOUT_RESET_ON_PROGRESS=true", {
    timeoutResetOnProgress: true,
  }],
  ["--connect-timeout=3s", "MCP_CONNECT_TIMEOUT=3000ms", {
    connectTimeoutMs: 3000,
  }],
  ["--retries=0", "MCP_RETRIES=0", { retries: 0 }],
  ["--max-concurrency=1000", "MCP_MAX_CONCURRENCY=1000", {
    maxConcurrency: 1000,
  }],
  ["--no-recover", "MCP_RECOVER=false", { recover: false }],
  ["--no-cookies", "MCP_COOKIES=0", { cookies: false }],
  ["--transport=sse", "MCP_TRANSPORT=sse", { transport: "sse" }],
  ["--idle-timeout=90m", "MCP_IDLE_TIMEOUT=1.5h", { idleTimeoutMs: 5_400_000 }],
  ["--max-frame=1MiB", "MCP_MAX_FRAME=1048576", { maxFrameBytes: 1_048_576 }],
  ["--max-answer=5MB", "MCP_MAX_ANSWER=5000000", { maxAnswerBytes: 5_000_000 }],
  ["--log-level=warn", "MCP_LOG_LEVEL=WARN", { logLevel: "warn" }],
  ["--log-format=text", "MCP_LOG_FORMAT=text", { logFormat: "text" }],
  ["--record=calls.jsonl", "MCP_RECORD=calls.jsonl", { record: "calls.jsonl" }],
  ["--record-bodies", "MCP_RECORD_BODIES=true", { recordBodies: true }],
  ["--record-max=512KiB", "MCP_RECORD_MAX=512KiB", { recordMaxBytes: 524_288 }],
];

/** Rows for the options that are headers or name files. */
function fileRows(files: Awaited<ReturnType<typeof optionFiles>>): Row[] {
  const { headers, caCert, clientCert, clientKey } = files;
  return [
    ["--headers=X-A=1,X-B=2", "MCP_HEADERS=X-A=1,X-B=2", {
      headers: [["X-A", "1"], ["X-B", "2"], ["X-D", "4"]],
    }],
    [`--header-file=${headers}`, `MCP_HEADER_FILE=${headers}`, {
      headerFile: headers,
      variables: ["TEAM_KEY"],
      secrets: ["4"],
    }],
    [`--ca-cert=${caCert}`, `MCP_CA_CERT=${caCert}`, {
      caCert,
      tls: files.tls,
    }],
    [`--client-cert=${clientCert}`, `MCP_CLIENT_CERT=${clientCert}`, {
      clientCert,
    }],
    [`--client-key=${clientKey}`, `MCP_CLIENT_KEY=${clientKey}`, { clientKey }],
  ];
}

/** Options of which other files tell: they go by flag alone, or not with these. */
const OTHERS = [
  "header",
  ...["writeRole", "accountRole", "allowAccount", "allowRole"],
  ...["listen", "listenToken", "noListenToken", "listenHost"],
  ...["help", "version"],
];

for (const how of ["flag", "variable"] as const) {
  Deno.test(`every option can be given by its ${how}`, async () => {
    await using files = await optionFiles("X-D: ${TEAM_KEY}\n");
    const rows = [...ROWS, ...fileRows(files)];
    const given = rows.flatMap(([flags, variables]) =>
      how === "flag" ? flags.split(" ") : variables.split("; ")
    );
    const variables = given.map((text): [string, string] => {
      const [name] = text.split("=", 1);
      return [name, text.slice(name.length + 1)];
    });
    const config = how === "flag"
      ? await configOf(given, { TEAM_KEY: "4" })
      : await configOf([], { TEAM_KEY: "4", ...Object.fromEntries(variables) });
    assertEquals(
      config,
      Object.assign({ ...DEFAULTS }, ...rows.map(([, , part]) => part)),
    );
    const names = new Set(
      variables.map(([name]) => name.replace(/^--no-/, "--")),
    );
    const rest = OPTION_KEYS.filter((key) => {
      const option: Option = OPTIONS[key];
      return ![...flagsOf(option), ...variablesOf(option)].some((name) =>
        names.has(name)
      );
    });
    assertEquals(rest, OTHERS);
  });
}
