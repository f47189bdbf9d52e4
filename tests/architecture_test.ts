/**
 * The rules of docs/architecture.md that the imports show: arrows go down, in
 * no circle, and `aws/` and `mcp/` know nothing of each other.
 */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/**
 * The rooms from the ground up. A file may import from its own room and from
 * those below; `import type` counts as any other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["src", "src/redact"],
  ["src/log"],
  ["src/net"],
  ["src/aws", "src/mcp/wire"],
  ["src/aws/shared_files", "src/mcp/transport"],
  ["src/aws/credentials", "src/mcp/tools"],
  ["src/aws/refusals", "src/mcp/stateless", "src/mcp/session"],
  ["src/aws/signing", "src/mcp/bridge", "src/mcp/profiles"],
  ["src/mcp"],
  ["src/config", "src/telemetry"],
  ["src/stdio", "src/http", "src/sdk.ts"],
  ["src/commands"],
  [
    "src/commands/client",
    "src/commands/completions",
    "src/commands/policy",
  ],
  ["src/commands/doctor"],
  ["cli.ts"],
  ["mod.ts"],
];

/** Arrows that are wrong today. The list only gets shorter. */
const KNOWN: readonly string[] = [];

interface Arrow {
  readonly from: string;
  readonly to: string;
}

async function sourceFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) files.push(...await sourceFiles(path));
    else if (path.endsWith(".ts")) files.push(path);
  }
  return files;
}

async function arrowsOf(file: string): Promise<Arrow[]> {
  const text = await Deno.readTextFile(new URL(file, ROOT));
  // Both "… from" and "import(…)", but nothing that a comment shows.
  const code = text.replaceAll(/^ *(?:\*|\/\/|\/\*).*$/gm, "");
  return [...code.matchAll(/(?:\bfrom|\bimport\(|^import)\s*"(\.[^"]+)"/gm)]
    .map(([, specifier]) => ({
      from: file,
      to: new URL(specifier, new URL(file, ROOT)).href.slice(ROOT.href.length),
    }));
}

const FILES = ["cli.ts", "mod.ts", ...await sourceFiles("src")];
const ARROWS = (await Promise.all(FILES.map(arrowsOf))).flat();

function roomOf(file: string): string {
  const rooms = FLOORS.flat();
  const parts = file.split("/");
  while (parts.length > 1 && !rooms.includes(parts.join("/"))) parts.pop();
  return parts.join("/");
}

function floorOf(file: string): number {
  const room = roomOf(file);
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

function sideOf(file: string): string | undefined {
  return /^src\/(aws|mcp)\//.exec(file)?.[1];
}

function isWrong({ from, to }: Arrow): boolean {
  const sides = [sideOf(from), sideOf(to)];
  if (sides.includes("aws") && sides.includes("mcp")) return true;
  if (roomOf(from) === roomOf(to)) return false;
  return floorOf(to) >= floorOf(from);
}

function named({ from, to }: Arrow): string {
  return `${from} -> ${to}`;
}

Deno.test("no file imports from its own floor or from above", () => {
  const wrong = ARROWS.filter(isWrong).map(named).sort();
  assertEquals(wrong.filter((arrow) => !KNOWN.includes(arrow)), []);
  assertEquals(KNOWN.filter((arrow) => !wrong.includes(arrow)), []);
});

Deno.test("no files import each other in a circle", () => {
  const imports = new Map<string, string[]>();
  for (const { from, to } of ARROWS) {
    imports.set(from, [...imports.get(from) ?? [], to]);
  }
  // Whatever imports nothing that is left is in no circle.
  const left = new Set(imports.keys());
  for (let before = -1; before !== left.size;) {
    before = left.size;
    for (const file of left) {
      if (!imports.get(file)?.some((to) => left.has(to))) left.delete(file);
    }
  }
  // What only leads into a circle is not of it.
  const inCircle = [...left].filter((file) =>
    [...left].some((other) => imports.get(other)?.includes(file))
  );
  assertEquals(inCircle.sort(), []);
});
