/** The pictures show what the program prints now; nothing is drawn anew. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { demoPicture, doctorPicture, type Picture, ROOT } from "./pictures.ts";
import { drawTerminal } from "./terminal_svg.ts";

/** The text with whatever no two runs have in common made the same. */
function masked(text: string): string {
  return text
    .replace(/(127\.0\.0\.1:)\d+/g, "$100000")
    .replace(/ +\d+ ms\b/g, " 0 ms")
    .replace(/\b\d+\.\d s\b/g, "0.0 s")
    .replace(/over \d+ connections?/g, "over 0 connections");
}

/** Masked before it is drawn too, so that lines break at the same places. */
function draw({ command, output, title }: Picture): string[] {
  const svg = drawTerminal(masked(command), masked(output), title);
  return masked(svg).split("\n");
}

async function saved({ file }: Picture): Promise<string[]> {
  const svg = await Deno.readTextFile(new URL(`docs/${file}`, ROOT));
  return masked(svg).split("\n");
}

for (
  const [name, take] of [["demo", demoPicture], [
    "doctor",
    doctorPicture,
  ]] as const
) {
  Deno.test(`the picture of the ${name} is what it prints (if not: deno task look)`, async () => {
    const picture = await take();
    assertEquals(await saved(picture), draw(picture));
  });
}

Deno.test("a picture that shows another tool, step or word is another picture", () => {
  const picture: Picture = {
    file: "x.svg",
    command: "sigv4-proxy doctor http://127.0.0.1:40000/mcp",
    output: "✓ tools   10 ms  9 tools\nDone in 0.3 s.",
    title: "x",
  };
  const later = {
    ...picture,
    output: "✓ tools    9 ms  9 tools\nDone in 1.3 s.",
  };
  assertEquals(draw(later), draw(picture));
  for (const output of ["✓ tools   10 ms  8 tools\nDone in 0.3 s.", ""]) {
    assertNotEquals(draw({ ...picture, output }), draw(picture));
  }
});
