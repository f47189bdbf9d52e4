import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  EditError,
  type EditRequest,
  type FileLanguage,
  putEntry,
} from "../../../src/commands/client/edit.ts";
import { JSONC } from "../../../src/commands/client/jsonc_language.ts";
import { YAML } from "../../../src/commands/client/yaml_language.ts";

const ENTRY = { command: "/bin/deno", args: ["run", "x"] };

function put(
  language: FileLanguage,
  text: string,
  changes: Partial<EditRequest> = {},
): string {
  const request = {
    text,
    container: "mcpServers",
    name: "aws",
    entry: ENTRY,
    approve: () => {},
    ...changes,
  };
  const edited = putEntry(language, request);
  const again = putEntry(language, { ...request, text: edited.text });
  assertEquals(again.kind, "unchanged");
  return edited.text;
}

/** Every line of the one text is in the other, in order. */
function assertKeeps(before: string, after: string): void {
  const lines = after.split("\n");
  let place = 0;
  for (const line of before.split("\n")) {
    const found = lines.findIndex((other, i) =>
      i >= place && (other === line || other === `${line},`)
    );
    assertEquals(found >= 0, true, `lost: ${JSON.stringify(line)}`);
    place = found + 1;
  }
}

Deno.test("JSON: comments, order, tabs and other servers stay as they are", () => {
  const before = `// top
{
	"$schema": "x", // the schema
	/* servers */
	"mcpServers": {
		"b": { "command": "b" }, // second
		"a": {
			"command": "a", // first
			"args": [1.50, 12345678901234567890]
		} // of a
		// the end
	},
	"z": 1
}
// bottom
`;
  const after = put(JSONC, before);
  assertEquals(
    after,
    before.replace(
      `		} // of a
		// the end
	},`,
      `		}, // of a
		// the end
		"aws": {
			"command": "/bin/deno",
			"args": [
				"run",
				"x"
			]
		}
	},`,
    ),
  );
});

Deno.test("JSON: what was not there is made, in the file's own manner", () => {
  const entry = { command: "c" };
  const cases: [string, string][] = [
    [
      "",
      '{\n  "mcpServers": {\n    "aws": {\n      "command": "c"\n    }\n  }\n}\n',
    ],
    [
      "{}",
      '{\n  "mcpServers": {\n    "aws": {\n      "command": "c"\n    }\n  }\n}',
    ],
    ['{"a":1}', '{"a":1, "mcpServers": {"aws":{"command":"c"}}}'],
    [
      '{\r\n    "mcpServers": {}\r\n}\r\n',
      '{\r\n    "mcpServers": {\r\n        "aws": {\r\n            "command": "c"\r\n        }\r\n    }\r\n}\r\n',
    ],
    [
      '{\n  "mcpServers": {\n    "a": 1,\n  },\n}\n',
      '{\n  "mcpServers": {\n    "a": 1,\n    "aws": {\n      "command": "c"\n    },\n  },\n}\n',
    ],
    [
      "// nothing yet\n",
      '// nothing yet\n{\n  "mcpServers": {\n    "aws": {\n      "command": "c"\n    }\n  }\n}\n',
    ],
  ];
  for (const [before, after] of cases) {
    assertEquals(put(JSONC, before, { entry }), after);
  }
});

Deno.test("JSON: an own entry is brought up to date, and what others put into it stays", () => {
  const before = `{
  "mcpServers": {
    "aws": {
      // mine
      "command": "/old/deno",
      "args": ["run", "x"],
      "env": { "AWS_PROFILE": "old", "EXTRA": "1" },
      "disabled": true
    }
  }
}
`;
  const after = put(JSONC, before, {
    entry: { ...ENTRY, env: { AWS_PROFILE: "new" } },
  });
  assertEquals(
    after,
    before.replace("/old/deno", "/bin/deno").replace('"old"', '"new"'),
  );
});

Deno.test("JSON: what cannot be understood, or would be harmed, is refused with its place", () => {
  for (
    const [text, words] of [
      ['{ "mcpServers": { ', "it is no JSON at line 1"],
      ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3"],
      ["[]", "something else than named settings"],
      ['"text"', "something else than named settings"],
      ['{ "mcpServers": [] }', '"mcpServers" in it is no object'],
      ['{ "mcpServers": {}, "mcpServers": {} }', "stands in it 2 times"],
      ["key: value", "it is no JSON"],
      [`{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, "nested too deeply"],
    ]
  ) {
    const error = assertThrows(() => put(JSONC, text), EditError);
    assertStringIncludes(error.message, words);
  }
});

for (const language of [JSONC, YAML]) {
  const name = language === JSONC ? "JSON" : "YAML";
  Deno.test(`${name}: an entry of the same name that is not to be changed is left alone`, () => {
    const error = assertThrows(
      () =>
        put(language, '{ "mcpServers": { "aws": { "command": "other" } } }', {
          approve: () => {
            throw new EditError("it stays");
          },
        }),
      EditError,
    );
    assertStringIncludes(error.message, "it stays");
  });

  Deno.test(`${name}: names that JavaScript knows are names like others`, () => {
    for (const odd of ["__proto__", "constructor", "toString"]) {
      const text = put(language, '{ "mcpServers": { "a": {} } }', {
        name: odd,
      });
      assertStringIncludes(text, odd);
    }
  });
}

Deno.test("YAML: comments, order, indentation and other extensions stay as they are", () => {
  const before = `# goose
GOOSE_MODE: smart_approve   # ask
extensions:   # all of them
    developer:
        args:
        - a   # one
        - 'b'
        text: |
          kept
            as it is

        enabled: true
    # the end of the extensions

slash_commands: []
`;
  const after = put(YAML, before, { container: "extensions" });
  assertKeeps(before, after);
  assertStringIncludes(
    after,
    `        enabled: true
    aws:
      command: /bin/deno
      args:
        - run
        - x
    # the end of the extensions
`,
  );
});

Deno.test("YAML: a comment on the last extension stays above the new one, and one on them all below it", () => {
  const before = `extensions:
  developer:
    enabled: true

    # timeout: 900  (for dev)
      # further in

  # the end of the extensions
z: 1
`;
  assertEquals(
    put(YAML, before, { container: "extensions", entry: { cmd: "c" } }),
    before.replace("further in\n", "further in\n  aws:\n    cmd: c\n"),
  );
  const crlf = before.replaceAll("\n", "\r\n");
  assertEquals(
    put(YAML, crlf, { container: "extensions", entry: { cmd: "c" } }),
    crlf.replace("further in\r\n", "further in\r\n  aws:\r\n    cmd: c\r\n"),
  );
});

Deno.test("YAML: what was not there is made, in the file's own manner", () => {
  const entry = { cmd: "c", word: "yes" };
  const cases: [string, string][] = [
    ["", 'extensions:\n  aws:\n    cmd: c\n    word: "yes"\n'],
    ["a: 1", 'a: 1\nextensions:\n  aws:\n    cmd: c\n    word: "yes"\n'],
    [
      "extensions: {} # none\nz: 1\n",
      'extensions: # none\n  aws:\n    cmd: c\n    word: "yes"\nz: 1\n',
    ],
    [
      "extensions:\nz: 1\n",
      'extensions:\n  aws:\n    cmd: c\n    word: "yes"\nz: 1\n',
    ],
    [
      "extensions: {a: {cmd: x}}\n",
      'extensions: {a: {cmd: x}, "aws":{"cmd":"c","word":"yes"}}\n',
    ],
    [
      "{extensions: {}, z: 1}\n",
      '{extensions: {"aws":{"cmd":"c","word":"yes"}}, z: 1}\n',
    ],
    [
      "a: 1\r\nextensions:\r\n  b:\r\n    cmd: x\r\n",
      'a: 1\r\nextensions:\r\n  b:\r\n    cmd: x\r\n  aws:\r\n    cmd: c\r\n    word: "yes"\r\n',
    ],
  ];
  for (const [before, after] of cases) {
    assertEquals(put(YAML, before, { container: "extensions", entry }), after);
  }
});

Deno.test("YAML: an own entry is brought up to date, and what others put into it stays", () => {
  const before = `extensions:
  aws:
    # mine
    command: /old/deno   # the program
    args:
    - run
    - x
    timeout: 900
`;
  assertEquals(
    put(YAML, before, { container: "extensions" }),
    before.replace("/old/deno", "/bin/deno"),
  );
});

/** What becomes of an `env` when AWS_PROFILE has to go. */
function withoutProfile(
  language: FileLanguage,
  env: string,
  before = "",
): string {
  const text = before + env;
  return put(language, text, {
    entry: { command: "c" },
    gone: [["env", "AWS_PROFILE"]],
  }).slice(before.length);
}

for (
  const [env, after] of [
    ['{"AWS_PROFILE": "one"}', "{}"],
    ['{ "AWS_PROFILE": "one", }', "{}"],
    ['{\n  "AWS_PROFILE": "one"\n}', "{}"],
    ['{"AWS_PROFILE":"one","B":"b"}', '{"B":"b"}'],
    ['{ "AWS_PROFILE": "one", "B": "b" }', '{ "B": "b" }'],
    ['{ "A": "a", "AWS_PROFILE": "one" }', '{ "A": "a" }'],
    ['{ "A": "a", "AWS_PROFILE": "one", "B": 1 }', '{ "A": "a", "B": 1 }'],
    [
      '{"AWS_PROFILE":"one", // for the gateway\n "B":"b"}',
      '{ // for the gateway\n "B":"b"}',
    ],
    [
      '{\n  // who\n  "AWS_PROFILE": "one", // for the gateway\n  "B": "b" // b\n}',
      '{\n  // who\n  // for the gateway\n  "B": "b" // b\n}',
    ],
    [
      '{\r\n  "A": "a", // a\r\n  "AWS_PROFILE": "one"\r\n}',
      '{\r\n  "A": "a" // a\r\n}',
    ],
    [
      '{\n  "A": "a", // a, and a\n  "AWS_PROFILE": "one",\n}',
      '{\n  "A": "a", // a, and a\n}',
    ],
    ['{"AWS_PROFILE": "one" /* , */ , "B": 1}', '{ /* , */ "B": 1}'],
    ['{ // none other\n"AWS_PROFILE": "one"\n}', "{ // none other\n}"],
  ]
) {
  Deno.test(`JSON: of ${JSON.stringify(env)} no more goes than the profile`, () => {
    const before = '{ "mcpServers": { "aws": { "command": "c", "env": ';
    const tail = ' }, "z": {} } } // end\n';
    assertEquals(withoutProfile(JSONC, env + tail, before), after + tail);
  });
}

for (
  const [env, after] of [
    [" {AWS_PROFILE: one}\n", " {}\n"],
    [" {AWS_PROFILE: one, B: b} # c\n", " {B: b} # c\n"],
    [" { A: a, AWS_PROFILE: one }\n", " { A: a }\n"],
    ["\n        AWS_PROFILE: one\n", " {}\n"],
    [
      " # all\n        AWS_PROFILE: one # for the gateway\n",
      " {} # all\n        # for the gateway\n",
    ],
    [
      "\n        # who\n        AWS_PROFILE: 'one'   # for the gateway\n        B: b  # b\n",
      "\n        # who\n        # for the gateway\n        B: b  # b\n",
    ],
    [
      "\r\n        A: a\r\n        AWS_PROFILE: one\r\n      # end\r\n",
      "\r\n        A: a\r\n      # end\r\n",
    ],
    [
      "\n        AWS_PROFILE: |\n          one\n\n        B: b\n",
      "\n\n        B: b\n",
    ],
  ]
) {
  Deno.test(`YAML: of ${JSON.stringify(env)} no more goes than the profile`, () => {
    const before = "mcpServers:\n    aws:\n      command: c\n      env:";
    for (const tail of ["", "    z: {}\n# end\n"]) {
      assertEquals(withoutProfile(YAML, env + tail, before), after + tail);
    }
  });
}

Deno.test("YAML: a value is written as the one before it was", () => {
  const before = `mcpServers:
  aws:
    command: 'it''s'
    args:   # all
      # of Deno
      - run   # runs
      - "x"
    a: [run, x]   # one
    b: "x"
    c: |
      x
    d: x
  z: {command: x, args: [x]}
`;
  const entry = {
    command: "it's C",
    args: ["run", "yes", "--a=b,c"],
    a: ["1"],
    b: "y",
    c: "z",
    d: "[yes]",
  };
  assertEquals(
    put(YAML, before, { entry }),
    before.replace("'it''s'", "'it''s C'")
      .replace("- run   # runs", "- run")
      .replace('- "x"', '- "yes"\n      - --a=b,c')
      .replace("[run, x]", '["1"]')
      .replace('b: "x"', 'b: "y"')
      .replace("|\n      x", '"z"')
      .replace("d: x", 'd: "[yes]"'),
  );
});

Deno.test("JSON: arguments on one line stay on one line", () => {
  const before = '{"mcpServers":{\n"aws":{"command":"c","args":["a", "b"]}}}';
  assertEquals(
    put(JSONC, before),
    before.replace('"c"', '"/bin/deno"').replace('"a", "b"', '"run", "x"'),
  );
});

/** Ten times ten times ten…: a few lines that say far too much. */
const ALIAS_BOMB = "a0: &a0 x\n" + Array.from(
  { length: 9 },
  (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(", ")}]\n`,
).join("");

Deno.test("YAML: what cannot be understood, or would be harmed, is refused", () => {
  for (
    const [text, words] of [
      ["a: [", "it is no YAML at line"],
      ["a: 1\na: 2\n", "DUPLICATE_KEY"],
      ["a: 1\n---\nb: 2\n", "MULTIPLE_DOCS"],
      ["- a\n", "something else than named settings"],
      ["extensions: text\n", "no mapping of its own"],
      ["base: &x {a: {cmd: y}}\nextensions: *x\n", "no mapping of its own"],
      ["a: b\nextensions: *x\n", "it has an alias that cannot be followed"],
      [ALIAS_BOMB, "it has an alias that cannot be followed"],
      [
        `a: ${"[".repeat(20_000)}${"]".repeat(20_000)}\n`,
        "RESOURCE_EXHAUSTION",
      ],
      ["extensions: &x\n  a: {}\nother: *x\n", "cannot be added to safely"],
    ]
  ) {
    const error = assertThrows(
      () => put(YAML, text, { container: "extensions" }),
      EditError,
    );
    assertStringIncludes(error.message, words);
  }
});

Deno.test("a banner in a comment holds nothing up, however long it is", () => {
  // As one expression, it was tried as one comment, and as all its parts.
  for (
    const [language, before, sign] of [
      [JSONC, '{ "mcpServers": { "aws": { "command": "c", "env": ', "/"],
      [JSONC, '{ "mcpServers": { "aws": { "command": "c", "env": ', "// "],
      [JSONC, '{ "mcpServers": { "aws": { "command": "c", "env": ', "/* */ "],
      [YAML, "mcpServers:\n  aws: {command: c, env: ", "#"],
      [YAML, "mcpServers:\n  aws: {command: c, env: ", "# "],
    ] as const
  ) {
    const banner = sign.repeat(80);
    const env = `{\n    "A": "a",\n    "AWS_PROFILE": "one" ${banner}\n    }`;
    const tail = language === YAML ? " }\n" : " } } }\n";
    const text = withoutProfile(language, env + tail, before);
    assertEquals([text.includes(banner), text.includes("one")], [true, false]);
  }
});
