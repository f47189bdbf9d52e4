/**
 * Every regular expression of the program, found in its sources, is fed what
 * keeps it busiest. Whoever's text it is meant for: that may change.
 */

import { fileURLToPath } from "node:url";
import { assertEquals } from "@std/assert";
import { attack } from "./regexp_attack.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const ROOT = new URL("../../", import.meta.url);

/**
 * Expressions that are made of a value, and one as it may become. Those that
 * are made when a module is loaded are found by themselves.
 */
const MADE: Readonly<Record<string, readonly RegExp[]>> = {
  'src/recorder/values.ts: new RegExp(String.raw`(?<![\\w-])(?:${any})(?![\\w-])`, "g")':
    [/(?<![\w-])(?:production|prod|p-d)(?![\w-])/g],
};

/** What the sources say of expressions. */
interface Found {
  readonly literals: { readonly where: string; readonly pattern: RegExp }[];
  /** Those that a function makes. */
  readonly made: string[];
}

interface Node {
  readonly type: string;
  readonly range: readonly [number, number];
  readonly parent?: Node | null;
}

function isInFunction({ parent }: Node): boolean {
  for (let at = parent; at; at = at.parent) {
    if (/Function/.test(at.type)) return true;
  }
  return false;
}

async function* sourcesUnder(directory: URL): AsyncIterable<URL> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* sourcesUnder(new URL(`${name}/`, directory));
    else if (name.endsWith(".ts")) yield new URL(name, directory);
  }
}

function expressionsIn(file: string, source: string): Found {
  const found: Found = { literals: [], made: [] };
  const textOf = ({ range }: Node) => source.slice(...range);
  const add = (node: Node, pattern: RegExp) => {
    const line = source.slice(0, node.range[0]).split("\n").length;
    found.literals.push({ where: `${file}:${line}: ${pattern}`, pattern });
  };
  const constructed = (
    node: Deno.lint.NewExpression | Deno.lint.CallExpression,
  ) => {
    if (textOf(node.callee) !== "RegExp" || !isInFunction(node)) return;
    found.made.push(`${file}: ${textOf(node).replace(/\s+/g, " ")}`);
  };
  Deno.lint.runPlugin(
    {
      name: "expressions",
      rules: {
        expressions: {
          create: () => ({
            Literal: (node) => {
              if (!("regex" in node) || node.regex === undefined) return;
              const { pattern, flags } = node.regex;
              add(node, new RegExp(pattern, flags));
            },
            NewExpression: constructed,
            CallExpression: constructed,
          }),
        },
      },
    },
    file,
    source,
  );
  return found;
}

async function allExpressions(): Promise<Found> {
  const all: Found = { literals: [], made: [] };
  const urls = [new URL("cli.ts", ROOT)];
  for await (const url of sourcesUnder(new URL("src/", ROOT))) urls.push(url);
  for (const url of urls) {
    const file = url.href.slice(ROOT.href.length);
    const found = expressionsIn(file, await Deno.readTextFile(url));
    all.literals.push(...found.literals);
    all.made.push(...found.made);
  }
  return all;
}

/** Imports modules, and prints the expressions that they are loaded with. */
const LOADER = `
const [root, ...urls] = Deno.args;
const made = [];
globalThis.RegExp = new Proxy(RegExp, {
  construct(target, args) {
    const pattern = Reflect.construct(target, args);
    const caller = new Error().stack.split("\\n")[2];
    if (caller.includes(root)) made.push([pattern.source, pattern.flags]);
    return pattern;
  },
});
for (const url of urls) await import(url);
console.log(JSON.stringify(made));
Deno.exit(0);
`;

/** What is put together of texts while the modules are loaded. */
async function madeOnLoading(): Promise<readonly RegExp[]> {
  const src = new URL("src/", ROOT);
  const urls = await Array.fromAsync(sourcesUnder(src), ({ href }) => href);
  const { stdout } = await outcomeOf(Deno.execPath(), {
    args: [
      ...["eval", "--no-check", "--ext=js"],
      ...["--config", fileURLToPath(new URL("deno.json", ROOT))],
      ...[LOADER, src.href, ...urls],
    ],
  });
  const made: [string, string][] = JSON.parse(stdout);
  return made.map(([source, flags]) => new RegExp(source, flags));
}

const { literals, made } = await allExpressions();

/** Faults by expression: many files have the same one. */
const faults = new Map<string, string | undefined>();

function faultOf(pattern: RegExp): string | undefined {
  const key = String(pattern);
  if (!faults.has(key)) faults.set(key, attack(pattern));
  return faults.get(key);
}

Deno.test("no regular expression of the program takes long for 128 KiB of its worst input", () => {
  const slow = literals.flatMap(({ where, pattern }) => {
    const fault = faultOf(pattern);
    return fault === undefined ? [] : [`${where}: ${fault}`];
  });
  assertEquals(slow, []);
});

Deno.test("none that is put together on loading does either", async () => {
  const patterns = await madeOnLoading();
  assertEquals(patterns.length > 0, true);
  const slow = patterns.map(faultOf)
    .filter((fault) => fault !== undefined);
  assertEquals(slow, []);
});

Deno.test("each that a function makes is listed with one as it may become, which takes no longer", () => {
  assertEquals(made.toSorted(), Object.keys(MADE).toSorted());
  const slow = Object.values(MADE).flat().map(faultOf)
    .filter((fault) => fault !== undefined);
  assertEquals(slow, []);
});

Deno.test("an expression that takes long is told from others", () => {
  for (
    const slow of [
      /\s+$/g,
      /(?:a+)+b/,
      /(?:\s|\/\*[^]*?\*\/|\/\/[^\n]*)*,/y,
      /\$\{([^}]*)\}/,
    ]
  ) {
    assertEquals(typeof attack(slow), "string", `${slow}`);
  }
});
