/**
 * How a client is to start the proxy: the same configuration as on this command
 * line and in this environment, written out.
 *
 * @module
 */

import { resolve } from "node:path";
import { parseArguments } from "../arguments.ts";
import type { Config } from "../config.ts";
import type { Option } from "../option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "../options.ts";
import { readSettings } from "../settings.ts";
import type { Launch } from "./clients.ts";
import type { CommandContext } from "./context.ts";
import { findNeeds, permissionFlags } from "./permission_flags.ts";

/** A launch, and what a person has to know of it. */
export interface LaunchFinding {
  readonly launch: Launch;
  /** A sentence each. */
  readonly notes: readonly string[];
}

/** Variables that name files, or the profile, and hold no secret. */
const CARRIED_VARIABLES: readonly string[] = [
  "AWS_PROFILE",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
];

/** What is not an option of a launch. */
const NOT_CARRIED: ReadonlySet<OptionKey> = new Set<OptionKey>([
  "targetUrl",
  "help",
  "version",
]);

/**
 * Makes the launch for a configuration.
 *
 * @param args The arguments that the configuration was read from.
 * @param config The configuration.
 * @param context The environment, and how this program is started.
 * @returns The launch, with the narrowest permissions.
 */
export async function findLaunch(
  args: readonly string[],
  config: Config,
  context: CommandContext,
): Promise<LaunchFinding> {
  const { program } = context;
  const { options, notes } = optionArgs(args, context.env);
  const own = [config.targetUrl.href, ...options];
  notes.push(...envNotes(config, context.env));
  const env = carriedEnv(config, context.env);
  if (program.module === undefined) {
    return { launch: { command: program.command, args: own, env }, notes };
  }
  const [command, ...before] = denoCommand(context);
  if (before.length > 0) notes.push(NPX_NOTE);
  const flags = permissionFlags(await findNeeds(config, context));
  const run = [...before, "run", ...flags, program.module, ...own];
  return { launch: { command, args: run, env }, notes };
}

/** npm's store of what npx runs, which npm may empty. */
const NPX_STORE = /[/\\]_npx[/\\]/;

const NPX_NOTE =
  "this Deno is npx's, in a directory that npm may empty: the entry starts " +
  "npx, which the client has to find on its PATH";

/** How to start Deno tomorrow as well: the program, and what goes before `run`. */
function denoCommand({ program, os }: CommandContext): [string, ...string[]] {
  if (!NPX_STORE.test(program.command)) return [program.command];
  const args = ["-y", "deno@2"];
  // There npx is a script, which only the shell can start.
  return os === "windows" ? ["cmd", "/c", "npx", ...args] : ["npx", ...args];
}

/** Each option that is set, by a flag or a variable, as a flag. */
function optionArgs(
  args: readonly string[],
  env: CommandContext["env"],
): { options: string[]; notes: string[] } {
  const { flags } = parseArguments(args);
  const { settings, sources } = readSettings(flags, env);
  const options: string[] = [];
  const notes: string[] = [];
  for (const key of OPTION_KEYS) {
    const option: Option = OPTIONS[key];
    const source = sources.get(key);
    if (NOT_CARRIED.has(key) || source === undefined) continue;
    if (source.kind === "default") continue;
    const isSecret = "secret" in option && option.secret === true;
    if (source.kind === "variable") {
      if (isSecret) {
        notes.push(
          `${source.name} may hold a secret and is left out: set it where the ` +
            "client is started, or in the entry",
        );
        continue;
      }
    } else if (isSecret) {
      notes.push(
        `what --${option.flag} says stands in the entry, in plain text`,
      );
    }
    if (option.kind === "boolean") {
      options.push(settings[key] ? `--${option.flag}` : `--no-${option.flag}`);
      continue;
    }
    const texts = flags.get(key) ?? variableTexts(option, env(source.name));
    const isFile = "placeholder" in option && option.placeholder === "FILE";
    for (const text of texts) {
      // The client starts the program wherever it likes.
      options.push(...flagArgs(option, isFile ? resolve(text) : text));
    }
  }
  if (options.some((text) => text.includes("${"))) {
    notes.push(
      "some clients replace ${NAME} in their files themselves; for those, put " +
        "the header into a --header-file",
    );
  }
  return { options, notes };
}

/** As a flag would say it: a list's variable has commas. */
function variableTexts(option: Option, value: string | undefined): string[] {
  const text = value?.trim() ?? "";
  if (option.kind !== "list") return [text];
  return text.split(",").map((part) => part.trim()).filter((part) => part);
}

function flagArgs({ flag }: Option, text: string): string[] {
  return text.startsWith("-") ? [`--${flag}=${text}`] : [`--${flag}`, text];
}

function carriedEnv(
  { profile }: Config,
  env: CommandContext["env"],
): Launch["env"] {
  const carried: Record<string, string> = {};
  for (const name of CARRIED_VARIABLES) {
    const value = env(name);
    if (!value || (name === "AWS_PROFILE" && profile !== undefined)) continue;
    carried[name] = value;
  }
  return carried;
}

function envNotes({ profile }: Config, env: CommandContext["env"]): string[] {
  const notes: string[] = [];
  if (profile === undefined && env("AWS_ACCESS_KEY_ID")) {
    notes.push(
      "the keys of this environment are not written anywhere: the client needs " +
        "a profile (--profile) or keys in its own environment",
    );
  }
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
    .find((name) => env(name));
  if (proxy !== undefined) {
    notes.push(
      `${proxy} is left out: set it where the client is started, or in the entry`,
    );
  }
  return notes;
}
