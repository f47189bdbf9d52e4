/** What the program says is wrong has a heading in docs/troubleshooting.md. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { codeSpans, filesUnder } from "./markdown.ts";
import { type ProgramText, textsOf } from "./program_texts.ts";

const ROOT = new URL("../../", import.meta.url);

/** The pages that have headings for messages. */
const PAGES = await Promise.all(
  ["docs/troubleshooting.md", "docs/npm.md"]
    .map((path) => Deno.readTextFile(new URL(path, ROOT))),
);

const SILENT_MODULES =
  /^src\/(?:aws\/(?:endpoint|partition|refusals\/table|policy\/\w+)|config\/(?:help|commands)|mcp\/transport\/session_expiry|shape\/kinds|telemetry\/\w+|commands\/(?:completions\/scripts|record\/(?:html|text|timeline)|replay\/(?:compare|target)))\.ts$/;

/** What it says where it can start nothing has a page of its own. */
const NPM_COMMAND = ".ci/npm/sigv4-proxy.cjs";

async function programTexts(): Promise<ProgramText[]> {
  const files = await filesUnder(new URL("src/", ROOT), ".ts");
  const paths = ["cli.ts", NPM_COMMAND, ...files.map((file) => `src/${file}`)];
  const texts = await Promise.all(
    paths.filter((path) => !SILENT_MODULES.test(path)).map(async (path) =>
      textsOf(path, await Deno.readTextFile(new URL(path, ROOT)))
    ),
  );
  return texts.flat();
}

/** Whether all fixed words of a text stand in another one, in order. */
function isIn(parts: readonly string[], other: string): boolean {
  let from = 0;
  return parts.every((part) => {
    const at = other.indexOf(part, from);
    from = at + part.length;
    return at >= 0;
  });
}

Deno.test("whatever the program says is wrong is found in troubleshooting.md", async () => {
  const spans = PAGES.flatMap(codeSpans);
  const missing = (await programTexts())
    .filter(({ parts }) => !spans.some((span) => isIn(parts, span)))
    .map(({ file, parts }) => `${file}: ${parts.join("…")}`);
  assertEquals(missing, []);
});

Deno.test("troubleshooting.md has no message that the program no longer says", async () => {
  const texts = await programTexts();
  const headings = PAGES.flatMap((text) => text.split("\n"))
    .filter((line) => line.startsWith("#### "));
  assertNotEquals(headings, []);
  const stale = headings
    .flatMap(codeSpans)
    .filter((span) => span.split(" ").length > 2)
    .filter((span) => !texts.some(({ parts }) => isIn(parts, span)));
  assertEquals(stale, []);
});

Deno.test("a text of the program is found in whatever form it is written", () => {
  const source = `
    throw new ProxyError("timeout", \`no answer within \${limit} s\`);
    faults.push("one part of it " + name + " and another");
    log.debug("this is plain news");
    const row = { help: "this is for the help" };
  `;
  assertEquals(textsOf("x.ts", source).map(({ parts }) => parts), [
    ["no answer within", "s"],
    ["one part of it", "and another"],
  ]);
});
