import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  flagsOf,
  type Option,
  parseValue,
  variablesOf,
} from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { ParsedOptions } from "../../src/config/settings.ts";

const ROWS: Option[] = OPTION_KEYS.map((key) => OPTIONS[key]);

Deno.test("no flag and no variable stands for two options", () => {
  const flags = ROWS.flatMap(flagsOf);
  assertEquals(flags.length, new Set(flags).size);
  const variables = ROWS.flatMap(variablesOf);
  assertEquals(variables.length, new Set(variables).size);
  for (const flag of flags) assertMatch(flag, /^--[a-z]+(?:-[a-z]+)*$/);
  for (const name of variables) assertMatch(name, /^(?:AWS|MCP)_[A-Z_]+$/);
});

Deno.test("every default is a value that the option itself would take", () => {
  const { settings, faults, sources } = new ParsedOptions(
    new Map(),
    () => undefined,
  );
  assertEquals(faults, []);
  for (const key of OPTION_KEYS) {
    const row: Option = OPTIONS[key];
    const texts = row.default === undefined ? [] : [`${row.default}`];
    const source = { kind: "default", name: "", texts } as const;
    assertEquals(sources.get(key), source, key);
    assertEquals(parseValue(row, texts), { value: settings[key] }, key);
  }
});

Deno.test("a whole number is read within its limits alone", () => {
  const row: Option = {
    kind: "integer",
    names: ["--retries"],
    range: [0, 10],
    help: "",
  };
  assertEquals(parseValue(row, ["10"]), { value: 10 });
  assertEquals(parseValue(row, [" 3 "]), { value: 3 });
  assertEquals(parseValue(row, []), { value: undefined });
  for (
    const text of ["11", "-1", "1.5", "1e1", "0x1", "ten", "", "9".repeat(400)]
  ) {
    const result = parseValue(row, [text]);
    assert("expected" in result, text);
    assertEquals(result.expected, "a whole number from 0 to 10");
  }
});

Deno.test("a list takes every text, and names the one that is not of its form", () => {
  const row: Option = {
    kind: "list",
    names: ["--allow-tool"],
    placeholder: "GLOB",
    form: { pattern: /^[a-z*]+$/, words: "a glob" },
    help: "",
  };
  assertEquals(parseValue(row, ["a*", "b"]), { value: ["a*", "b"] });
  assertEquals(parseValue(row, ["a", "B!", "c"]), {
    text: "B!",
    expected: "a glob",
  });
});
