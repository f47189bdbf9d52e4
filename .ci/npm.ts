/**
 * Makes the npm package, in `dist/npm/` or the directory that is named: the
 * program as one bundle, and the command that starts it on npm's Deno.
 */

import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };
import { noticesOf } from "./notices.ts";
import { NPM_NAME } from "../src/version.ts";
import { REGISTRY_NAME, REPOSITORY } from "./published_names.ts";

const ROOT = new URL("../", import.meta.url);

/** One sentence for the registries. */
export const DESCRIPTION =
  "Connects MCP clients to MCP servers behind AWS IAM: a stdio proxy that " +
  "signs with SigV4 and SigV4A";

/** The `package.json`. */
export function packageManifest(): Record<string, unknown> {
  return {
    name: NPM_NAME,
    version: manifest.version,
    mcpName: REGISTRY_NAME,
    description: DESCRIPTION,
    keywords: ["mcp", "aws", "iam", "sigv4", "sigv4a", "proxy", "stdio"],
    license: manifest.license,
    repository: {
      type: "git",
      url: `git+https://github.com/${REPOSITORY}.git`,
    },
    homepage: `https://github.com/${REPOSITORY}#readme`,
    type: "module",
    bin: { [NPM_NAME]: "sigv4-proxy.cjs" },
    engines: { node: ">=18" },
    // The one that this was built and tested with, and no other.
    dependencies: { deno: Deno.version.deno },
  };
}

/** Where Deno keeps packages, in comments and keys of the bundler's. */
const CACHE = /(?<=^(?:\/\/ | *"))[^"\s]*?\/npm\/[^/"\s]+\//gm;

/** Bundles a module; what went into it is told. */
async function bundle(
  entry: string,
  directory: string,
  flags: readonly string[],
): Promise<string[]> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform=deno",
      // Minified, a `using` is lost whose name is read once.
      "--sourcemap=external",
      `--outdir=${directory}`,
      ...flags,
      entry,
    ],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`${entry}: ${new TextDecoder().decode(stderr)}`);
  }
  const sources: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    const path = join(directory, name);
    const text = await Deno.readTextFile(path);
    // Both name the paths of this machine.
    if (name.endsWith(".js")) {
      await Deno.writeTextFile(path, text.replace(CACHE, ""));
    }
    if (!name.endsWith(".map")) continue;
    const map: { sources: string[] } = JSON.parse(text);
    await Deno.remove(path);
    sources.push(...map.sources.map((source) => join(directory, source)));
  }
  return sources;
}

/** No package is needed to find permissions, so that it is one short file. */
const WITHOUT_PACKAGES = Object.entries(manifest.imports)
  .filter(([, specifier]) => specifier.startsWith("npm:"))
  .map(([name]) => `--external=${name}`);

/**
 * Makes the package.
 *
 * @param directory Where; what is there is removed.
 */
export async function makeNpmPackage(directory: string): Promise<void> {
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  const lib = join(directory, "lib");
  await Deno.mkdir(lib, { recursive: true });
  const sources = [
    // What is loaded when it is needed stays apart.
    ...await bundle("mod.ts", lib, ["--code-splitting"]),
    ...await bundle(".ci/npm/permissions.ts", lib, WITHOUT_PACKAGES),
  ];
  await Deno.writeTextFile(
    join(directory, "package.json"),
    `${JSON.stringify(packageManifest(), undefined, 2)}\n`,
  );
  await Deno.writeTextFile(
    join(directory, "THIRD-PARTY-NOTICES.txt"),
    await noticesOf(sources),
  );
  for (const name of ["LICENSE", "README.md", ".ci/npm/sigv4-proxy.cjs"]) {
    const to = join(directory, name.replace(".ci/npm/", ""));
    await Deno.copyFile(new URL(name, ROOT), to);
  }
}

if (import.meta.main) {
  await makeNpmPackage(Deno.args[0] ?? new URL("dist/npm", ROOT).pathname);
}
