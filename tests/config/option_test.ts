/** The values of options, read from their texts. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  flagsOf,
  formatDuration,
  type Option,
  parseDuration,
  parseSize,
  parseValue,
  variablesOf,
} from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { ParsedOptions } from "../../src/config/settings.ts";

const [MICRO, MU] = ["\u00b5", "\u03bc"];

/** Texts and their values: `1s = 1000, 2s = 2000`. */
function rows(text: string): (readonly [text: string, value: number])[] {
  return text.trim().split(/,\s+/).map((row) => {
    const [given, value] = row.split(" = ");
    return [given, Number(value)];
  });
}

Deno.test("a duration is read as Go's time.ParseDuration reads it", () => {
  const cases = rows(`
    0 = 0, -0 = 0, +0 = 0, 0s = 0, -0s = 0, 500ms = 500, 30s = 30000,
    1m30s = 90000, 1.5h = 5400000, +7s = 7000, -7s = -7000, -1m2.5s = -62500,
    2.s = 2000, .25s = 250, 0.3s = 300, 2.3s = 2300, 1.004s = 1004,
    100.001s = 100001, 40ns = 0.00004, 250us = 0.25, 250${MICRO}s = 0.25,
    250${MU}s = 0.25, 2s3h = 10802000, 1s1s = 2000,
    1h2m3s4ms5us6ns = 3723004.005006
  `);
  for (const [text, ms] of cases) {
    assertEquals(parseDuration(text), ms, text);
  }
});

Deno.test("what Go refuses as a duration is refused", () => {
  const words = "3 - + s . .s -.s 1..5s 1.5.2s 1d 1sm 1e3s 1,5s 5S --5s " +
    "5s-1s soon NaNs Infinitys 2562048h";
  for (const text of ["", "5 s", " 5s", "5s ", "5s\n", ...words.split(" ")]) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

Deno.test("a long run of digits is refused in a moment, not in hours", () => {
  assertEquals(parseDuration("1".repeat(100_000)), undefined);
  assertEquals(parseDuration(`${"1s".repeat(50_000)}x`), undefined);
});

Deno.test("a duration is written so that it reads back the same", () => {
  const cases = rows(`
    0s = 0, 500ms = 500, 1.5s = 1500, 30s = 30000, 1m30s = 90000,
    15m = 900000, 1h30m = 5400000, 12h = 43200000
  `);
  for (const [text, ms] of cases) {
    assertEquals(formatDuration(ms), text);
    assertEquals(parseDuration(text), ms);
  }
});

Deno.test("a size is read with binary, decimal and no unit, in any case", () => {
  const cases = rows(`
    0 = 0, 4096 = 4096, 7b = 7, 3kb = 3000, 512KiB = 524288, 10MB = 10000000,
    1.5MiB = 1572864, 64MiB = 67108864, 64 mib = 67108864, 1GiB = 1073741824,
    2GB = 2000000000
  `);
  for (const [text, bytes] of cases) {
    assertEquals(parseSize(text), bytes, text);
  }
});

Deno.test("what is no whole number of bytes is refused", () => {
  const words = "MiB -1MiB +1 1.5 0.0001KiB 10M 10Mi 1e6 0x10 10TB " +
    "99999999999999999999 ten";
  for (const text of ["", "1 0", ...words.split(" ")]) {
    assertEquals(parseSize(text), undefined, text);
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
