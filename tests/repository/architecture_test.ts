/**
 * The rules of docs/architecture.md that the imports show: arrows go down, in
 * no circle, and `aws/` and `mcp/` know nothing of each other.
 */

import { assertEquals } from "@std/assert";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";

const ROOT = new URL("../../", import.meta.url);

/**
 * The rooms from the ground up. A file may import from its own room and from
 * those below; `import type` counts as any other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["src", "src/redact"],
  ["src/log", "src/shape"],
  ["src/net"],
  ["src/aws", "src/mcp/wire"],
  ["src/aws/shared_files", "src/mcp/transport"],
  ["src/aws/credentials", "src/mcp/tools"],
  ["src/aws/refusals", "src/mcp/stateless", "src/mcp/session"],
  ["src/aws/signing", "src/mcp/bridge", "src/mcp/profiles"],
  ["src/mcp"],
  ["src/config", "src/recorder", "src/telemetry"],
  ["src/stdio", "src/http", "src/sdk.ts"],
  ["src/commands"],
  [
    "src/commands/client",
    "src/commands/completions",
    "src/commands/doctor",
    "src/commands/policy",
  ],
  ["src/commands/run.ts"],
  ["cli.ts"],
  ["mod.ts"],
];

/** Arrows that are wrong today. The list only gets shorter. */
const KNOWN: readonly string[] = [];

/** Files that are in a circle today. The list only gets shorter. */
const KNOWN_CIRCULAR: readonly string[] = [];

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

/** The text of a file without what comments show. */
async function codeOf(file: string): Promise<string> {
  const text = await Deno.readTextFile(new URL(file, ROOT));
  return text.replaceAll(/^ *(?:\*|\/\/|\/\*).*$/gm, "");
}

async function arrowsOf(file: string): Promise<Arrow[]> {
  // Both "… from" and "import(…)".
  return [
    ...(await codeOf(file)).matchAll(
      /(?:\bfrom|\bimport\(|^import)\s*"(\.[^"]+)"/gm,
    ),
  ]
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

Deno.test("docs/architecture.md has a row for every folder of src", async () => {
  const text = await Deno.readTextFile(new URL("docs/architecture.md", ROOT));
  const [, table] = text.split("\n## Rooms\n");
  const rows = table.split("\n## ")[0].match(/^\|[^|]*\|/gm)?.join("") ?? "";
  const folders = FILES.flatMap((file) =>
    /^src\/(?:(?:aws|mcp)\/[a-z_]+|(?!aws|mcp)[a-z_]+)(?=\/)/.exec(file) ?? []
  );
  const missing = folders.filter((folder) => !rows.includes(`\`${folder}\``));
  assertEquals([...new Set(missing)], []);
});

// Where an import is dynamic, neither the type checker nor a program that
// starts misses a file.
Deno.test("every file that another one imports is there", () => {
  const missing = ARROWS.filter(({ to }) =>
    to.endsWith(".ts") && !FILES.includes(to)
  );
  assertEquals(missing.map(named), []);
});

Deno.test("no file imports a test file, whose tests would run once more", async () => {
  const files = await sourceFiles("tests");
  const arrows = (await Promise.all(files.map(arrowsOf))).flat();
  const tests = arrows.filter(({ to }) => to.endsWith("_test.ts"));
  assertEquals([arrows.length > 0, tests.map(named)], [true, []]);
});

Deno.test("no file imports from its own floor or from above", () => {
  const wrong = ARROWS.filter(isWrong).map(named).sort();
  assertEquals(wrong.filter((arrow) => !KNOWN.includes(arrow)), []);
  assertEquals(KNOWN.filter((arrow) => !wrong.includes(arrow)), []);
});

Deno.test("no file imports itself by way of others", () => {
  const imports = new Map<string, string[]>();
  for (const { from, to } of ARROWS) {
    imports.set(from, [...imports.get(from) ?? [], to]);
  }
  const reached = (file: string): Set<string> => {
    const found = new Set<string>();
    const visit = (from: string): void => {
      for (const to of imports.get(from) ?? []) {
        if (found.has(to)) continue;
        found.add(to);
        visit(to);
      }
    };
    visit(file);
    return found;
  };
  const circular = FILES.filter((file) => reached(file).has(file)).sort();
  assertEquals(circular.filter((file) => !KNOWN_CIRCULAR.includes(file)), []);
  assertEquals(KNOWN_CIRCULAR.filter((file) => !circular.includes(file)), []);
});

/** Headers that one of the two rooms reads or writes, and the other does not. */
const HEADERS = {
  aws:
    /\b(?:mcp-(?:method|name|param-|protocol-version|session-id)|last-event-id)/gi,
  mcp: /\bx-amzn?-[a-z0-9-]+/gi,
};

Deno.test("aws/ names no header of MCP's, and mcp/ none of AWS's", async () => {
  const named: string[] = [];
  for (const file of FILES) {
    const side = sideOf(file);
    if (side !== "aws" && side !== "mcp") continue;
    const found = (await codeOf(file)).match(HEADERS[side]) ?? [];
    named.push(...found.map((name) => `${file}: ${name}`));
  }
  assertEquals(named, []);
});

/** Rooms that are handed what errors call an option: src/naming.ts. */
const NAMELESS =
  /^src\/(?:(?:aws|http|log|mcp|net|recorder|redact|stdio|telemetry)\/|[a-z_]+\.ts$)/;

// What AWS's own tools read and take is theirs: AWS_REGION, aws … --profile.
const OWN_NAMES = OPTION_KEYS.flatMap((key) => [...OPTIONS[key].names])
  .filter((name) => !/^AWS_(?:DEFAULT_)?REGION$/.test(name));
const AWS_COMMANDS =
  /\baws [a-z -]+--profile\b|"--profile", (?:search\.)?name\]/g;

Deno.test("no text below the commands names a flag or a variable of the command line", async () => {
  const named: string[] = [];
  for (const file of FILES.filter((file) => NAMELESS.test(file))) {
    const code = (await codeOf(file)).replaceAll(AWS_COMMANDS, "");
    const found = code.match(/--[a-z-]+|\b(?:MCP|AWS)_[A-Z_]+/g) ?? [];
    const own = found.filter((name) => OWN_NAMES.includes(name));
    named.push(...own.map((name) => `${file}: ${name}`));
  }
  assertEquals(named, []);
});

/** What a module loads with itself: packages, and files of this one. */
async function loadedWith(file: string): Promise<string[]> {
  if (!file.endsWith(".ts")) return [];
  const text = await Deno.readTextFile(new URL(file, ROOT));
  const statement = /^(?:import|export)\s(?!type\b)[^;"]*?from "([^"]+)"/gm;
  return [...text.matchAll(statement)].map(([, specifier]) =>
    specifier.startsWith(".")
      ? new URL(specifier, new URL(file, ROOT)).href.slice(ROOT.href.length)
      : specifier
  );
}

/** What files load with themselves, however far down, that a pattern names. */
async function loadedOf(
  files: readonly string[],
  pattern: RegExp,
): Promise<string[]> {
  const loaded = new Set(files);
  for (const file of loaded) {
    for (const other of await loadedWith(file)) loaded.add(other);
  }
  return [...loaded].filter((name) => pattern.test(name));
}

Deno.test("help, versions and configuration errors wait for no session, signer or source", async () => {
  const heavy =
    /^(?:node:|npm:|@(?!std\/cli\/)|src\/(?:commands|http|recorder|stdio|telemetry)\/|src\/mcp\/(?!wire\/era)|src\/aws\/credentials\/(?:chain|sources\/(?!keys|timestamp)))/;
  assertEquals(await loadedOf(["mod.ts", "cli.ts"], heavy), []);
});

Deno.test("the first message waits for no layer, transport or source that nothing asks for", async () => {
  const proxy = ["src/commands/proxy.ts", "src/stdio/stdio_proxy.ts"];
  const asked =
    /^(?:src\/recorder\/|src\/mcp\/(?:bridge|profiles)\/|src\/mcp\/tools\/gate|src\/mcp\/session\/http_sse|src\/stdio\/(?:identities|layers)|src\/aws\/credentials\/(?:chain|sources\/(?!keys|timestamp)))/;
  assertEquals(await loadedOf(proxy, asked), []);
});
