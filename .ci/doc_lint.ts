/**
 * Lints the documentation of what the package exports, and wants an example for
 * each function and class; a type is documented by a sentence. Left to itself, `deno doc`
 * holds the types of npm packages to the same rules, and does not find those of
 * the MCP SDK: so these packages are empty modules to it.
 */

const EMPTY_MODULE = "data:application/typescript,";

interface ModuleGraph {
  modules: { dependencies?: { code?: Resolved; type?: Resolved }[] }[];
}

interface Resolved {
  specifier?: string;
}

/** What a module says to import from npm: package and path, without a version. */
async function npmImports(entry: string): Promise<string[]> {
  const info = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    stderr: "inherit",
  });
  const { stdout } = await info.output();
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  return graph.modules
    .flatMap(({ dependencies = [] }) => dependencies)
    .flatMap(({ code, type }) => [code?.specifier ?? "", type?.specifier ?? ""])
    .filter((specifier) => specifier.startsWith("npm:"))
    .map((specifier) => specifier.replace(/^npm:\/?(.[^@]*)@[^/]*/, "$1"));
}

interface Docs {
  readonly nodes: Record<string, { readonly symbols?: readonly Symbol[] }>;
}

interface Symbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
  }[];
}

/** The exported functions and classes without an example. */
async function withoutExample(entries: readonly string[]): Promise<string[]> {
  const doc = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...entries],
    stderr: "inherit",
  });
  const { stdout } = await doc.output();
  const { nodes }: Docs = JSON.parse(new TextDecoder().decode(stdout));
  return Object.values(nodes).flatMap(({ symbols = [] }) => symbols)
    .filter(({ declarations }) =>
      declarations.some(({ kind }) =>
        kind === "function" || kind === "class"
      ) &&
      !declarations.some(({ jsDoc }) =>
        jsDoc?.tags?.some(({ kind }) => kind === "example")
      )
    )
    .map(({ name }) => name);
}

const config: { exports: Record<string, string> } = JSON.parse(
  await Deno.readTextFile("deno.json"),
);
const entries = Object.values(config.exports);
const npm = (await Promise.all(entries.map(npmImports))).flat();
const imports = Object.fromEntries(npm.map((name) => [name, EMPTY_MODULE]));
const importMap = await Deno.makeTempFile({ suffix: ".json" });
try {
  await Deno.writeTextFile(importMap, JSON.stringify({ imports }));
  const lint = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", `--import-map=${importMap}`, ...entries],
    stdout: "inherit",
    stderr: "inherit",
  });
  Deno.exitCode = (await lint.output()).code;
  for (const name of await withoutExample(entries)) {
    console.error(`${name} is exported without an example`);
    Deno.exitCode = 1;
  }
} finally {
  await Deno.remove(importMap);
}
