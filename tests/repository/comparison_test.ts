/** The comparison with other programs, and where each cell of it is from. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readPages, tableRows } from "./markdown.ts";

const pages = await readPages(new URL("../../", import.meta.url));

function textOf(path: string): string {
  const page = pages.find((page) => page.path === path);
  assert(page !== undefined, path);
  return page.text;
}

/** A section of a text, up to the next one of its level. */
function section(text: string, heading: string): string {
  const [, found] = text.split(`\n${heading}\n`);
  assert(found !== undefined, heading);
  return found.split(/^#{1,2} /m)[0];
}

/** The cells of a table. */
function cellsIn(text: string): { head: string[]; rows: string[][] } {
  const [head, ...rows] = tableRows(text).map((row) =>
    row.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim())
  );
  return { head, rows };
}

const compared = section(textOf("README.md"), "## How it compares");
const sources = textOf("docs/comparison.md");
const { head: [, , ...others], rows } = cellsIn(compared);
const PROGRAMS = others.map((link, index): [string, number] => [
  /^\[([^\]]+)\]/.exec(link)?.[1] ?? link,
  index + 2,
]);

for (const [program, column] of PROGRAMS) {
  Deno.test(`every cell of ${program} in the README's comparison has a source, and no other one has`, () => {
    const [, version] = new RegExp(`${program} (\\d[\\d.]*\\d)`)
      .exec(compared) ?? [];
    const listed = cellsIn(
      section(sources, `## ${program} ${version}`),
    ).rows;
    assertEquals(listed.filter(([, source]) => source === ""), []);
    assertEquals(
      listed.flatMap(([names]) => names.split(", ")).toSorted(),
      rows.filter((row) => row[column] !== "").map(([name]) => name)
        .toSorted(),
    );
    assert(
      tableRows(sources).some((row) =>
        new RegExp(`^\\| ${program} +\\| ${version} +\\|`).test(row)
      ),
      `what was looked at of ${program} ${version} is named`,
    );
  });
}

Deno.test("the README and the sources of its comparison name the same day", () => {
  const [day] = /\d+ \w+ 20\d\d/.exec(compared.replace(/\s+/g, " ")) ?? [];
  assert(day !== undefined, "the README names a day");
  assertStringIncludes(sources.replace(/\s+/g, " "), day);
});
