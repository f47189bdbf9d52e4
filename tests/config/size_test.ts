import { assertEquals } from "@std/assert";
import { parseSize } from "../../src/config/option.ts";

Deno.test("a size is read with binary, decimal and no unit, in any case", () => {
  const cases: [string, number][] = [
    ["64MiB", 67_108_864],
    ["10MB", 10_000_000],
    ["512KiB", 524_288],
    ["4096", 4096],
    ["1GiB", 1_073_741_824],
    ["2GB", 2_000_000_000],
    ["7b", 7],
    ["3kb", 3000],
    ["1.5MiB", 1_572_864],
    ["64 mib", 67_108_864],
    ["0", 0],
  ];
  for (const [text, bytes] of cases) assertEquals(parseSize(text), bytes, text);
});

Deno.test("what is no whole number of bytes is refused", () => {
  const texts = [
    "",
    "MiB",
    "-1MiB",
    "+1",
    "1.5",
    "0.0001KiB",
    "10M",
    "10Mi",
    "1e6",
    "0x10",
    "10TB",
    "1 0",
    "99999999999999999999",
    "ten",
  ];
  for (const text of texts) assertEquals(parseSize(text), undefined, text);
});
