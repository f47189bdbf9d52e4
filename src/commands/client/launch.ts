/**
 * How a client is to start the proxy: the program, by a path that no upgrade
 * and no package manager takes away, with the configuration of this command
 * line and this environment.
 *
 * @module
 */

import { basename, join, resolve, win32 } from "node:path";
import { commaNotes } from "../../permissions.ts";
import { profileOfEnv, sharedPaths } from "../../aws/shared_files/paths.ts";
import type { Config, RunCommand } from "../../config/config.ts";
import type { CommandContext } from "../context.ts";
import { FILE_VARIABLES, findNeeds, permissionFlags } from "../needs.ts";
import type { Launch } from "./clients.ts";
import { entryOptions } from "./entry_options.ts";

/** npm's store of what npx runs, which npm may empty. */
const NPX_STORE = /[/\\]_npx[/\\]/;

/**
 * Makes the launch for a configuration, with the narrowest permissions, and a
 * sentence for each thing that a person has to know of it.
 */
export async function findLaunch(
  { config, reading }: RunCommand,
  context: CommandContext,
): Promise<{ launch: Launch; notes: readonly string[] }> {
  const { module } = context.program;
  const { options, notes } = entryOptions(reading, config);
  const env = carriedEnv(config, context.env);
  const start = await findStart(context);
  notes.push(...contextNotes(config, context.env), ...start.notes);
  const words = [...start.words];
  if (module !== undefined) {
    const needs = await findNeeds(config, context);
    notes.push(...commaNotes(needs));
    words.push("run", ...permissionFlags(needs), module);
  }
  const [command, ...before] = words;
  const launch = {
    command,
    args: [...before, config.targetUrl.href, ...options],
    env,
  };
  return { launch, notes };
}

function carriedEnv(
  { profile }: Config,
  env: CommandContext["env"],
): Launch["env"] {
  const paths = sharedPaths(env);
  // The client starts the program wherever it likes.
  const carried = {
    AWS_PROFILE: profile === undefined && profileOfEnv(env),
    AWS_CONFIG_FILE: env("AWS_CONFIG_FILE") && paths && resolve(paths.config),
    AWS_SHARED_CREDENTIALS_FILE: env("AWS_SHARED_CREDENTIALS_FILE") &&
      paths && resolve(paths.credentials),
  };
  const set = Object.entries(carried).filter((pair): pair is [string, string] =>
    Boolean(pair[1])
  );
  return Object.fromEntries(set);
}

function contextNotes(
  { targetUrl, profile, variables }: Config,
  env: CommandContext["env"],
): string[] {
  const notes: string[] = [];
  // A key in it is seen by whoever sees the file.
  if (targetUrl.search !== "") {
    notes.push(
      "the query of the target URL stands in the entry, in plain text",
    );
  }
  if (profile === undefined && env("AWS_ACCESS_KEY_ID")) {
    notes.push(
      "the keys of this environment are not written anywhere: the client needs " +
        "a profile (--profile) or keys in its own environment",
    );
  }
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
    .filter((name) => env(name)).slice(0, 1);
  const named = variables.filter((name) => !FILE_VARIABLES.includes(name));
  for (const name of new Set([...named, ...proxy])) {
    notes.push(
      `${name} is left out: set it where the client is started, or in the entry`,
    );
  }
  return notes;
}

/** The executable and what goes before all other arguments. */
async function findStart(
  context: CommandContext,
): Promise<{ words: readonly [string, ...string[]]; notes: string[] }> {
  const { program, os } = context;
  if (program.module !== undefined && NPX_STORE.test(program.command)) {
    const args = ["-y", "deno@2"];
    const note =
      "this Deno is npx's, in a directory that npm may empty: the entry " +
      "starts npx, which the client has to find on its PATH";
    // On Windows npx is a script, which only the shell can start.
    return os === "windows"
      ? { words: ["cmd", "/c", "npx", ...args], notes: [note] }
      : { words: ["npx", ...args], notes: [note] };
  }
  const command = await lastingPath(context);
  const note =
    `${command} is the path of one version: after an upgrade, run this again`;
  return { words: [command], notes: isOfOneVersion(command) ? [note] : [] };
}

/** Whether a directory is of one version, as Homebrew, mise and Nix have them. */
function isOfOneVersion(path: string): boolean {
  const directories = path.split(/[/\\]/).slice(1, -1);
  return directories.some((name) => /\d\.\d+\.\d/.test(name));
}

/** Deno knows itself with all links followed; `PATH` may have the link. */
async function lastingPath(
  { env, os, program }: CommandContext,
): Promise<string> {
  const { command, module } = program;
  const isWindows = os === "windows";
  const directories = (env("PATH") ?? "").split(isWindows ? ";" : ":")
    .filter((path) => isWindows ? win32.isAbsolute(path) : path[0] === "/");
  const own = module === undefined ? ["sigv4-proxy"] : [];
  const names = new Set([...own, basename(command)]);
  const found: string[] = [];
  for (const directory of directories) {
    for (const name of names) {
      const path = join(directory, name);
      if (await isSameFile(path, command)) found.push(path);
    }
  }
  const [first = command] = found;
  return found.find((path) => !isOfOneVersion(path)) ?? first;
}

/** A path that may not be looked at is as good as another one. */
async function isSameFile(path: string, real: string): Promise<boolean> {
  try {
    return await Deno.realPath(path) === await Deno.realPath(real);
  } catch {
    return false;
  }
}
