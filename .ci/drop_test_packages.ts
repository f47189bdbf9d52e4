/**
 * Takes the packages out of `deno.json` and `deno.lock` that only the tests
 * import. Deno loads whatever the manifest names, so without this the image of
 * docs/deploy/Dockerfile would hold all of them. What is left of the lock is as
 * it was, so that no registry is asked for versions.
 */

const MANIFEST = "deno.json";
const LOCK = "deno.lock";

interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, { dependencies?: string[] }>;
  workspace: { dependencies: string[] };
}

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

/** The package that a specifier such as `npm:@scope/name@^1` names. */
function nameIn(specifier: string): string {
  return specifier.replace(/^npm:(.[^@]*)@.*$/, "$1");
}

/** The entries of a lock that some specifiers lead to. */
function reached(lock: Lock, specifiers: readonly string[]): Set<string> {
  const keys = Object.keys(lock.npm);
  const found = new Set<string>();
  const visit = (dependency: string): void => {
    // "name@version", or the name alone where there is one version of it.
    const key = dependency in lock.npm
      ? dependency
      : keys.find((key) => key.startsWith(`${dependency}@`));
    if (key === undefined || found.has(key)) return;
    found.add(key);
    lock.npm[key].dependencies?.forEach(visit);
  };
  for (const specifier of specifiers) {
    visit(`${nameIn(specifier)}@${lock.specifiers[specifier]}`);
  }
  return found;
}

function pick<T>(
  from: Record<string, T>,
  isKept: (key: string) => boolean,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries(from).filter(([key]) => isKept(key)),
  );
}

const manifest: { imports: Record<string, string> } = JSON.parse(
  await Deno.readTextFile(MANIFEST),
);
const imported = await importsOf("mod.ts");
manifest.imports = pick(
  manifest.imports,
  (name) =>
    !manifest.imports[name].startsWith("npm:") ||
    imported.has(manifest.imports[name]),
);
const names = new Set(Object.values(manifest.imports).map(nameIn));
const isKept = (specifier: string): boolean =>
  !specifier.startsWith("npm:") || names.has(nameIn(specifier));

const lock: Lock = JSON.parse(await Deno.readTextFile(LOCK));
const specifiers = pick(lock.specifiers, isKept);
const found = reached(lock, Object.keys(specifiers));
const rest: Lock = {
  ...lock,
  specifiers,
  npm: pick(lock.npm, (key) => found.has(key)),
  workspace: {
    ...lock.workspace,
    dependencies: lock.workspace.dependencies.filter(isKept),
  },
};
for (const [path, value] of [[MANIFEST, manifest], [LOCK, rest]] as const) {
  await Deno.writeTextFile(path, JSON.stringify(value, undefined, 2));
}
