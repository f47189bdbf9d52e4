import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describeConfig, parseCommand } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";
import {
  AGENTCORE,
  configOf,
  ELSEWHERE,
  faultOf,
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

Deno.test("help and version are answered whatever else is wrong, and ask for no variable", async () => {
  const env = (name: string): never => {
    throw new Error(`${name} was asked for`);
  };
  const profileRegion = (): Promise<string | undefined> =>
    Promise.reject(new Error("the profile was asked for"));
  for (
    const [topic, args] of [
      [undefined, ["--help"]],
      [undefined, ["-h"]],
      [undefined, ["--bogus", "--help"]],
      [undefined, ["--version", "--help"]],
      [undefined, ["--help", "https://signing.example/mcp"]],
      [undefined, ["signing", "--help"]],
      ["signing", ["--help", "signing"]],
      ["all", ["--sse", "-h", "all"]],
      ["limits", ["--help=limits"]],
      ["doctor", ["--help", "doctor"]],
      [undefined, ["--help=true"]],
    ] as const
  ) {
    assertEquals(await parseCommand(args, env, { profileRegion }), {
      kind: "help",
      topic,
    });
  }
  for (const args of [["--version", "ftp://x"], ["-V"], ["-v"]]) {
    assertEquals(await parseCommand(args, env, { profileRegion }), {
      kind: "version",
    });
  }
});

Deno.test("help on what there is none on says what there is", async () => {
  assertEquals(await faultsOf(["--help", "signin"]), [
    "there is no help on 'signin' (did you mean signing?)",
  ]);
  assertEquals(await faultsOf(["--help=bogus"]), [
    "there is no help on 'bogus' (there is on target, messages, signing, " +
    "credentials, http, limits, logging, all, doctor, policy, config, " +
    "record, replay, completions)",
  ]);
});

Deno.test("a list of commas alone is refused, and lifts no rule", async () => {
  assertEquals(
    await faultOf([], { MCP_ALLOW_TOOL: " , ," }),
    "allow tool must be a list with something between the commas, got ',' in " +
      "MCP_ALLOW_TOOL (set --allow-tool or MCP_ALLOW_TOOL)",
  );
});

Deno.test("a glob in another notation is refused, since it would deny nothing", async () => {
  for (
    const glob of [
      "[dD]elete*",
      "delete]",
      "{delete}*",
      "delete}",
      "delete_(x|y)",
      "delete)",
      "x|y",
      "/delete/",
      "/delete",
      "delete/",
      "/",
      "!get_*",
      "^delete_.*",
      "delete_x\\*",
      "delete_* get_*",
    ]
  ) {
    for (const rule of ["deny", "allow"]) {
      const flag = `--${rule}-tool`;
      const variable = `MCP_${rule.toUpperCase()}_TOOL`;
      const fault = (where: string) =>
        `${rule} tool must be one glob, in which only * and ? are special, ` +
        "without white space, commas, brackets, vertical bars, " +
        "backslashes, !, ^ or a / at its ends, " +
        `got '${glob}'${where} (set ${flag} or ${variable})`;
      assertEquals(await faultOf([`${flag}=${glob}`]), fault(""));
      assertEquals(
        await faultOf([], { [variable]: `list_*,${glob}` }),
        fault(` in ${variable}`),
      );
    }
  }
});

Deno.test("a glob may have whatever is common in the names of tools", async () => {
  const globs = ["*", "?", "a/b", "ns__get-*", "a.b:c@d", "löschen_?"];
  const config = await configOf(
    [...ELSEWHERE, ...globs.map((glob) => `--allow-tool=${glob}`)],
    { MCP_DENY_TOOL: globs.join() },
  );
  assertEquals([config.allowTool, config.denyTool], [globs, globs]);
});

Deno.test("a signature version other than v4 and v4a is refused in the words relied on", async () => {
  assertEquals(
    await faultOf([], { AWS_SIG_VERSION: "v5" }),
    "signature version must be 'v4' or 'v4a', got 'v5' in AWS_SIG_VERSION " +
      "(set --sig-version or AWS_SIG_VERSION)",
  );
});

Deno.test("time limits are positive, and only --timeout can be none", async () => {
  assertEquals(
    (await configOf([...ELSEWHERE, "--timeout", "0"])).timeoutMs,
    undefined,
  );
  assertStringIncludes(
    await faultOf(["--idle-timeout=0"]),
    "idle timeout must be from 1ms to 596h, got '0'",
  );
  assertStringIncludes(
    await faultOf(["--timeout=-5s"]),
    "timeout must be from 1ms to 596h, or 0 for none, got '-5s'",
  );
  assertStringIncludes(await faultOf(["--timeout=10us"]), "from 1ms");
  // A longer timer would fire at once.
  assertStringIncludes(await faultOf(["--timeout=600h"]), "to 596h");
  assertEquals(
    (await configOf([...ELSEWHERE, "--timeout=596h"])).timeoutMs,
    2_145_600_000,
  );
  assertEquals(
    (await configOf([...ELSEWHERE, "--timeout=1.6ms"])).timeoutMs,
    2,
  );
});

Deno.test("a size is a whole number of bytes and not zero", async () => {
  for (const text of ["0", "-1", "lots", "1.5"]) {
    assertStringIncludes(
      await faultOf([`--max-answer=${text}`]),
      `max answer must be a size such as 64MiB, 10MB or 4096, got '${text}'`,
    );
  }
});

Deno.test("a role's options are checked, and mean nothing without a role", async () => {
  const role = "--assume-role=arn:aws:iam::123456789012:role/r";
  assertStringIncludes(
    await faultOf(["--assume-role=admin"]),
    "role must be a role ARN such as arn:aws:iam::",
  );
  assertStringIncludes(
    await faultOf([role, "--role-duration=5m"]),
    "role duration must be from 15m to 12h",
  );
  assertStringIncludes(
    await faultOf([role, "--role-session-name=a b"]),
    "role session name must be",
  );
  const fault = await faultOf([role, "--external-id=hunter2 !"]);
  assertStringIncludes(fault, "external ID must be");
  assertNotMatch(fault, /hunter2/);
  assertEquals(
    await faultOf([], { MCP_EXTERNAL_ID: "id" }),
    "MCP_EXTERNAL_ID means nothing without a role (set --assume-role or MCP_ASSUME_ROLE)",
  );
  assertMatch(
    await faultOf(["--role-duration=1h"]),
    /^--role-duration means nothing/,
  );
});

Deno.test("a value in an error is one short line", async () => {
  const fault = await faultOf([
    `--log-level=\x1b[31m\nforged${"x".repeat(500)}`,
  ]);
  // deno-lint-ignore no-control-regex
  assertNotMatch(fault, /[\0-\x1f]/);
  assert(fault.length < 250, fault);
});

Deno.test("a header names variables by --header and --headers alike, and what they hold is shown nowhere", async () => {
  const env = { TEAM_KEY: "hunter2", MCP_HEADERS: "X-B=b-${TEAM_KEY}" };
  const config = await configOf([...ELSEWHERE, "--header=X-A: ${TEAM_KEY}"], {
    ...env,
  });
  assertEquals(config.headers, [["X-B", "b-hunter2"], ["X-A", "hunter2"]]);
  assertEquals(config.variables, ["TEAM_KEY"]);
  assertEquals(config.secrets, ["hunter2"]);
  assertNotMatch(JSON.stringify(describeConfig(config)), /hunter2/);
  assertStringIncludes(
    await faultOf(["--headers=X-A=${TEAM_KEY},X-B=${ABSENT}"], env),
    "header X-B (entry 2 of --headers) names ABSENT, which is not set",
  );
});

Deno.test("a header file that cannot be read or understood is named with its line", async () => {
  await using files = await optionFiles("# a\nX-A: 1\n\nhunter2\n");
  assertEquals(
    await faultOf([`--header-file=${files.headers}`]),
    `line 4 of '${files.headers}' must be "Name: value" ` +
      "(set --header-file or MCP_HEADER_FILE)",
  );
  const absent = `${files.headers}-absent`;
  assertEquals(
    await faultOf([], { MCP_HEADER_FILE: absent }),
    `header file '${absent}' does not exist ` +
      "(set --header-file or MCP_HEADER_FILE)",
  );
});

Deno.test("a file without an end is not read for ever, and a directory is called one", async () => {
  await using files = await optionFiles("");
  await Deno.writeFile(files.headers, new Uint8Array(4 * 1024 * 1024 + 1));
  const directory = files.headers.slice(0, files.headers.lastIndexOf("/"));
  for (
    const [path, fault] of [
      [files.headers, "is longer than 4 MiB"],
      [directory, "is a directory"],
    ]
  ) {
    assertEquals(
      await faultOf([`--header-file=${path}`]),
      `header file '${path}' ${fault} (set --header-file or MCP_HEADER_FILE)`,
    );
    assertStringIncludes(
      (await faultsOf([...ELSEWHERE, `--ca-cert=${path}`])).join(),
      fault,
    );
  }
});

Deno.test("certificates are for https: a client's is refused with plain http", async () => {
  await using files = await optionFiles("");
  const pair = [
    `--client-cert=${files.clientCert}`,
    `--client-key=${files.clientKey}`,
  ];
  const [, ...scope] = ELSEWHERE;
  assertEquals(
    await faultsOf(["http://127.0.0.1/mcp", ...scope, ...pair]),
    [
      "--client-cert means nothing to a target of plain http " +
      "(set --target-url or MCP_TARGET_URL to one of https)",
    ],
  );
  assertStringIncludes(
    await faultOf(pair.slice(0, 1)),
    "client key is required with a client certificate",
  );
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

Deno.test("roles beside the first can be given by flags and by variables", async () => {
  const template = "arn:aws-cn:iam::{account}:role/a/{role}-x";
  const flags = [
    `--account-role=${template}`,
    "--allow-account=111111111111",
    "--allow-account=2222*",
    "--allow-role=audit-*",
  ];
  const { accounts, allowAccount } = await configOf([AGENTCORE, ...flags]);
  const allow = ["111111111111", "2222*"];
  assertEquals(accounts, { template, allow, allowRole: ["audit-*"] });
  assertEquals(allowAccount, allow);
  const byVariables = await configOf([AGENTCORE], {
    MCP_ACCOUNT_ROLE: template,
    MCP_ALLOW_ACCOUNT: "111111111111, 2222*",
    MCP_ALLOW_ROLE: "audit-*",
  });
  assertEquals(byVariables.accounts, accounts);
  const { writeRole } = await configOf([
    AGENTCORE,
    "--read-only",
    "--assume-role=arn:aws:iam::123456789012:role/reads",
    "--write-role=arn:aws:iam::123456789012:role/writes",
  ]);
  assertEquals(writeRole, "arn:aws:iam::123456789012:role/writes");
});
