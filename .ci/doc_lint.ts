/**
 * Lints the documentation of what the package exports. Left to itself, `deno doc`
 * holds the types of npm packages to the same rules, and does not find those of
 * the MCP SDK: so these packages are empty modules to it.
 *
 * @module
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
} finally {
  await Deno.remove(importMap);
}
