import { assertEquals } from "@std/assert";
import { formatDuration, parseDuration } from "../../src/config/option.ts";

Deno.test("a duration is read as Go's time.ParseDuration reads it", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["-0", 0],
    ["+0", 0],
    ["0s", 0],
    ["-0s", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["+7s", 7000],
    ["-7s", -7000],
    ["-1m2.5s", -62_500],
    ["2.s", 2000],
    [".25s", 250],
    ["0.3s", 300],
    ["2.3s", 2300],
    ["1.004s", 1004],
    ["100.001s", 100_001],
    ["40ns", 0.00004],
    ["250us", 0.25],
    ["250\u00b5s", 0.25],
    ["250\u03bcs", 0.25],
    ["2s3h", 10_802_000],
    ["1s1s", 2000],
    ["1h2m3s4ms5us6ns", 3_723_004.005006],
  ];
  for (const [text, ms] of cases) {
    assertEquals(parseDuration(text), ms, text);
  }
});

Deno.test("what Go refuses as a duration is refused", () => {
  const texts = [
    "",
    "3",
    "-",
    "+",
    "s",
    ".",
    ".s",
    "-.s",
    "1..5s",
    "1.5.2s",
    "1d",
    "1sm",
    "1e3s",
    "1,5s",
    "5S",
    "5 s",
    " 5s",
    "5s ",
    "5s\n",
    "--5s",
    "5s-1s",
    "soon",
    "NaNs",
    "Infinitys",
    "2562048h",
  ];
  for (const text of texts) assertEquals(parseDuration(text), undefined, text);
});

Deno.test("a long run of digits is refused in a moment, not in hours", () => {
  assertEquals(parseDuration("1".repeat(100_000)), undefined);
  assertEquals(parseDuration(`${"1s".repeat(50_000)}x`), undefined);
});

Deno.test("a duration is written so that it reads back the same", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [500, "500ms"],
    [30_000, "30s"],
    [90_000, "1m30s"],
    [900_000, "15m"],
    [5_400_000, "1h30m"],
    [1500, "1.5s"],
    [43_200_000, "12h"],
  ];
  for (const [ms, text] of cases) {
    assertEquals(formatDuration(ms), text);
    assertEquals(parseDuration(text), ms);
  }
});
