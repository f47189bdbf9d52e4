import {
  assertEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { parseExtraHeaders } from "../../src/config/additions.ts";
import {
  configOf,
  ELSEWHERE,
  faultOf,
  faultsOf,
  parsedOf,
} from "../support/program/command_line.ts";
import { describeConfig } from "../../src/config/config.ts";
import { optionFiles } from "../support/program/option_files.ts";

const ENV: Record<string, string> = {
  TEAM_KEY: "k, 1=2",
  SPACED: " spaced\t",
  BROKEN: "hunter2\n",
};

interface Given {
  readonly pairs?: string;
  readonly lines?: readonly string[];
  /** The text of a file, which is written for the time of reading. */
  readonly file?: string;
  /** Which of pairs and file are given by a variable. */
  readonly variables?: readonly ("MCP_HEADERS" | "MCP_HEADER_FILE")[];
}

async function read({ pairs, lines, file, variables = [] }: Given) {
  const path = file === undefined ? undefined : await Deno.makeTempFile();
  const texts = { MCP_HEADERS: pairs, MCP_HEADER_FILE: path };
  const env = Object.fromEntries(
    variables.map((name) => [name, texts[name] ?? ""]),
  );
  try {
    if (path !== undefined) await Deno.writeTextFile(path, file ?? "");
    const parsed = parsedOf({
      headers: "MCP_HEADERS" in env ? undefined : pairs,
      headerFile: "MCP_HEADER_FILE" in env ? undefined : path,
      header: lines,
    }, { ...ENV, ...env });
    const headers = await parseExtraHeaders(parsed);
    return {
      headers,
      variables: [...parsed.variables],
      secrets: [...parsed.secrets],
      faults: parsed.faults.map((fault) =>
        fault.replace(`'${path}'`, "'headers'")
      ),
    };
  } finally {
    if (path !== undefined) await Deno.remove(path);
  }
}

function pairs(text: string) {
  return read({ pairs: text, variables: ["MCP_HEADERS"] });
}

function lines(...lines: string[]) {
  return read({ lines });
}

Deno.test("headers are read from pairs and from lines, in order", async () => {
  const { headers, faults } = await read({
    pairs: "X-Team=blue, X-Empty=,X-Sum=a=b",
    lines: ["X-List: a, b=c", "Cookie: AWSALB=1", "X-Tab:\tx\t"],
  });
  assertEquals(faults, []);
  assertEquals(headers, [
    ["X-Team", "blue"],
    ["X-Empty", ""],
    ["X-Sum", "a=b"],
    ["X-List", "a, b=c"],
    ["Cookie", "AWSALB=1"],
    ["X-Tab", "x"],
  ]);
});

Deno.test("a header that the protocol or the signature owns is refused in any case", async () => {
  const names = "Host authorization X-Amz-Date x-amz-security-token " +
    "X-AMZ-Content-Sha256 Content-Length Content-Type Content-Encoding " +
    "Accept Transfer-Encoding Connection Keep-Alive Proxy-Authorization TE " +
    "Trailer Upgrade Expect Date Mcp-Session-Id MCP-Protocol-Version " +
    "Mcp-Method Mcp-Name Mcp-Param-City Last-Event-ID";
  for (const name of names.split(" ")) {
    for (const read of [pairs(`${name}=v`), lines(`${name}: v`)]) {
      const { headers, faults } = await read;
      assertEquals(headers, [], name);
      assertEquals(faults.length, 1, name);
      assertStringIncludes(faults[0], `header ${name} belongs to`);
    }
  }
});

Deno.test("headers that merely resemble owned ones are sent", async () => {
  const { headers, faults } = await lines(
    "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: s",
    "X-Host: h",
    "Mcp-Parameter: p",
    "User-Agent: u",
  );
  assertEquals(faults, []);
  assertEquals(headers.length, 4);
});

for (
  const [what, said, entries] of [
    [
      "a value with a control character",
      "header X-A has a control character",
      ["a\rb", "a\nb", "a\r\nX-Evil: 1", "a\0b", "a\x7fb", "a\tb", "a\n"]
        .map((value) => `X-A: ${value}`),
    ],
    [
      "a value beyond ASCII",
      "header X-A has a character beyond ASCII",
      ["X-A: caf\u00e9", "X-A: \u{1f600}", "X-A: a\u2028b"],
    ],
    [
      "a name that is no token",
      "a name that no header can have",
      ["X A: 1", "X\nA: 1", "(x): 1", "\u00e9: 1", "X\r\nEvil: 1"],
    ],
  ] as const
) {
  Deno.test(`${what} gets into no header`, async () => {
    for (const line of entries) {
      const { headers, faults } = await lines(line);
      assertEquals(headers, [], line);
      assertStringIncludes(faults[0], said);
    }
  });
}

Deno.test("an entry that is not of the form is named by its place", async () => {
  const { faults } = await pairs("X-A=1,hunter2,,=x,X-B=2");
  assertEquals(faults.length, 3);
  assertStringIncludes(faults[0], "entry 2 of MCP_HEADERS must be name=value");
  assertStringIncludes(faults[1], "entry 3 of MCP_HEADERS");
  assertStringIncludes(faults[2], "entry 4 of MCP_HEADERS");
  assertStringIncludes(
    (await lines("no colon")).faults[0],
    '--header must be "Name: ',
  );
  assertStringIncludes(
    (await lines("X-A: 1", "no colon")).faults[0],
    "--header number 2 must be",
  );
});

Deno.test("every fault says how to fix it and none shows a value", async () => {
  const { faults } = await read({
    pairs: "hunter2,Host=hunter2,X-A=hunter2\u00e9",
    lines: ["hunter2", "hunter2 x: hunter2", "X-B: hunter2\n", "Host: hunter2"],
  });
  assertEquals(faults.length, 7);
  for (const fault of faults) {
    assertStringIncludes(fault, "(set --header, --headers or MCP_HEADERS)");
    assertNotMatch(fault, /hunter2/);
  }
});

Deno.test("a header given twice is refused, in any case of letters", async () => {
  for (
    const given of [
      { pairs: "X-A=1,x-a=2" },
      { lines: ["X-A: 1", "x-a: 2"] },
      { pairs: "X-A=1", lines: ["x-a: 2"] },
    ]
  ) {
    const { faults } = await read(given);
    assertStringIncludes(faults[0], "header x-a is given twice");
  }
});

Deno.test("a --header takes the place of the one of that name in a variable", async () => {
  const { headers, faults } = await read({
    variables: ["MCP_HEADERS"],
    pairs: "X-A=1,X-B=2",
    lines: ["x-a: 3"],
  });
  assertEquals(faults, []);
  assertEquals(headers, [["x-a", "3"], ["X-B", "2"]]);
});

Deno.test("a value names variables, after the list is taken apart", async () => {
  const { headers, faults, variables, secrets } = await read({
    pairs: "X-A=a ${TEAM_KEY},X-B=$${TEAM_KEY}",
    lines: ["X-C: ${SPACED}"],
  });
  assertEquals(faults, []);
  assertEquals(headers, [
    ["X-A", "a k, 1=2"],
    ["X-B", "${TEAM_KEY}"],
    ["X-C", "spaced"],
  ]);
  assertEquals(variables, ["TEAM_KEY", "SPACED"]);
  assertEquals(secrets, ["k, 1=2", "spaced"]);
});

Deno.test("a fault of a variable names the header, its place and the variable, and no value", async () => {
  const { headers, faults } = await read({
    variables: ["MCP_HEADERS"],
    pairs: "X-A=${ABSENT},X-B=${AWS_SESSION_TOKEN}",
    lines: ["X-C: ${BROKEN}", "X-D: ${"],
  });
  assertEquals(headers, []);
  assertEquals(faults.length, 4);
  assertStringIncludes(
    faults[0],
    "header X-A (entry 1 of MCP_HEADERS) names ABSENT, which is not set",
  );
  assertStringIncludes(
    faults[1],
    "header X-B (entry 2 of MCP_HEADERS) names AWS_SESSION_TOKEN, a secret",
  );
  assertStringIncludes(faults[2], "header X-C has a control character");
  assertStringIncludes(
    faults[3],
    "header X-D (--header number 2) has a ${ without",
  );
  for (const fault of faults) assertNotMatch(fault, /hunter2/);
});

Deno.test("a line of a file is a header, and a secret; its faults name the line", async () => {
  const { headers, faults, secrets } = await read({
    file: [
      "X-A: hunter2",
      "hunter2",
      "Host: hunter2",
      "X-B: hunter2\r3",
      "x-a: hunter3",
      "X-C: ${ABSENT}",
    ].join("\n"),
  });
  assertEquals(headers, [["x-a", "hunter3"]]);
  assertEquals(secrets, ["hunter3"]);
  const parts = [
    "line 2 of 'headers' must be \"Name: value\"",
    "header Host (line 3 of 'headers') belongs to",
    "header x-a (line 5 of 'headers') is given twice",
    "the value of header X-B (line 4 of 'headers') has a control character",
    "header X-C (line 6 of 'headers') names ABSENT",
  ];
  for (const [index, part] of parts.entries()) {
    assertStringIncludes(faults[index], part);
    assertNotMatch(faults[index], /hunter/);
  }
  for (const fault of faults.slice(0, 4)) {
    assertStringIncludes(fault, "(set --header-file or MCP_HEADER_FILE)");
  }
});

Deno.test("of flag, variable and file the flag wins, wherever it stands", async () => {
  const from = (...variables: NonNullable<Given["variables"]>) =>
    read({ pairs: "X-A=pairs", file: "X-A: file", variables });
  const flagged = await from("MCP_HEADER_FILE");
  assertEquals(flagged.headers, [["X-A", "pairs"]]);
  assertEquals([flagged.faults, flagged.secrets], [[], []]);
  assertEquals((await from("MCP_HEADERS")).headers, [["X-A", "file"]]);
  for (
    const { faults } of [
      await from(),
      await from("MCP_HEADERS", "MCP_HEADER_FILE"),
    ]
  ) assertStringIncludes(faults[0], "header X-A");
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
