/** What the tests of the documentation read out of Markdown. */

/** A page of the documentation. */
export interface Page {
  /** Where it is, from the root of the package. */
  readonly path: string;
  readonly text: string;
}

/**
 * Reads the README and all pages under docs.
 *
 * @param root The root of the package.
 * @returns The pages, by name.
 */
export async function readPages(root: URL): Promise<Page[]> {
  const docs = await filesUnder(new URL("docs/", root), ".md");
  const paths = ["README.md", ...docs.map((path) => `docs/${path}`)];
  return await Promise.all(paths.map(async (path) => ({
    path,
    text: await Deno.readTextFile(new URL(path, root)),
  })));
}

/**
 * The files of a directory and of those in it.
 *
 * @param directory The directory, with a slash at its end.
 * @param extension How their names end.
 * @returns Their paths from the directory on, in order.
 */
export async function filesUnder(
  directory: URL,
  extension: string,
): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) {
      const inner = await filesUnder(new URL(`${name}/`, directory), extension);
      paths.push(...inner.map((path) => `${name}/${path}`));
    } else if (name.endsWith(extension)) {
      paths.push(name);
    }
  }
  return paths.sort();
}

/** The text without its fenced blocks. */
function prose(text: string): string {
  return text.replace(/^( *)```[^]*?^\1```$/gm, "");
}

/** The relative links of a page, images too. */
export function linksOf(text: string): string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link));
}

/** The anchors that GitHub gives the headings of a page. */
export function headingAnchors(text: string): Set<string> {
  return new Set(
    [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
    ),
  );
}

/** What stands in a page as code, within lines. */
export function codeSpans(text: string): string[] {
  return [...prose(text).matchAll(/(?<!`)(`{1,2})(?!`)([^]*?[^`])\1(?!`)/g)]
    .map(([, , code]) => code.replace(/\s+/g, " ").trim());
}

/** The fenced blocks of one language. */
export function fencedBlocks(text: string, language: string): string[] {
  const fence = new RegExp(
    `^( *)\`\`\`${language}$\\n([^]*?)^\\1\`\`\`$`,
    "gm",
  );
  return [...text.matchAll(fence)].map(([, , block]) => block);
}

/** The rows of all tables of a page. */
export function tableRows(text: string): string[] {
  return prose(text).split("\n").filter((line) =>
    line.startsWith("|") && !/^[|: -]+$/.test(line)
  );
}
