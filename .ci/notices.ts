/** The licenses of what is in a bundle. */

import { join } from "node:path";

/** Where Deno keeps npm's packages: `…/registry.example.com/NAME/VERSION/…`. */
const PACKAGE =
  /^(.*[/\\]npm[/\\][^/\\]+[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)[/\\](\d[^/\\]*))[/\\]/;

const OWN = new URL("../", import.meta.url).pathname;

/** A license goes with the texts of its authors, if they ask for that. */
const TEXTS = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/**
 * Collects the notices.
 *
 * @param sources The paths of all files in the bundle.
 * @returns The packages, each under its license; equal texts stand once.
 * @throws {Error} There is a file of which no license is known.
 */
export async function noticesOf(sources: readonly string[]): Promise<string> {
  const packages = new Map<string, string>();
  for (const source of sources) {
    const [, directory, name, version] = PACKAGE.exec(source) ?? [];
    if (directory !== undefined) {
      packages.set(`${name.replace("\\", "/")} ${version}`, directory);
    } else if (!source.startsWith(OWN)) {
      throw new Error(`the license of ${source} is not known`);
    }
  }
  const byText = new Map<string, string[]>();
  for (const [name, directory] of [...packages].toSorted()) {
    const text = await licenseOf(name, directory);
    byText.set(text, [...byText.get(text) ?? [], name]);
  }
  return [...byText].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`)
    .join(`\n${"-".repeat(80)}\n\n`);
}

async function licenseOf(name: string, directory: string): Promise<string> {
  const texts: string[] = [];
  const files = (await Array.fromAsync(Deno.readDir(directory)))
    .filter((entry) => entry.isFile && TEXTS.test(entry.name))
    .map((entry) => entry.name).toSorted();
  for (const file of files) {
    texts.push((await Deno.readTextFile(join(directory, file))).trim());
  }
  if (texts.length > 0) return texts.join("\n\n");
  const { license }: { license?: string } = JSON.parse(
    await Deno.readTextFile(join(directory, "package.json")),
  );
  if (license === undefined) throw new Error(`${name} names no license`);
  return `License: ${license}`;
}
