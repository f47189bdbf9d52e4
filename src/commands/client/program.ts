/**
 * How to start this very program tomorrow as well: by a path that no upgrade
 * and no package manager takes away.
 *
 * @module
 */

import { basename, join, win32 } from "node:path";
import type { CommandContext, Program } from "../context.ts";

/** A way to start the program, and what a person has to know of it. */
export interface ProgramStart {
  /** The executable, and what goes before all other arguments. */
  readonly words: readonly [command: string, ...args: string[]];
  /** A sentence each. */
  readonly notes: readonly string[];
}

type World = Pick<CommandContext, "env" | "os" | "program">;

/** npm's store of what npx runs, which npm may empty. */
const NPX_STORE = /[/\\]_npx[/\\]/;

const NPX_NOTE =
  "this Deno is npx's, in a directory that npm may empty: the entry starts " +
  "npx, which the client has to find on its PATH";

/** Whether a directory is of one version, as Homebrew, mise and Nix have them. */
function isOfOneVersion(path: string): boolean {
  const directories = path.split(/[/\\]/).slice(1, -1);
  return directories.some((name) => /\d\.\d+\.\d/.test(name));
}

/**
 * Finds how to start the program.
 *
 * @param world The program, and where else it may be found.
 * @returns The way that lasts longest.
 */
export async function findStart(world: World): Promise<ProgramStart> {
  const { program, os } = world;
  if (program.module !== undefined && NPX_STORE.test(program.command)) {
    const args = ["-y", "deno@2"];
    // There npx is a script, which only the shell can start.
    const words: ProgramStart["words"] = os === "windows"
      ? ["cmd", "/c", "npx", ...args]
      : ["npx", ...args];
    return { words, notes: [NPX_NOTE] };
  }
  const command = await lastingPath(world);
  const notes = isOfOneVersion(command)
    ? [
      `${command} is the path of one version: after an upgrade, run this again`,
    ]
    : [];
  return { words: [command], notes };
}

/**
 * Finds the words that start the executable: its paths, and the names that
 * `PATH` leads from to it and to no other file.
 *
 * @param world The program, and where else it may be found.
 * @returns Paths and names.
 */
export async function findNames(world: World): Promise<ReadonlySet<string>> {
  const { program, os } = world;
  const names = new Set([program.command, ...await otherPaths(world)]);
  for (const name of namesOf(program)) {
    const path = await firstThere(pathsOf(world, [name]));
    if (path === undefined || !names.has(path)) continue;
    names.add(name);
    if (os === "windows") names.add(name.replace(/\.exe$/i, ""));
  }
  return names;
}

/** Deno knows itself with all links followed; `PATH` may have the link. */
async function lastingPath(world: World): Promise<string> {
  const found = await otherPaths(world);
  const [first = world.program.command] = found;
  return found.find((path) => !isOfOneVersion(path)) ?? first;
}

/** The paths by which `PATH` leads to the program. */
async function otherPaths(world: World): Promise<string[]> {
  const { program } = world;
  const found: string[] = [];
  for (const path of pathsOf(world, namesOf(program))) {
    if (await isSameFile(path, program.command)) found.push(path);
  }
  return found;
}

/** Where `PATH` would find a program of these names, in its order. */
function pathsOf({ env, os }: World, names: readonly string[]): string[] {
  const isWindows = os === "windows";
  const directories = (env("PATH") ?? "").split(isWindows ? ";" : ":")
    .filter((path) => isWindows ? win32.isAbsolute(path) : path[0] === "/");
  return directories.flatMap((directory) =>
    names.map((name) => join(directory, name))
  );
}

function namesOf({ command, module }: Program): string[] {
  const name = basename(command);
  return module === undefined ? [...new Set(["sigv4-proxy", name])] : [name];
}

async function firstThere(
  paths: readonly string[],
): Promise<string | undefined> {
  for (const path of paths) {
    const found = await Deno.stat(path).catch(() => undefined);
    if (found?.isFile) return path;
  }
  return undefined;
}

/** A path that may not be looked at is as good as another one. */
async function isSameFile(path: string, real: string): Promise<boolean> {
  try {
    return await Deno.realPath(path) === await Deno.realPath(real);
  } catch {
    return false;
  }
}
