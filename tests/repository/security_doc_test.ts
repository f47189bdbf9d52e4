/** What docs/security.md says of tests and packages is so. */
import { assert, assertEquals } from "@std/assert";
import { codeSpans, filesUnder, tableRows } from "./markdown.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));
const text = await read("docs/security.md");
const prose = text.replaceAll(/\s+/g, " ");

/** The names of tests in a file; what differs between some may be anything. */
function testsIn(source: string): RegExp[] {
  const literals = source.matchAll(
    /(?:Deno\.test\(|\bname:|const name =)\s*("(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)/g,
  );
  return [...literals].map(([, literal]) => {
    const parts = literal.slice(1, -1).replaceAll(/\s+/g, " ")
      .split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/);
    const escaped = parts.map((part) => RegExp.escape(part));
    return new RegExp(`^${escaped.join("[^]*")}$`);
  });
}

Deno.test("every test that security.md names is there", async () => {
  const named = [...prose.matchAll(/`(tests\/[\w/]+\.ts)`,? \(?"([^"]+)"/g)];
  assert(named.length > 60, `${named.length} are named`);
  const missing: string[] = [];
  for (const [, path, name] of named) {
    const tests = testsIn(await read(path));
    if (!tests.some((test) => test.test(name))) {
      missing.push(`${path}: ${name}`);
    }
  }
  assertEquals(missing, []);
  // No file stands there without the name of a test.
  const files = [...prose.matchAll(/`tests\/[\w/]+_test\.ts`/g)];
  assertEquals(named.length, files.length);
});

Deno.test("what is said to stop somebody names the test that shows it, or says that it can", () => {
  const bullets = text.split(/\n(?=- |\n|#)/).filter((one) =>
    one.startsWith("- **")
  );
  assert(bullets.length > 50, `${bullets.length} are there`);
  const bare = bullets.filter((one) =>
    !/Shown by|\*\*it can\*\*/.test(one.replaceAll(/\s+/g, " "))
  );
  assertEquals(bare, []);
});

Deno.test("the packages that the program needs are those that security.md has a reason for", async () => {
  const { imports }: { imports: Record<string, string> } = JSON.parse(
    await read("deno.json"),
  );
  const packagesUnder = (heading: string) => {
    const from = text.indexOf(heading);
    assert(from >= 0, `${heading} is there`);
    const end = text.indexOf("\n\n", text.indexOf("\n|", from));
    return tableRows(text.slice(from, end))
      .flatMap((row) => codeSpans(row.split("|")[1])).sort();
  };
  const sources = await Promise.all(
    [
      "mod.ts",
      "cli.ts",
      ...await filesUnder(new URL("src/", ROOT), ".ts").then(
        (paths) => paths.map((path) => `src/${path}`),
      ),
    ].map(read),
  );
  const code = sources.join("\n").replaceAll(/^ \*.*$/gm, "");
  const needed = Object.keys(imports).filter((name) =>
    new RegExp(`(?:from |import\\()\\s*"${RegExp.escape(name)}[/"]`).test(code)
  ).sort();
  assertEquals(packagesUnder("At run time"), needed);
  const others = Object.keys(imports).filter((name) => !needed.includes(name));
  assertEquals(packagesUnder("For the tests alone"), others.sort());
});
