import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawPlot } from "./plot.ts";

const OURS = { name: "ours", value: 100, isOurs: true };

function widths(svg: string): number[] {
  return [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)]
    .map(([, width]) => Number(width));
}

Deno.test("bars are as long as their values, which are written beside them", () => {
  const bars = [{ name: "half", value: 50, isOurs: false }, OURS];
  const svg = drawPlot([{ title: "µs", bars }]);
  const [half, whole] = widths(svg);
  assertEquals(half, Math.round(whole / 2));
  assertStringIncludes(svg, ">50</text>");
  assertStringIncludes(svg, 'aria-label="µs: half 50, ours 100"');
});

Deno.test("a bar of more than five times our own is cut, and says so", () => {
  const bars = [{ name: "slow", value: 14_362, isOurs: false }, OURS];
  const svg = drawPlot([{ title: "µs", bars }]);
  const [slow, ours] = widths(svg);
  assertEquals(ours, Math.round(slow / 5));
  assertStringIncludes(svg, '<path class="cut"');
  assertStringIncludes(svg, ">14,362</text>");
});

Deno.test("what was not measured has no bar", () => {
  const bars = [{ name: "a & b", value: NaN, isOurs: false }, OURS];
  const svg = drawPlot([{ title: "a < b", bars }]);
  assertEquals(widths(svg).length, 1);
  assertStringIncludes(svg, "a &lt; b");
});
