/**
 * Takes the packages out of `deno.json` that only the tests import. Deno loads
 * whatever the manifest names, so without this the image of
 * docs/deploy/Dockerfile would hold all of them. The versions stay as
 * `deno.lock` has them.
 *
 * @module
 */

const MANIFEST = "deno.json";

interface ModuleGraph {
  modules: { dependencies?: { code?: { specifier?: string } }[] }[];
}

/** What the program imports, be it at once or when it is needed. */
async function importsOf(entry: string): Promise<Set<string>> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    // Without npm it is known what is imported, and nothing is loaded.
    args: ["info", "--json", "--frozen", "--no-npm", entry],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`the imports of ${entry} are not known`);
  const graph: ModuleGraph = JSON.parse(new TextDecoder().decode(stdout));
  return new Set(
    graph.modules.flatMap(({ dependencies = [] }) =>
      dependencies.flatMap(({ code }) => code?.specifier ?? [])
    ),
  );
}

const manifest: { imports: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(MANIFEST),
);
const imported = await importsOf("mod.ts");
manifest.imports = Object.fromEntries(
  Object.entries(manifest.imports).filter(([, specifier]) =>
    !specifier.startsWith("npm:") || imported.has(specifier)
  ),
);
await Deno.writeTextFile(MANIFEST, JSON.stringify(manifest, undefined, 2));
