import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { nearest } from "../../src/shape/nearest.ts";
import {
  assertFaults,
  configOf,
  ELSEWHERE,
  faultOf,
  type FaultRow,
  faultsOf,
} from "../support/program/command_line.ts";

/** An argument, and what is said of it as an unknown flag. */
function unknown(args: string | readonly string[], said: string): FaultRow {
  return [args, `unknown flag ${said}`];
}

Deno.test("an unknown flag is named without its value, with the flag that was meant", async () => {
  await assertFaults(
    unknown("--regoin eu-west-1", "--regoin (did you mean --region?)"),
    unknown("--timeuot=5s", "--timeuot (did you mean --timeout?)"),
    unknown("-log-level info", "-log-level (did you mean --log-level?)"),
    unknown("--zzz=hunter2", "--zzz (see --help)"),
    unknown("--no-bogus", "--no-bogus (see --help)"),
    unknown("--no-recovr", "--no-recovr (did you mean --no-recover?)"),
    unknown("-x", "-x (see --help)"),
    // The parser's own name for what belongs to no flag.
    unknown("--_=x", "--_ (see --help)"),
    unknown("-_", "--_ (see --help)"),
    unknown("-log_level info", "--log_level (did you mean --log-level?)"),
    unknown("--__proto__=1", "--__proto__ (see --help)"),
  );
});

Deno.test("a flag and its value in one argument is told as that, and the value is not shown", async () => {
  const hint = "(its value is an argument of its own)";
  await assertFaults(
    unknown(["--header X-Api-Key: hunter2"], `--header ${hint}`),
    unknown(['--header "X-Api-Key: hunter2"'], `--header ${hint}`),
    unknown(["--header\tX: a=hunter2"], `--header ${hint}`),
    unknown(["--header: hunter2"], `--header ${hint}`),
    unknown(["-header hunter2"], `-header ${hint}`),
    unknown(["-H X-Api-Key: hunter2"], "-H (see --help)"),
    unknown(["--Schlüssel hunter2"], "--Schlüssel (see --help)"),
  );
});

Deno.test("a flag that begins with a dash that is no hyphen is named, with the flag that was meant", async () => {
  for (const dash of ["\u2013", "\u2014", "\u2212", "\u2013-"]) {
    const said = `${dash}region (did you mean --region?)`;
    await assertFaults(
      unknown(`${dash}region eu-west-1`, said),
      unknown(`${dash}region`, said),
    );
  }
});

Deno.test("a URL after an unknown flag is not reported missing", async () => {
  const [, ...options] = ELSEWHERE;
  assertEquals(
    await faultsOf([...options, "--verbose", "https://mcp.example/mcp"]),
    ["unknown flag --verbose (did you mean --log-level?)"],
  );
});

Deno.test("what stands after an unknown flag is not reported as a fault of its own", async () => {
  const [url, ...options] = ELSEWHERE;
  const args = ["--target-url", url, ...options];
  for (
    const more of ["--bogus x", "--bogus https://x.example", "-log-level info"]
  ) {
    const faults = await faultsOf([...args, ...more.split(" ")]);
    assertEquals(faults.length, 1, faults.join());
    assertStringIncludes(faults[0], "unknown flag");
  }
});

Deno.test("what a misspelt flag would have given is not reported missing", async () => {
  const args = ["--regoin=eu-west-1", "--servce=lambda"];
  assertEquals(await faultsOf(["https://mcp.example/mcp", ...args]), [
    "unknown flag --regoin (did you mean --region?)",
    "unknown flag --servce (did you mean --service?)",
  ]);
});

Deno.test("a misspelt command is told apart from a URL, and one in the wrong place is named", async () => {
  const [url] = ELSEWHERE;
  assertEquals(await faultsOf(["doctr", url]), [
    "there is no command 'doctr' (did you mean doctor?)",
  ]);
  assertEquals(await faultsOf(["configure"]), [
    "there is no command 'configure' (did you mean config?)",
  ]);
  assertEquals(await faultsOf(["--region", "us-east-1", "doctor", url]), [
    "the command doctor goes first (sigv4-proxy doctor …)",
  ]);
  const [unlike] = await faultsOf(["huntersecret", "--region", "us-east-1"]);
  assertMatch(unlike, /^the argument is no command \(doctor, .*, and no URL/);
  assertNotMatch(unlike, /hunter/);
});

Deno.test("a URL that lacks its scheme is told so, and its host still tells region and service", async () => {
  assertEquals(
    await faultsOf(["abc123.execute-api.us-east-1.amazonaws.com/prod/mcp"]),
    [
      "target URL must use http or https scheme, as in https://host/path; " +
      "this one lacks the https:// (set --target-url or MCP_TARGET_URL)",
    ],
  );
});

Deno.test("a flag without its value is a fault of its own", async () => {
  const fault =
    /^--timeout needs a value \(set --timeout or MCP_TIMEOUT; one that begins with "-" as --timeout=VALUE\)$/;
  await assertFaults(
    ["--timeout --sse", fault],
    ["--timeout", fault],
    ["--timeout=", fault],
    [["--timeout", ""], fault],
    [["--timeout", "  "], fault],
    [["--profile= "], /^--profile needs a value/],
    [["--record=\t"], /^--record needs a value/],
    [["--listen-token= "], /^--listen-token needs a value/],
    ["--header --sse", /--header needs a value/],
  );
});

Deno.test("a value that begins with a hyphen can be given after an equals sign", async () => {
  const role = "--assume-role=arn:aws:iam::123456789012:role/r";
  const config = await configOf([...ELSEWHERE, role, "--external-id=-id-"]);
  assertEquals(config.externalId, "-id-");
});

Deno.test("a switch whose name begins with no- sets itself alone, in each of its forms", async () => {
  const variable = { MCP_NO_LISTEN_TOKEN: "true" };
  for (
    const [flag, token] of [
      ["--no-listen-token", false],
      ["--no-listen-token=true", false],
      ["--no-listen-token=1", false],
      ["--no-listen-token=false", undefined],
      ["--no-no-listen-token", undefined],
    ] as const
  ) {
    const args = [...ELSEWHERE, "--listen=127.0.0.1:0", flag];
    const { listen } = await configOf(args, variable);
    assertEquals(listen?.token, token, flag);
  }
  await assertFaults(
    ["--no-listen-token --no-listen-token=0", /is given 2 times/],
  );
});

Deno.test("a flag given twice is refused, under either of its names", async () => {
  await assertFaults(
    ["--timeout=1s --timeout=2s", "--timeout is given 2 times (give it once)"],
    ["--sse --no-sse", "--sse is given 2 times (give it once)"],
    ["--no-sse --sse --sse=1", "--sse is given 3 times (give it once)"],
    ["--service-name l", "--service-name is given 2 times (give it once)"],
  );
});

Deno.test("the target URL is the one argument, or a flag, and not both", async () => {
  const extra = await faultOf(["--sse", "secret-token", "another"]);
  assertMatch(extra, /^3 arguments without a flag are given/);
  assertNotMatch(extra, /secret/);
  assertMatch(
    await faultOf(["--target-url", "https://mcp.example"]),
    /^target URL is given twice/,
  );
  const [url, ...options] = ELSEWHERE;
  assertEquals((await configOf([...options, "--", url])).targetUrl.href, url);
  assertEquals(
    (await configOf([...options, "--sse", url])).targetUrl.href,
    url,
  );
});

Deno.test("on and off are true, false, 1 and 0, and nothing else", async () => {
  await assertFaults(
    [
      "--sse=yes",
      "--sse must be true or false, got 'yes' (set --sse or MCP_ENABLE_SSE)",
    ],
    ["--no-sse=true", /^--no-sse takes no value/],
    ["--no-region", /^--no-region is no flag: --region takes a value/],
    ...["yes", "on", "2", "t", "truee"].map((text): FaultRow => [
      [],
      `skip auth must be true or false, got '${text}' in MCP_SKIP_AUTH ` +
      "(set --skip-auth or MCP_SKIP_AUTH)",
      { MCP_SKIP_AUTH: text },
    ]),
  );
  const sseOf = async (...args: string[]) =>
    (await configOf([...ELSEWHERE, ...args])).sse;
  assertEquals(await sseOf("--sse=TRUE"), true);
  assertEquals(await sseOf("--sse", "false"), false);
  const { sse } = await configOf(ELSEWHERE, { MCP_ENABLE_SSE: "False" });
  assertEquals(sse, false);
});

Deno.test("what was split at a blank is named with the flag that it belongs to", async () => {
  const url = "https://abc.execute-api.us-east-1.amazonaws.com/mcp";
  const cases: [args: string[], said: RegExp][] = [
    [["--header", "X-Team:", "blue", url], /^'blue' after .* --header belongs/],
    [["--profile", "Team", "A", url], /^'A' after the value of --profile bel/],
    [[url, "--profile", "Team", "A"], /^'A' after .* or set MCP_PROFILES,/],
    [["--profile=Team", "A", url], /^'A' after the value of --profile bel/],
    [["--header", "X:", "a", "b", url], /^'a' and 'b' after .* belong to/],
    [["--profile", "Team", "A", "--sse", url], /^'A' after .* --profile bel/],
    [
      ["--header", "X-Auth:", "Bearer", "s3cret", url],
      /^'Bearer' and argument 4 \(it may be a secret\) after .* --header/,
    ],
  ];
  for (const [args, said] of cases) {
    const faults = await faultsOf(args);
    assertEquals(faults.length, 1, faults.join());
    assertMatch(faults[0], said);
    assertNotMatch(faults[0], /s3cret|argument is no command/);
  }
});

const FLAGS = ["target-url", "region", "service-name", "timeout", "sse"];

Deno.test("what is near to a word is what few letters make of it, or one of its parts", () => {
  for (
    const [word, found] of [
      ["regoin", "region"],
      ["timeoutt", "timeout"],
      ["ses", "sse"],
      ["Target-Url", "target-url"],
      ["service_name", "service-name"],
      ["url", "target-url"],
      ["verbose", undefined],
      ["", undefined],
      ["x", undefined],
    ] as const
  ) assertEquals(nearest(word, FLAGS), found);
});
