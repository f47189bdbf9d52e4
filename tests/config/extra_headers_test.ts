import {
  assertEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { readExtraHeaders } from "../../src/config/extra_headers.ts";

const ENV: Record<string, string> = {
  TEAM_KEY: "k, 1=2",
  SPACED: " spaced\t",
  BROKEN: "hunter2\n",
};

function env(name: string): string | undefined {
  return ENV[name];
}

function pairs(text: string, source = "MCP_HEADERS") {
  return readExtraHeaders({ pairs: { text, source }, lines: [], env });
}

function lines(...lines: string[]) {
  return readExtraHeaders({ lines, env });
}

function fileLines(...texts: string[]) {
  return texts.map((text, index) => ({
    text,
    place: `line ${index + 1} of 'headers'`,
  }));
}

Deno.test("headers are read from pairs and from lines, in order", () => {
  const { headers, faults } = readExtraHeaders({
    pairs: { text: "X-Team=blue, X-Empty=,X-Sum=a=b", source: "--headers" },
    lines: ["X-List: a, b=c", "Cookie: AWSALB=1", "X-Tab:\tx\t"],
    env,
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

Deno.test("a header that the protocol or the signature owns is refused in any case", () => {
  const names = [
    "Host",
    "authorization",
    "X-Amz-Date",
    "x-amz-security-token",
    "X-AMZ-Content-Sha256",
    "Content-Length",
    "Content-Type",
    "Content-Encoding",
    "Accept",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Upgrade",
    "Expect",
    "Date",
    "Mcp-Session-Id",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Param-City",
    "Last-Event-ID",
  ];
  for (const name of names) {
    for (
      const { headers, faults } of [pairs(`${name}=v`), lines(`${name}: v`)]
    ) {
      assertEquals(headers, [], name);
      assertEquals(faults.length, 1, name);
      assertStringIncludes(faults[0], `header ${name} belongs to`);
    }
  }
});

Deno.test("headers that merely resemble owned ones are sent", () => {
  const { headers, faults } = lines(
    "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: s",
    "X-Host: h",
    "Mcp-Parameter: p",
    "User-Agent: u",
  );
  assertEquals(faults, []);
  assertEquals(headers.length, 4);
});

Deno.test("no control character and nothing beyond ASCII gets into a header", () => {
  for (
    const value of [
      "a\rb",
      "a\nb",
      "a\r\nX-Evil: 1",
      "a\0b",
      "a\x7fb",
      "a\tb",
      "a\n",
    ]
  ) {
    const { headers, faults } = lines(`X-A: ${value}`);
    assertEquals(headers, []);
    assertStringIncludes(faults[0], "header X-A has a control character");
  }
  for (const value of ["caf\u00e9", "\u{1f600}", "a\u2028b"]) {
    const { headers, faults } = lines(`X-A: ${value}`);
    assertEquals(headers, []);
    assertStringIncludes(faults[0], "header X-A has a character beyond ASCII");
  }
});

Deno.test("a name that is no token is refused", () => {
  for (
    const line of ["X A: 1", "X\nA: 1", "(x): 1", "\u00e9: 1", "X\r\nEvil: 1"]
  ) {
    const { headers, faults } = lines(line);
    assertEquals(headers, [], line);
    assertStringIncludes(faults[0], "a name that no header can have");
  }
});

Deno.test("an entry that is not of the form is named by its place", () => {
  const { faults } = pairs("X-A=1,hunter2,,=x,X-B=2");
  assertEquals(faults.length, 3);
  assertStringIncludes(faults[0], "entry 2 of MCP_HEADERS must be name=value");
  assertStringIncludes(faults[1], "entry 3 of MCP_HEADERS");
  assertStringIncludes(faults[2], "entry 4 of MCP_HEADERS");
  assertStringIncludes(lines("no colon").faults[0], '--header must be "Name: ');
  assertStringIncludes(
    lines("X-A: 1", "no colon").faults[0],
    "--header number 2 must be",
  );
});

Deno.test("every fault says how to mend it and none shows a value", () => {
  const { faults } = readExtraHeaders({
    pairs: {
      text: "hunter2,Host=hunter2,X-A=hunter2\u00e9",
      source: "--headers",
    },
    lines: ["hunter2", "hunter2 x: hunter2", "X-B: hunter2\n", "Host: hunter2"],
    env,
  });
  assertEquals(faults.length, 7);
  for (const fault of faults) {
    assertStringIncludes(fault, "(set --header, --headers or MCP_HEADERS)");
    assertNotMatch(fault, /hunter2/);
  }
});

Deno.test("a header given twice is refused, in any case of letters", () => {
  assertStringIncludes(
    pairs("X-A=1,x-a=2").faults[0],
    "header x-a is given twice",
  );
  assertStringIncludes(lines("X-A: 1", "X-a: 2").faults[0], "given twice");
  const both = readExtraHeaders({
    pairs: { text: "X-A=1", source: "--headers" },
    lines: ["X-A: 2"],
    env,
  });
  assertStringIncludes(both.faults[0], "given twice");
});

Deno.test("a --header takes the place of the one of that name in a variable", () => {
  const { headers, faults } = readExtraHeaders({
    pairs: { text: "X-A=1,X-B=2", source: "MCP_HEADERS" },
    lines: ["x-a: 3"],
    env,
  });
  assertEquals(faults, []);
  assertEquals(headers, [["x-a", "3"], ["X-B", "2"]]);
});

Deno.test("a value names variables, after the list is taken apart", () => {
  const { headers, faults, variables, secrets } = readExtraHeaders({
    pairs: { text: "X-A=a ${TEAM_KEY},X-B=$${TEAM_KEY}", source: "--headers" },
    lines: ["X-C: ${SPACED}"],
    env,
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

Deno.test("a fault of a variable names the header, its place and the variable, and no value", () => {
  const { headers, faults } = readExtraHeaders({
    pairs: {
      text: "X-A=${ABSENT},X-B=${AWS_SESSION_TOKEN}",
      source: "MCP_HEADERS",
    },
    lines: ["X-C: ${BROKEN}", "X-D: ${"],
    env,
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

Deno.test("a line of a file is a header, and a secret; its faults name the line", () => {
  const { headers, faults, secrets } = readExtraHeaders({
    lines: [],
    file: {
      lines: fileLines(
        "X-A: hunter2",
        "hunter2",
        "Host: hunter2",
        "X-B: hunter2\r3",
        "x-a: hunter3",
        "X-C: ${ABSENT}",
      ),
      source: "--header-file",
    },
    env,
  });
  assertEquals(headers, [["x-a", "hunter3"]]);
  assertEquals(secrets, ["hunter3"]);
  const parts = [
    "line 2 of 'headers' must be \"Name: value\"",
    "header Host (line 3 of 'headers') belongs to",
    "the value of header X-B (line 4 of 'headers') has a control character",
    "header x-a (line 5 of 'headers') is given twice",
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

Deno.test("of flag, variable and file the flag wins, wherever it stands", () => {
  const from = (pairsFrom: string, fileFrom: string) =>
    readExtraHeaders({
      pairs: { text: "X-A=pairs", source: pairsFrom },
      lines: [],
      file: { lines: fileLines("X-A: file"), source: fileFrom },
      env,
    });
  const flagged = from("--headers", "MCP_HEADER_FILE");
  assertEquals(flagged.headers, [["X-A", "pairs"]]);
  assertEquals([flagged.faults, flagged.secrets], [[], []]);
  assertEquals(from("MCP_HEADERS", "--header-file").headers, [["X-A", "file"]]);
  for (
    const { faults } of [
      from("--headers", "--header-file"),
      from("MCP_HEADERS", "MCP_HEADER_FILE"),
    ]
  ) assertStringIncludes(faults[0], "header X-A");
});
