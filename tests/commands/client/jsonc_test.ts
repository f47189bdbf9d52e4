import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { EditError } from "../../../src/commands/client/edit.ts";
import { JSONC } from "../../../src/commands/client/jsonc.ts";
import { ENTRY, put } from "./edits.ts";

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
		"aws": {
			"command": "/bin/deno",
			"args": [
				"run",
				"x"
			]
		}
		// the end
	},`,
    ),
  );
});

Deno.test("JSON: what was not there is made, in the file's own manner", () => {
  const entry = { command: "c" };
  for (
    const [before, after] of [
      [
        "",
        '{\n  "mcpServers": {\n    "aws": {\n      "command": "c"\n    }\n  }\n}\n',
      ],
      [
        '{\r\n    "mcpServers": {}\r\n}\r\n',
        '{\r\n    "mcpServers": {\r\n        "aws": {\r\n            "command": "c"\r\n        }\r\n    }\r\n}\r\n',
      ],
      [
        '{\n  "mcpServers": {\n    "a": 1,\n  },\n}\n',
        '{\n  "mcpServers": {\n    "a": 1,\n    "aws": {\n      "command": "c"\n    },\n  },\n}\n',
      ],
      [
        '{\r\n\t"mcpServers": {\r\n\t\t"a": 1, // one\r\n\t},\r\n}\r\n',
        '{\r\n\t"mcpServers": {\r\n\t\t"a": 1, // one\r\n\t\t"aws": {\r\n\t\t\t"command": "c"\r\n\t\t},\r\n\t},\r\n}\r\n',
      ],
      [
        '{ "a": 1 // one\r\n}',
        '{ "a": 1, // one\r\n  "mcpServers": {\r\n    "aws": {\r\n      "command": "c"\r\n    }\r\n  }\r\n}',
      ],
      [
        "// no\r\n",
        '// no\r\n{\r\n  "mcpServers": {\r\n    "aws": {\r\n      "command": "c"\r\n    }\r\n  }\r\n}\r\n',
      ],
      [
        "// nothing yet",
        '// nothing yet\n{\n  "mcpServers": {\n    "aws": {\n      "command": "c"\n    }\n  }\n}\n',
      ],
    ]
  ) {
    assertEquals(put(JSONC, before, { entry }), after);
  }
  for (const before of ["{}", '{"a":1}', '{"mcpServers":null}']) {
    const after = put(JSONC, before, { entry });
    assertEquals(JSON.parse(after), {
      ...JSON.parse(before),
      mcpServers: { aws: entry },
    });
  }
});

Deno.test("JSON: an own entry is brought up to date, and what others put into it stays", () => {
  const before = `{
  "mcpServers": {
    "aws": {
      // mine
      "command": "/old/deno",
      "args": ["run", "x"], // mine, too
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
      ['{ "mcpServers": {}, "mcpServers": {} }', "cannot be added to safely"],
      ["key: value", "it is no JSON"],
      [`{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, "nested too deeply"],
    ]
  ) {
    const error = assertThrows(() => put(JSONC, text), EditError);
    assertStringIncludes(error.message, words);
  }
});
