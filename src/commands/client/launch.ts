/**
 * How a client is to start the proxy: the program, by a path that no upgrade
 * and no package manager takes away, with the configuration of this command
 * line and this environment.
 */

import { basename, join, resolve, win32 } from "node:path";
import { commaNotes } from "../../permissions.ts";
import {
  homeDirectory,
  profileOfEnv,
  sharedPaths,
} from "../../aws/shared_files/paths.ts";
import type { Config, RunCommand } from "../../config/config.ts";
import type { CommandContext } from "../context.ts";
import { ConfigError } from "../../errors.ts";
import { JSR_PACKAGE, NPM_NAME, VERSION } from "../../version.ts";
import { FILE_VARIABLES, findNeeds, permissionFlags } from "../needs.ts";
import { absolute, type Launch } from "./clients.ts";
import { entryOptions } from "./entry_options.ts";

/** npm's store of what npx runs, which npm may empty. */
const NPX_STORE = /[/\\]_npx[/\\]/;

/** What some of the characters are to the shell of Windows. */
const SHELL_CHARACTERS = /[&|<>^%"]/;

/**
 * Makes the launch for a configuration, with the narrowest permissions, and a
 * sentence for each thing that a person has to know of it.
 *
 * @param by `npx` or `deno`. Default: as this program is started, by npx
 * where it is npm that has brought it.
 * @throws {ConfigError} There is no such way to start it.
 */
export async function findLaunch(
  { config, parsed }: RunCommand,
  context: CommandContext,
  by?: string,
): Promise<{ launch: Launch; notes: readonly string[] }> {
  const { options, notes } = entryOptions(parsed, config);
  const env = carriedEnv(config, context.env);
  const start = await findStart(context, by);
  notes.push(...contextNotes(config, context.env), ...start.notes);
  const words = [...start.words];
  if (start.module !== undefined) {
    const needs = await findNeeds(config, context);
    notes.push(...commaNotes(needs));
    const own = start.module.startsWith("jsr:") ? ownFlags(context) : [];
    words.push("run", ...own, ...permissionFlags(needs), start.module);
  }
  const [command = "", ...before] = words;
  const own = [config.targetUrl.href, ...options];
  if (command === "cmd" && own.some((word) => SHELL_CHARACTERS.test(word))) {
    notes.push(
      "an argument has a character (& | < > ^ % or a quote) that the shell of " +
        "Windows reads itself: set the option's MCP_… variable in the entry in " +
        "its place",
    );
  }
  return { launch: { command, args: [...before, ...own], env }, notes };
}

function carriedEnv(
  { profile }: Config,
  env: CommandContext["env"],
): Launch["env"] {
  const paths = sharedPaths(env);
  // The client starts the program wherever it likes.
  const carried = {
    AWS_PROFILE: profile === undefined && profileOfEnv(env),
    AWS_CONFIG_FILE: env("AWS_CONFIG_FILE") && resolve(paths.config),
    AWS_SHARED_CREDENTIALS_FILE: env("AWS_SHARED_CREDENTIALS_FILE") &&
      resolve(paths.credentials),
  };
  return Object.fromEntries(
    Object.entries(carried).flatMap(([name, to]) => to ? [[name, to]] : []),
  );
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

/**
 * Keeps Deno from taking up `deno.json` and `deno.lock` where the client is
 * started: its start could fail by them, and write to them. A lock file of its
 * own keeps the versions of packages, which Deno would settle at each start.
 */
function ownFlags({ os, env }: CommandContext): string[] {
  const home = absolute(homeDirectory(env), { os });
  const caches = {
    windows: absolute(env("LOCALAPPDATA"), { os }),
    darwin: home && join(home, "Library", "Caches"),
  };
  const cache = os === "windows" || os === "darwin"
    ? caches[os]
    : absolute(env("XDG_CACHE_HOME"), { os }) || home && join(home, ".cache");
  const directory = env("DENO_DIR") || cache && join(cache, "deno");
  return directory
    ? ["--no-config", `--lock=${resolve(directory, "sigv4-proxy.lock")}`]
    : ["--no-config"];
}

interface Start {
  /** The executable and what goes before all other arguments. */
  readonly words: readonly string[];
  /** What Deno is to run, with permissions; none where it is no Deno. */
  readonly module?: string;
  readonly notes: readonly string[];
}

async function findStart(
  context: CommandContext,
  by: string | undefined,
): Promise<Start> {
  const { command, module, npmPackage } = context.program;
  if (by !== undefined && by !== "npx" && by !== "deno") {
    throw new ConfigError([`--launch must be npx or deno, got "${by}"`]);
  }
  // Where npx has brought Deno, none is installed.
  const isNpx = NPX_STORE.test(command);
  const isByNpm = npmPackage !== undefined ||
    isNpx && module === JSR_PACKAGE;
  if (by === "npx" || by === undefined && isByNpm) {
    const note = "the entry starts npx, which the client has to find on its " +
      "PATH; the permissions are found at each start";
    const name = npmPackage ?? `${NPM_NAME}@${VERSION}`;
    return { words: npx(context, name), notes: [note] };
  }
  if (by === "deno" && (isNpx || module === undefined || npmPackage)) {
    const published = { module: module ?? JSR_PACKAGE };
    const [found] = await programsOnPath(
      context,
      ["deno", "deno.exe"],
      // Not what npx has put there.
      async (path) =>
        (await Deno.stat(path)).isFile && !/[/\\]node_modules[/\\]/.test(path),
    );
    if (found !== undefined) return { words: [found], ...published, notes: [] };
    const note = "there is no Deno on this PATH: the client has to find it";
    return { words: ["deno"], ...published, notes: [note] };
  }
  if (isNpx && module !== undefined) {
    const note = "this Deno is npx's, in a directory that npm may empty: the " +
      "entry starts npx, which the client has to find on its PATH";
    return { words: npx(context, "deno@2"), module, notes: [note] };
  }
  const path = await lastingPath(context);
  const note =
    `${path} is the path of one version: after an upgrade, run this again`;
  return { words: [path], module, notes: isOfOneVersion(path) ? [note] : [] };
}

/** On Windows npx is a script, which only the shell can start. */
function npx({ os }: CommandContext, name: string): string[] {
  return [...os === "windows" ? ["cmd", "/c"] : [], "npx", "-y", name];
}

/** Whether a directory is of one version, as Homebrew, mise and Nix have them. */
function isOfOneVersion(path: string): boolean {
  const directories = path.split(/[/\\]/).slice(1, -1);
  return directories.some((name) => /\d\.\d+\.\d/.test(name));
}

/** Deno knows itself with all links followed; `PATH` may have the link. */
async function lastingPath(context: CommandContext): Promise<string> {
  const { command, module } = context.program;
  const own = module === undefined ? ["sigv4-proxy"] : [];
  const names = [...new Set([...own, basename(command)])];
  const found = await programsOnPath(
    context,
    names,
    async (path) => await Deno.realPath(path) === await Deno.realPath(command),
  );
  const [first = command] = found;
  return found.find((path) => !isOfOneVersion(path)) ?? first;
}

/** What `PATH` has of these names. What may not be looked at is not there. */
async function programsOnPath(
  { env, os }: CommandContext,
  names: readonly string[],
  isMeant: (path: string) => Promise<boolean>,
): Promise<string[]> {
  const isWindows = os === "windows";
  const paths = (env("PATH") ?? "").split(isWindows ? ";" : ":")
    .filter((path) => isWindows ? win32.isAbsolute(path) : path[0] === "/")
    .flatMap((directory) => names.map((name) => join(directory, name)));
  const found: string[] = [];
  for (const path of paths) {
    if (await isMeant(path).catch(() => false)) found.push(path);
  }
  return found;
}
