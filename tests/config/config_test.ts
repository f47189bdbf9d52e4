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
