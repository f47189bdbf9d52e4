import {
  assert,
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
  assertFaults,
  configOf,
  ELSEWHERE,
  faultOf,
  faultsOf,
  parse,
} from "../support/program/command_line.ts";
import { optionFiles } from "../support/program/option_files.ts";

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

Deno.test("a list of commas alone is refused, and lifts no rule", async () => {
  assertEquals(
    await faultOf([], { MCP_ALLOW_TOOL: " , ," }),
    "allow tool must be a list with something between the commas, got ',' in " +
      "MCP_ALLOW_TOOL (set --allow-tool or MCP_ALLOW_TOOL)",
  );
});

Deno.test("a glob in another notation is refused, since it would deny nothing", async () => {
  const globs = "[dD]elete* delete] {delete}* delete} delete_(x|y) delete) " +
    "x|y /delete/ /delete delete/ / !get_* ^delete_.* delete_x\\* " +
    `'delete_*' "delete_*" delete_*;drop_* delete_*\u200b ` +
    ".*delete.* delete_.*$ delete_.+ $DENY %DENY%";
  for (const glob of [...globs.split(" "), "delete_* get_*"]) {
    const shown = glob.replace("\u200b", "<U+200B>");
    for (const rule of ["deny", "allow"]) {
      const flag = `--${rule}-tool`;
      const variable = `MCP_${rule.toUpperCase()}_TOOL`;
      const fault = (where: string) =>
        `${rule} tool must be one glob, in which only * and ? are special, ` +
        "without white space, quotes, commas, semicolons, brackets, " +
        "vertical bars, backslashes, !, ^, $, %, +, a / at its ends or .* at " +
        "its start, " +
        `got '${shown}'${where} (set ${flag} or ${variable})`;
      await assertFaults(
        [[`${flag}=${glob}`], fault("")],
        [[], fault(` in ${variable}`), { [variable]: `list_*,${glob}` }],
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
  await assertFaults(
    ["--idle-timeout=0", /^idle timeout must be from 1ms to 596h, got '0'/],
    [
      "--timeout=-5s",
      /^timeout must be from 1ms to 596h, or 0 for none, got '-5s'/,
    ],
    ["--timeout=10us", /from 1ms/],
    // A longer timer would fire at once.
    ["--timeout=600h", /to 596h/],
  );
  for (
    const [text, ms] of [
      ["0", undefined],
      ["596h", 2_145_600_000],
      ["1.6ms", 2],
    ] as const
  ) {
    const { timeoutMs } = await configOf([...ELSEWHERE, "--timeout", text]);
    assertEquals(timeoutMs, ms);
  }
});

Deno.test("a size is a whole number of bytes and not zero", async () => {
  for (const text of ["0", "-1", "lots", "1.5"]) {
    assertStringIncludes(
      await faultOf([`--max-answer=${text}`]),
      `max answer must be a size such as 64MiB, 10MB or 4096, got '${text}'`,
    );
  }
});

Deno.test("a recording is not limited to less than a line or two take", async () => {
  const fault = await faultOf(["--record=x", "--record-max=64"]);
  assertStringIncludes(
    fault,
    "must be a size of at least 16384 bytes, such as",
  );
});

Deno.test("a role's options are checked, and mean nothing without a role", async () => {
  const role = "--assume-role=arn:aws:iam::123456789012:role/r";
  await assertFaults(
    ["--assume-role=admin", /^role must be a role ARN such as arn:aws:iam::/],
    [`${role} --role-duration=5m`, /^role duration must be from 15m to 12h/],
    [[role, "--role-session-name=a b"], /^role session name must be/],
    [[role, "--external-id=hunter2 !"], /^external ID must be(?!.*hunter2)/],
    [
      [],
      "MCP_EXTERNAL_ID means nothing without a role (set --assume-role or MCP_ASSUME_ROLE)",
      { MCP_EXTERNAL_ID: "id" },
    ],
    ["--role-duration=1h", /^--role-duration means nothing/],
  );
});

Deno.test("what is off needs nothing else, and what is on needs what it is for", async () => {
  await configOf([...ELSEWHERE, "--no-record-bodies"]);
  await configOf(ELSEWHERE, { MCP_RECORD_BODIES: "false" });
  const fault = "--record-bodies means nothing without a recording " +
    "(set --record or MCP_RECORD)";
  assertEquals(await faultsOf([...ELSEWHERE, "--record-bodies"]), [fault]);
  const reset = "--timeout-reset-on-progress";
  await configOf([...ELSEWHERE, reset], { MCP_TIMEOUT: "60000" });
});

Deno.test("a value in an error is one short line", async () => {
  const fault = await faultOf([
    `--log-level=\x1b[31m\nforged${"x".repeat(500)}`,
  ]);
  // deno-lint-ignore no-control-regex
  assertNotMatch(fault, /[\0-\x1f]/);
  assert(fault.length < 250, fault);
});
