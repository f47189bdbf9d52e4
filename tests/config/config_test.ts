import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describeConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";
import {
  AGENTCORE,
  configOf,
  ELSEWHERE,
  faultsOf,
  parse,
  run,
} from "../support/command_line.ts";
import { optionFiles } from "../support/option_files.ts";

Deno.test("with nothing given, all that is required is named at once, with its hint", async () => {
  assertEquals(await faultsOf([]), [
    "target URL is required (set --target-url or MCP_TARGET_URL)",
    "region is required, unless the target's host tells it " +
    "(set --region, AWS_REGION or AWS_DEFAULT_REGION): the profile has none",
    "service name is required, unless the target's host tells it " +
    "(set --service-name or AWS_SERVICE_NAME)",
  ]);
});

Deno.test("every fault is reported at once, those of flags and of variables", async () => {
  const faults = await faultsOf(
    [
      "ftp://mcp.example",
      "--bogus",
      "--region",
      "--sig-version=v5",
      "--timeout",
      "5x",
      "--header",
      "Host: h",
    ],
    { MCP_ENABLE_SSE: "maybe", MCP_MAX_FRAME: "big", MCP_LOG_LEVEL: "loud" },
  );
  const parts = [
    "unknown flag --bogus",
    "--region needs a value",
    "signature version must be 'v4' or 'v4a', got 'v5'",
    "timeout must be a duration such as 500ms, 30s or 1m30s, got '5x'",
    "sse must be true or false, got 'maybe' in MCP_ENABLE_SSE",
    "max frame must be a size such as 64MiB, 10MB or 4096, got 'big' in MCP_MAX_FRAME",
    "log level must be 'debug', 'info', 'warn' or 'error', got 'loud' in MCP_LOG_LEVEL",
    "target URL must use http or https scheme",
    "region is required",
    "service name is required",
    "header Host belongs to the protocol or the signature",
  ];
  for (const part of parts) {
    assertEquals(
      faults.filter((fault) => fault.includes(part)).length,
      1,
      part,
    );
  }
  assertEquals(faults.length, parts.length);
});

Deno.test("the error begins with what it is and holds each fault", async () => {
  const error = await assertRejects(() => parse(["--nope"]), ConfigError);
  assertMatch(error.message, /^configuration error: unknown flag --nope/);
  assertStringIncludes(error.message, "target URL is required");
});

Deno.test("an AWS host alone is a whole configuration", async () => {
  const { config, notes } = await run([AGENTCORE]);
  assertEquals(config, {
    targetUrl: new URL(AGENTCORE),
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
    region: "us-west-2",
    service: "bedrock-agentcore",
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

Deno.test("every option can be given by its flag", async () => {
  await using files = await optionFiles("X-D: 4\n");
  const config = await configOf([
    "--target-url=https://mcp.example/mcp?q=1",
    "--allow-http",
    "--sse",
    "--headers=X-A=1",
    "--header",
    "X-B: 2",
    "--header=X-C: 3",
    `--header-file=${files.headers}`,
    `--ca-cert=${files.caCert}`,
    `--client-cert=${files.clientCert}`,
    `--client-key=${files.clientKey}`,
    "--region=eu-west-1",
    "--service-name=lambda",
    "--sig-version",
    "v4a",
    "--unsigned-payload",
    "--profile",
    "work",
    "--profile=other",
    "--bridge",
    "--read-only",
    "--receipt",
    "--allow-tool=get_*",
    "--allow-tool=list_*",
    "--deny-tool=*secret*",
    "--metadata=com.example/team=a=b",
    "--metadata=x=",
    "--no-region-metadata",
    "--no-client-info",
    "--keep-alive=30s",
    "--assume-role=arn:aws-us-gov:iam::123456789012:role/path/name",
    "--role-session-name=me@example",
    "--external-id=a:b/c",
    "--role-duration=30m",
    "--session-policy=arn:aws-us-gov:iam::aws:policy/x",
    "--source-identity=ada@example",
    "--session-tag=team=a=b",
    "--login",
    "--skip-auth",
    "--timeout=1m30s",
    "--timeout-reset-on-progress",
    "--connect-timeout=3s",
    "--retries=0",
    "--max-concurrency=8",
    "--no-recover",
    "--no-cookies",
    "--transport=sse",
    "--idle-timeout=2m",
    "--max-frame=1MiB",
    "--max-answer=5MB",
    "--log-level=debug",
    "--log-format=text",
    "--record=calls.jsonl",
    "--record-bodies",
    "--record-max=1MiB",
  ]);
  assertEquals(config, {
    targetUrl: new URL("https://mcp.example/mcp?q=1"),
    allowHttp: true,
    sse: true,
    headers: [["X-A", "1"], ["X-D", "4"], ["X-B", "2"], ["X-C", "3"]],
    headerFile: files.headers,
    clientInfo: false,
    variables: [],
    secrets: ["4"],
    caCert: files.caCert,
    clientCert: files.clientCert,
    clientKey: files.clientKey,
    tls: files.tls,
    region: "eu-west-1",
    service: "lambda",
    signatureVersion: "v4a",
    unsignedPayload: true,
    signHost: undefined,
    profile: "work",
    profiles: ["work", "other"],
    listen: undefined,
    bridge: true,
    readOnly: true,
    receipt: true,
    allowTool: ["get_*", "list_*"],
    denyTool: ["*secret*"],
    metadata: [["com.example/team", "a=b"], ["x", ""]],
    profileMetadata: new Map(),
    regionMetadata: false,
    keepAliveMs: 30_000,
    assumeRole: "arn:aws-us-gov:iam::123456789012:role/path/name",
    roleSessionName: "me@example",
    externalId: "a:b/c",
    roleDurationMs: 1_800_000,
    sessionPolicy: ["arn:aws-us-gov:iam::aws:policy/x"],
    writeRole: undefined,
    accounts: undefined,
    allowAccount: [],
    session: {
      policyArns: ["arn:aws-us-gov:iam::aws:policy/x"],
      sourceIdentity: "ada@example",
      tags: [["team", "a=b"]],
    },
    login: true,
    skipAuth: true,
    timeoutMs: 90_000,
    timeoutResetOnProgress: true,
    connectTimeoutMs: 3000,
    retries: 0,
    maxConcurrency: 8,
    recover: false,
    cookies: false,
    transport: "sse",
    idleTimeoutMs: 120_000,
    maxFrameBytes: 1_048_576,
    maxAnswerBytes: 5_000_000,
    logLevel: "debug",
    logFormat: "text",
    record: "calls.jsonl",
    recordBodies: true,
    recordMaxBytes: 1_048_576,
  });
});

Deno.test("every option can be given by its variable", async () => {
  await using files = await optionFiles("X-D: ${TEAM_KEY}\n");
  const config = await configOf([], {
    MCP_TARGET_URL: " https://10.0.0.1:8080/mcp ",
    MCP_ALLOW_HTTP: "1",
    MCP_ENABLE_SSE: "TRUE",
    MCP_HEADERS: "X-A=1,X-B=2",
    MCP_HEADER_FILE: files.headers,
    TEAM_KEY: "4",
    MCP_CA_CERT: files.caCert,
    MCP_CLIENT_CERT: files.clientCert,
    MCP_CLIENT_KEY: files.clientKey,
    AWS_REGION: "eu-west-1",
    AWS_SERVICE_NAME: "lambda",
    AWS_SIG_VERSION: "v4",
    AWS_PROFILE: "work",
    MCP_PROFILES: "one, two",
    MCP_BRIDGE: "1",
    MCP_READ_ONLY: "1",
    MCP_RECEIPT: "1",
    MCP_ALLOW_TOOL: "a,b",
    MCP_DENY_TOOL: "c",
    MCP_METADATA: "team=a,stage=b",
    MCP_KEEP_ALIVE: "1m",
    MCP_UNSIGNED_PAYLOAD: "True",
    MCP_SIGN_HOST: "mcp.example:8443",
    MCP_ASSUME_ROLE: "arn:aws:iam::123456789012:role/name",
    MCP_ROLE_SESSION_NAME: "me",
    MCP_EXTERNAL_ID: "id",
    MCP_ROLE_DURATION: "15m",
    MCP_SESSION_POLICY: "arn:aws:iam::aws:policy/a,arn:aws:iam::aws:policy/b",
    MCP_SOURCE_IDENTITY: "ada",
    MCP_SESSION_TAG: "team=a,stage=b",
    MCP_LOGIN: "true",
    MCP_SKIP_AUTH: "true",
    MCP_TIMEOUT: "500ms",
    MCP_TIMEOUT_RESET_ON_PROGRESS: "true",
    MCP_CONNECT_TIMEOUT: "1m",
    MCP_RETRIES: "10",
    MCP_MAX_CONCURRENCY: "1000",
    MCP_REGION_METADATA: "false",
    MCP_CLIENT_INFO: "false",
    MCP_RECOVER: "false",
    MCP_COOKIES: "0",
    MCP_TRANSPORT: "streamable-http",
    MCP_IDLE_TIMEOUT: "1.5h",
    MCP_MAX_FRAME: "4096",
    MCP_MAX_ANSWER: "512KiB",
    MCP_LOG_LEVEL: "WARN",
    MCP_LOG_FORMAT: "text",
    MCP_RECORD: "calls.jsonl",
    MCP_RECORD_BODIES: "true",
    MCP_RECORD_MAX: "4096",
  });
  assertEquals(config, {
    targetUrl: new URL("https://10.0.0.1:8080/mcp"),
    allowHttp: true,
    sse: true,
    headers: [["X-A", "1"], ["X-B", "2"], ["X-D", "4"]],
    headerFile: files.headers,
    clientInfo: false,
    variables: ["TEAM_KEY"],
    secrets: ["4"],
    caCert: files.caCert,
    clientCert: files.clientCert,
    clientKey: files.clientKey,
    tls: files.tls,
    region: "eu-west-1",
    service: "lambda",
    signatureVersion: "v4",
    unsignedPayload: true,
    signHost: "mcp.example:8443",
    // AWS_PROFILE is the credential chain's to read.
    profile: "one",
    profiles: ["one", "two"],
    listen: undefined,
    bridge: true,
    readOnly: true,
    receipt: true,
    allowTool: ["a", "b"],
    denyTool: ["c"],
    metadata: [["team", "a"], ["stage", "b"]],
    profileMetadata: new Map(),
    regionMetadata: false,
    keepAliveMs: 60_000,
    assumeRole: "arn:aws:iam::123456789012:role/name",
    roleSessionName: "me",
    externalId: "id",
    roleDurationMs: 900_000,
    sessionPolicy: ["arn:aws:iam::aws:policy/a", "arn:aws:iam::aws:policy/b"],
    writeRole: undefined,
    accounts: undefined,
    allowAccount: [],
    session: {
      policyArns: ["arn:aws:iam::aws:policy/a", "arn:aws:iam::aws:policy/b"],
      sourceIdentity: "ada",
      tags: [["team", "a"], ["stage", "b"]],
    },
    login: true,
    skipAuth: true,
    timeoutMs: 500,
    timeoutResetOnProgress: true,
    connectTimeoutMs: 60_000,
    retries: 10,
    maxConcurrency: 1000,
    recover: false,
    cookies: false,
    transport: "streamable-http",
    idleTimeoutMs: 5_400_000,
    maxFrameBytes: 4096,
    maxAnswerBytes: 524_288,
    logLevel: "warn",
    logFormat: "text",
    record: "calls.jsonl",
    recordBodies: true,
    recordMaxBytes: 4096,
  });
});

Deno.test("a flag goes before its variable, even one that turns it off", async () => {
  const env = {
    MCP_TARGET_URL: "ftp://nowhere",
    AWS_REGION: "not a region",
    AWS_SERVICE_NAME: "?",
    MCP_ENABLE_SSE: "true",
    MCP_SKIP_AUTH: "true",
    MCP_ALLOW_HTTP: "maybe",
    MCP_TIMEOUT: "30s",
    MCP_HEADERS: "X-A=1",
  };
  const config = await configOf([
    ...ELSEWHERE,
    "--no-sse",
    "--skip-auth=false",
    "--allow-http=0",
    "--timeout=0",
    "--headers=X-B=2",
  ], env);
  assertEquals(config.sse, false);
  assertEquals(config.skipAuth, false);
  assertEquals(config.allowHttp, false);
  assertEquals(config.timeoutMs, undefined);
  assertEquals(config.headers, [["X-B", "2"]]);
});

Deno.test("empty and blank variables count as not set", async () => {
  const config = await configOf([AGENTCORE], {
    AWS_REGION: "",
    AWS_DEFAULT_REGION: "  ",
    AWS_SERVICE_NAME: "",
    AWS_SIG_VERSION: "",
    MCP_TARGET_URL: "",
    MCP_ENABLE_SSE: "",
    MCP_TIMEOUT: " ",
    MCP_HEADERS: "",
    MCP_ASSUME_ROLE: "",
  });
  assertEquals(config.region, "us-west-2");
  assertEquals(config.sse, false);
});

Deno.test("the configuration as it is shown holds no secret", async () => {
  await using files = await optionFiles("X-File: hunter2\n");
  const config = await configOf([
    ...ELSEWHERE.slice(1),
    "https://mcp.example/mcp?key=hunter2",
    "--header=X-Token: hunter2",
    "--assume-role=arn:aws:iam::123456789012:role/r",
    "--external-id=hunter2",
    `--header-file=${files.headers}`,
    `--client-cert=${files.clientCert}`,
    `--client-key=${files.clientKey}`,
  ]);
  const shown = describeConfig(config);
  assertNotMatch(JSON.stringify(shown), /hunter2|PRIVATE KEY|CERTIFICATE/);
  assertEquals(shown.clientKey, files.clientKey);
  assertEquals(shown.targetUrl, "https://mcp.example/mcp?…");
  assertEquals(shown.headers, ["X-File", "X-Token"]);
  assertEquals(shown.region, "us-east-1");
  assertEquals(shown.idleTimeoutMs, 900_000);
});
