import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { drawTerminal } from "./terminal_svg.ts";

function shown(svg: string): string[] {
  return [...svg.matchAll(/<text [^>]*>(.*)<\/text>/g)]
    .map(([, line]) => line.replace(/<[^>]*>/g, ""));
}

Deno.test("a picture has the command and each line that was printed", () => {
  const svg = drawTerminal("greet", "✓ hello\n\n  ! <you> & me\n", "greetings");
  assertEquals(shown(svg), [
    "$ greet",
    "✓ hello",
    "",
    "  ! &lt;you&gt; &amp; me",
  ]);
  assertStringIncludes(svg, '<tspan fill="#7ee787">✓</tspan> hello');
});

Deno.test("a line that is too long goes on below its text, and nothing is lost", () => {
  const words = Array.from({ length: 40 }, (_, index) => `word${index}`);
  const lines = shown(drawTerminal("x", `  ✓ ${words.join(" ")}`, "words"));
  assert(lines.every((line) => line.length <= 100), "no line is wider");
  assertEquals(lines.slice(2).every((line) => line.startsWith("    w")), true);
  assertEquals(
    lines.slice(1).join(" ").match(/word\d+/g),
    words,
  );
});

Deno.test("a word that is wider than the picture is cut, and drawing it ends", () => {
  const lines = shown(drawTerminal("x", "y".repeat(250), "a word"));
  assertEquals(lines.slice(1).join("").replaceAll(" ", ""), "y".repeat(250));
});
