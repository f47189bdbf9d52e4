/**
 * The npm package as a user has it: made by its task, packed, and installed
 * from the tarball into an empty directory.
 */

import { join } from "node:path";
import { denoDir, type LaunchOptions } from "../support/program/launch.ts";
import { registryVariables } from "../support/program/registry.ts";
import { systemVariables } from "../support/program/system_variables.ts";
import { type Outcome, outcomeOf } from "../support/program/outcome.ts";

const ROOT = new URL("../../", import.meta.url);
const isWindows = Deno.build.os === "windows";

/** The package, installed. */
export interface NpmPackage extends AsyncDisposable {
  /** Where it is installed; its name is not a simple one. */
  readonly directory: string;
  /** What the registry would have. */
  readonly files: string;
  /** Deno's cache, in which only starts of this package leave anything. */
  readonly cache: string;
  /** The command. */
  readonly command: readonly [string, ...string[]];
}

let asked: Promise<boolean> | undefined;

/** Whether this machine has npm; it is asked once. */
export function hasNpm(): Promise<boolean> {
  return asked ??= run([...npm(), "--version"], ".")
    .then(() => true, () => false);
}

function npm(): string[] {
  return isWindows ? ["cmd", "/c", "npm"] : ["npm"];
}

/** Runs a package of the registry, and gives what it prints. */
export async function runNpx(
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const npx = isWindows ? ["cmd", "/c", "npx"] : ["npx"];
  return await run([...npx, "-y", "--prefer-offline", ...args], cwd);
}

async function output(
  [command, ...args]: readonly string[],
  cwd: string | URL,
): Promise<Outcome> {
  return await outcomeOf(command, {
    args,
    cwd,
    clearEnv: true,
    env: {
      ...systemVariables(),
      ...registryVariables(),
      DENO_DIR: await denoDir(),
      NO_COLOR: "1",
    },
  });
}

async function run(
  command: readonly string[],
  cwd: string | URL,
): Promise<string> {
  const { code, stdout, stderr } = await output(command, cwd);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}

/** Runs commands as a workflow does, and gives all that they say. */
export async function runScript(
  script: string,
  cwd: string,
): Promise<{ code: number; said: string }> {
  const { code, stdout, stderr } = await output(["bash", "-ec", script], cwd);
  return { code, said: stdout + stderr };
}

async function install(): Promise<NpmPackage> {
  const scratch = await Deno.realPath(await Deno.makeTempDir());
  const files = join(scratch, "files");
  const directory = join(scratch, "it's a folder, too");
  await run([Deno.execPath(), "run", "-A", ".ci/npm.ts", files], ROOT);
  await run([...npm(), "pack", "--pack-destination", scratch], files);
  const [tarball] = (await Array.fromAsync(Deno.readDir(scratch)))
    .map(({ name }) => name).filter((name) => name.endsWith(".tgz"));
  await Deno.mkdir(directory);
  await Deno.writeTextFile(join(directory, "package.json"), "{}");
  const install = ["install", "--ignore-scripts", "--prefer-offline"];
  await run([...npm(), ...install, join(scratch, tarball)], directory);
  const modules = join(directory, "node_modules");
  return {
    directory,
    files,
    cache: join(scratch, "cache"),
    // npm's script for Windows is one that only the shell can start.
    command: isWindows
      ? ["node", join(modules, "sigv4-proxy", "sigv4-proxy.cjs")]
      : [join(modules, ".bin", "sigv4-proxy")],
    async [Symbol.asyncDispose](): Promise<void> {
      await Deno.remove(scratch, { recursive: true });
    },
  };
}

let installed: Promise<NpmPackage> | undefined;

/** The package, made and installed when the first test needs it. */
export function npmPackage(): Promise<NpmPackage> {
  return installed ??= install();
}

/** Removes it, if there is one. */
export async function removeNpmPackage(): Promise<void> {
  const npmPackage = await installed;
  installed = undefined;
  await npmPackage?.[Symbol.asyncDispose]();
}

/** No registry is there to ask. */
const NO_REGISTRY = {
  JSR_URL: "http://127.0.0.1:1",
  NPM_CONFIG_REGISTRY: "http://127.0.0.1:1",
};

/** How to start the command for a server. */
export async function npmLaunch(
  { url }: { readonly url: URL },
  options: Partial<LaunchOptions> = {},
): Promise<LaunchOptions> {
  const { command, cache } = await npmPackage();
  const env = { DENO_DIR: cache, ...NO_REGISTRY, ...options.env };
  return { target: url, command, ...options, env };
}
