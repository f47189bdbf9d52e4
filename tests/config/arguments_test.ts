import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { parseCommand } from "../../src/config/config.ts";
import { ConfigError } from "../../src/errors.ts";
import {
  configOf,
  ELSEWHERE,
  faultOf,
  faultsOf,
} from "../support/command_line.ts";

Deno.test("an unknown flag is named without its value, with the flag that was meant", async () => {
  assertEquals(
    await faultOf(["--regoin", "eu-west-1"]),
    "unknown flag --regoin (did you mean --region?)",
  );
  assertEquals(
    await faultOf(["--timeuot=5s"]),
    "unknown flag --timeuot (did you mean --timeout?)",
  );
  assertEquals(
    await faultOf(["-log-level", "info"]),
    "unknown flag -log-level (did you mean --log-level?)",
  );
  assertEquals(
    await faultOf(["--zzz=hunter2"]),
    "unknown flag --zzz (see --help)",
  );
  assertEquals(
    await faultOf(["--no-bogus"]),
    "unknown flag --no-bogus (see --help)",
  );
  assertEquals(
    await faultOf(["--no-recovr"]),
    "unknown flag --no-recovr (did you mean --no-recover?)",
  );
  assertEquals(await faultOf(["-x"]), "unknown flag -x (see --help)");
  // The parser's own name for what belongs to no flag.
  assertEquals(await faultOf(["--_=x"]), "unknown flag --_ (see --help)");
  assertEquals(await faultOf(["-_"]), "unknown flag --_ (see --help)");
  assertEquals(
    await faultOf(["-log_level", "info"]),
    "unknown flag --log_level (did you mean --log-level?)",
  );
  assertEquals(
    await faultOf(["--__proto__=1"]),
    "unknown flag --__proto__ (see --help)",
  );
});

Deno.test("a flag and its value in one argument is told as that, and the value is not shown", async () => {
  for (
    const arg of [
      "--header X-Api-Key: hunter2",
      '--header "X-Api-Key: hunter2"',
      "--header\tX: a=hunter2",
      "--header: hunter2",
      "-header hunter2",
    ]
  ) {
    assertEquals(
      await faultOf([arg]),
      `unknown flag ${
        arg.replace(/r[\s:].*/, "r")
      } (its value is an argument of its own)`,
    );
  }
  assertEquals(
    await faultOf(["-H X-Api-Key: hunter2"]),
    "unknown flag -H (see --help)",
  );
  assertEquals(
    await faultOf(["--Schlüssel hunter2"]),
    "unknown flag --Schlüssel (see --help)",
  );
});

Deno.test("a flag that begins with a dash that is no hyphen is named, with the flag that was meant", async () => {
  for (const dash of ["\u2013", "\u2014", "\u2212", "\u2013-"]) {
    for (const more of [["eu-west-1"], []]) {
      assertEquals(
        await faultOf([`${dash}region`, ...more]),
        `unknown flag ${dash}region (did you mean --region?)`,
      );
    }
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
    const more of [["--bogus", "x"], ["--bogus", "https://x.example"], [
      "-log-level",
      "info",
    ]]
  ) {
    const faults = await faultsOf([...args, ...more]);
    assertEquals(faults.length, 1, faults.join());
    assertStringIncludes(faults[0], "unknown flag");
  }
});

Deno.test("what a misspelt flag would have given is not reported missing", async () => {
  assertEquals(
    await faultsOf([
      "https://mcp.example/mcp",
      "--regoin=eu-west-1",
      "--servce=lambda",
    ]),
    [
      "unknown flag --regoin (did you mean --region?)",
      "unknown flag --servce (did you mean --service?)",
    ],
  );
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
  for (
    const args of [["--timeout", "--sse"], ["--timeout"], ["--timeout="], [
      "--timeout",
      "",
    ]]
  ) {
    const fault = await faultOf(args);
    assertMatch(
      fault,
      /^--timeout needs a value \(set --timeout or MCP_TIMEOUT; /,
    );
  }
  assertStringIncludes(
    await faultOf(["--header", "--sse"]),
    "--header needs a value",
  );
});

Deno.test("a value that begins with a hyphen can be given after an equals sign", async () => {
  const role = "--assume-role=arn:aws:iam::123456789012:role/r";
  const config = await configOf([...ELSEWHERE, role, "--external-id=-id-"]);
  assertEquals(config.externalId, "-id-");
});

Deno.test("a flag given twice is refused, under either of its names", async () => {
  assertEquals(
    await faultOf(["--timeout=1s", "--timeout=2s"]),
    "--timeout is given 2 times (give it once)",
  );
  assertEquals(
    await faultOf(["--sse", "--no-sse"]),
    "--sse is given 2 times (give it once)",
  );
  assertEquals(
    await faultOf(["--no-sse", "--sse", "--sse=1"]),
    "--sse is given 3 times (give it once)",
  );
  assertEquals(
    await faultOf(["--service-name", "lambda"]),
    "--service-name is given 2 times (give it once)",
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
  assertMatch(
    await faultOf(["--sse=yes"]),
    /^--sse must be true or false, got 'yes' \(set --sse or MCP_ENABLE_SSE\)$/,
  );
  assertMatch(await faultOf(["--no-sse=true"]), /^--no-sse takes no value/);
  assertMatch(
    await faultOf(["--no-region"]),
    /^--no-region is no flag: --region takes a value/,
  );
  for (const text of ["yes", "on", "2", "t", "truee"]) {
    assertEquals(
      await faultOf([], { MCP_SKIP_AUTH: text }),
      `skip auth must be true or false, got '${text}' in MCP_SKIP_AUTH ` +
        "(set --skip-auth or MCP_SKIP_AUTH)",
    );
  }
  assertEquals((await configOf([...ELSEWHERE, "--sse=TRUE"])).sse, true);
  assertEquals((await configOf([...ELSEWHERE, "--sse", "false"])).sse, false);
  assertEquals(
    (await configOf(ELSEWHERE, { MCP_ENABLE_SSE: "False" })).sse,
    false,
  );
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
    const error = await assertRejects(
      () =>
        parseCommand(args, () => undefined, {
          profileRegion: () => Promise.resolve(undefined),
        }),
      ConfigError,
    );
    assertEquals(error.faults.length, 1, error.message);
    assertMatch(error.faults[0], said);
    assertNotMatch(error.message, /s3cret|argument is no command/);
  }
});
