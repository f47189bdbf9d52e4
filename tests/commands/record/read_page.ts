/**
 * Reads a page that is written by hand as HTML has it: tags, attributes in
 * double quotes, text, and the content of `<style>`. What stands in a text as a
 * tag is found as one.
 */

export interface PageParts {
  readonly tags: readonly string[];
  readonly attributes: readonly (readonly [name: string, value: string])[];
  /** With entities as what they stand for. */
  readonly texts: readonly string[];
  /** Elements that are not closed where they have to be. */
  readonly open: readonly string[];
}

/** Elements without an end. */
const VOID: ReadonlySet<string> = new Set(["meta", "br", "hr", "img", "input"]);

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  "#39": "'",
};

export function readPage(text: string): PageParts {
  const tags: string[] = [];
  const attributes: [string, string][] = [];
  const texts: string[] = [];
  const open: string[] = [];
  const plain = text.replace(/^<!doctype html>/, "")
    .replace(/(<style>)[^<]*(<\/style>)/, "$1$2");
  for (const [part] of plain.matchAll(/<[^>]*>|[^<]+/g)) {
    const [, end, tag, rest] = /^<(\/?)([a-z0-9]+)([^]*)>$/i.exec(part) ?? [];
    if (tag === undefined) {
      texts.push(decoded(part));
      continue;
    }
    tags.push(tag.toLowerCase());
    if (end === "/") {
      if (open.at(-1) === tag) open.pop();
      else open.push(`/${tag}`);
    } else if (!VOID.has(tag) && !rest.endsWith("/")) open.push(tag);
    for (const [, name, value] of rest.matchAll(/([^\s="]+)(?:="([^"]*)")?/g)) {
      if (name !== "/") {
        attributes.push([name.toLowerCase(), decoded(value ?? "")]);
      }
    }
  }
  return { tags, attributes, texts, open };
}

function decoded(text: string): string {
  return text.replaceAll(
    /&([^;\s]+);/g,
    (whole, name: string) => ENTITIES[name] ?? whole,
  );
}
