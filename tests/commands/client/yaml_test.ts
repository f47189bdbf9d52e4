import { assertEquals, assertStringIncludes } from "@std/assert";
import { YAML } from "../../../src/commands/client/yaml.ts";
import { put } from "./edits.ts";

Deno.test("YAML: lists stand below their keys, or further in, as they did", () => {
  for (const indent of ["", "  "]) {
    const before = `extensions:\n  a:\n    args:\n    ${indent}- b\n`;
    assertEquals(
      put(YAML, before, { container: "extensions" }),
      `${before}  aws:\n    command: /bin/deno\n    args:\n` +
        `    ${indent}- run\n    ${indent}- x\n`,
    );
  }
});

Deno.test("YAML: a list that comes first does not say how far in the rest stands", () => {
  for (
    const before of [
      "x:\n  - a: 1\n    b: 2\nextensions:\n  c:\n    cmd: x\n",
      "x:\n    # none\n    - a: 1\n      b: 2\nextensions: # all\n  c:\n    cmd: x\n",
    ]
  ) {
    const entry = { cmd: "c" };
    const after = put(YAML, before, { container: "extensions", entry });
    assertStringIncludes(after, "\n  c:\n    cmd: x\n  aws:\n    cmd: c\n");
  }
});

Deno.test("YAML: what was not there is made, in the file's own manner", () => {
  const entry = { cmd: "c", word: "yes" };
  const made = 'extensions:\n  aws:\n    cmd: c\n    word: "yes"\n';
  for (
    const [before, after] of [
      ["", made],
      ["~\n", made],
      ["{}\n", made],
      ["# none\n", `# none\n\n${made}`],
      ["a: 1", `a: 1\n${made}`],
      ["extensions: {}\nz: 1\n", `${made}z: 1\n`],
      ["extensions:\nz: 1\n", `${made}z: 1\n`],
      [
        "extensions: {a: {cmd: x}}\n",
        'extensions: {a: {cmd: x}, aws: {cmd: c, word: "yes"}}\n',
      ],
      [
        "a: 1\r\nextensions:\r\n  b:\r\n    cmd: x\r\n",
        'a: 1\r\nextensions:\r\n  b:\r\n    cmd: x\r\n  aws:\r\n    cmd: c\r\n    word: "yes"\r\n',
      ],
    ]
  ) {
    assertEquals(put(YAML, before, { container: "extensions", entry }), after);
  }
});

Deno.test("YAML: numbers and words are written as they were, and what is new in quotes where it is none", () => {
  const before = "a: [0755, 007, 0x1F, +1, -0, 1_000, 0.10, 1E+3, Null]\n" +
    "123: yes\nextensions:\n  b: 08\n";
  for (const name of ["123", "null", "on", "1e3"]) {
    assertEquals(
      put(YAML, before, {
        container: "extensions",
        name,
        entry: { cmd: "010" },
      }),
      `${before}  "${name}":\n    cmd: "010"\n`,
    );
  }
});

Deno.test("YAML: an own entry is brought up to date, and what others put into it stays", () => {
  const before = `extensions:
  aws:
    # mine
    command: /old/deno # the program
    args:
    - run # runs
    - x
    timeout: 900
`;
  assertEquals(
    put(YAML, before, { container: "extensions" }),
    before.replace("/old/deno", "/bin/deno"),
  );
});
