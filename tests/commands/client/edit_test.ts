import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { EditError, putEntry } from "../../../src/commands/client/edit.ts";
import { JSONC } from "../../../src/commands/client/jsonc.ts";
import { YAML } from "../../../src/commands/client/yaml.ts";
import { ENTRY, put } from "./edits.ts";

for (const language of [JSONC, YAML]) {
  const name = language === JSONC ? "JSON" : "YAML";
  Deno.test(`${name}: what an entry of the name loses is told with it`, () => {
    const request = {
      text: '{ "mcpServers": { "aws": { "command": "other", "cwd": "/" } } }',
      container: "mcpServers",
      name: "aws",
      entry: ENTRY,
    };
    const { kind, before, lost } = putEntry(language, request);
    assertEquals([kind, lost], ["updated", ["another command"]]);
    assertEquals(before, { command: "other", cwd: "/" });
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

/** The comments of a text, in order. */
function commentsIn(text: string): string[] {
  return [...text.matchAll(/#[^\r\n]*/g)].map(([comment]) => comment);
}

for (const eol of ["\n", "\r\n"]) {
  Deno.test(`YAML: comments, order, numbers and other extensions stay as they are, with lines that end in ${JSON.stringify(eol)}`, () => {
    const before = `# goose
GOOSE_MODE: smart_approve   # ask
extensions:   # all of them
    developer:
        flow: {a: [x, 'y']}   # one
        id: 12345678901234567890
        text: |
          kept
            as it is

        long: ${"word ".repeat(40)}end
    # the end of the extensions

slash_commands: []
# the end
`.replaceAll("\n", eol);
    const after = put(YAML, before, { container: "extensions" });
    assertEquals(commentsIn(after), commentsIn(before));
    const ends = new Set(after.match(/\r*\n/g));
    assertEquals([...ends], [eol]);
    const { extensions, ...others } = parseYaml(after, { intAsBigInt: true });
    const old = parseYaml(before, { intAsBigInt: true });
    assertEquals(extensions, { ...old.extensions, aws: ENTRY });
    assertEquals(others, {
      GOOSE_MODE: old.GOOSE_MODE,
      slash_commands: [],
    });
    assertEquals(Object.keys(extensions), ["developer", "aws"]);
    const lines = after.split(eol);
    for (
      const line of [
        "        flow: {a: [x, 'y']} # one",
        "        id: 12345678901234567890",
        `        long: ${"word ".repeat(40)}end`,
        "    aws:",
        "        command: /bin/deno",
      ]
    ) {
      assertEquals(lines.includes(line), true, line);
    }
  });
}

for (
  const env of [
    '{"AWS_PROFILE": "one"}',
    '{ "AWS_PROFILE": "one", }',
    '{\n  "AWS_PROFILE": "one"\n}',
    '{"AWS_PROFILE":"one","B":"b"}',
    '{ "A": "a", "AWS_PROFILE": "one" }',
    '{ "A": "a", "AWS_PROFILE": "one", "B": "b" }',
    '{\r\n  "A": "a", // a\r\n  "AWS_PROFILE": "one"\r\n}',
    '{\n  "A": "a", // a, and a\n  "AWS_PROFILE": "one",\n}',
    '{"AWS_PROFILE": "one" /* , */ , "B": "b"}',
  ]
) {
  Deno.test(`JSON: of ${JSON.stringify(env)} no more goes than the profile`, () => {
    const head = '{ // all\n "mcpServers": { "aws": { "command": "c", "env": ';
    const tail = ' }, "z": {} } } // end\n';
    const after = put(JSONC, head + env + tail, {
      entry: { command: "c" },
      staleVariables: ["AWS_PROFILE"],
    });
    assertEquals(after.startsWith(head) && after.endsWith(tail), true, after);
    const left = Object.fromEntries(
      [["A", "a"], ["B", "b"]].filter(([name]) => env.includes(`"${name}"`)),
    );
    assertEquals(
      JSON.parse(
        after.replaceAll(/\/\/.*|\/\*.*?\*\//g, "").replaceAll(/,\s*\}/g, "}"),
      )
        .mcpServers.aws.env,
      left,
    );
  });
}

for (
  const [env, after] of [
    [" {AWS_PROFILE: one}\n", " {}\n"],
    [" {AWS_PROFILE: one, B: b} # c\n", " {B: b} # c\n"],
    ["\n        AWS_PROFILE: one\n", " {}\n"],
    [
      "\n        A: a # a\n        AWS_PROFILE: |\n          one\n        B: b # b\n",
      "\n        A: a # a\n        B: b # b\n",
    ],
  ]
) {
  Deno.test(`YAML: of ${JSON.stringify(env)} no more goes than the profile`, () => {
    const head = "mcpServers:\n    aws:\n        command: c\n        env:";
    const tail = "    z: {}\n";
    const indented = env.replaceAll("\n        ", "\n            ");
    const left = after.replaceAll("\n        ", "\n            ");
    assertEquals(
      put(YAML, head + indented + tail, {
        entry: { command: "c" },
        staleVariables: ["AWS_PROFILE"],
      }),
      head + left + tail,
    );
  });
}

Deno.test("a variable from before that the entry sets anew stays in it", () => {
  const before = '{"mcpServers":{"aws":{"command":"c","env":{"A":"old"}}}}';
  const after = put(JSONC, before, {
    entry: { command: "c", env: { A: "new" } },
    staleVariables: ["A"],
  });
  assertEquals(JSON.parse(after).mcpServers.aws.env, { A: "new" });
});

Deno.test("an entry that starts no program is replaced as a whole", () => {
  const entry = { url: "https://x.example/mcp", headers: { A: "b" } };
  for (const language of [JSONC, YAML]) {
    const before = JSON.stringify({ mcpServers: { z: entry, aws: entry } });
    const after = put(language, before, { defaults: { disabled: false } });
    assertEquals(parseYaml(after).mcpServers, {
      z: entry,
      aws: { ...ENTRY, disabled: false },
    });
  }
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
      ["extensions: text\n", '"extensions" in it is no object'],
      ["base: &x {a: {cmd: y}}\nextensions: *x\n", "no mapping of its own"],
      ["a: b\nextensions: *x\n", "it has an alias that cannot be followed"],
      [ALIAS_BOMB, "it has an alias that cannot be followed"],
      [
        `a: ${"[".repeat(20_000)}${"]".repeat(20_000)}\n`,
        "RESOURCE_EXHAUSTION",
      ],
      ["extensions: &x\n  a: {}\nother: *x\n", "cannot be added to safely"],
      [
        "extensions:\n  aws: {command: &x c}\n  b: {command: *x}\n",
        "an alias in it is of what would be replaced",
      ],
      [
        "x: &x {A: b}\nextensions: {aws: {command: c, env: *x}}\n",
        '"env" in it is no mapping of its own',
      ],
    ]
  ) {
    const error = assertThrows(
      () =>
        put(YAML, text, {
          container: "extensions",
          entry: { ...ENTRY, env: { B: "b" } },
        }),
      EditError,
    );
    assertStringIncludes(error.message, words);
  }
});
