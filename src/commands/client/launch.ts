/**
 * How a client is to start the proxy: the same configuration as on this command
 * line and in this environment, written out.
 *
 * @module
 */

import { resolve } from "node:path";
import { parseArguments } from "../../config/arguments.ts";
import {
  PROFILE_VARIABLES,
  profileOfEnv,
  sharedPaths,
} from "../../aws/shared_files/shared_files.ts";
import { commaNotes } from "../../aws/credentials/permissions.ts";
import { readEndpoint } from "../../aws/endpoint.ts";
import type { Config } from "../../config/config.ts";
import type { Option } from "../../config/option.ts";
import { OPTION_KEYS, type OptionKey, OPTIONS } from "../../config/options.ts";
import { readSettings, type Source, splitList } from "../../config/settings.ts";
import { findStart } from "./program.ts";
import type { Launch } from "./clients.ts";
import { type CommandContext, knownHost } from "../context.ts";
import { findNeeds, permissionFlags } from "../needs.ts";

/** A launch, and what a person has to know of it. */
export interface LaunchFinding {
  readonly launch: Launch;
  /** A sentence each. */
  readonly notes: readonly string[];
}

/** Variables that name files, or the profile, and hold no secret. */
export const CARRIED_VARIABLES: readonly string[] = [
  ...PROFILE_VARIABLES,
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
  const { options, notes } = optionArgs(args, config, context.env);
  const own = [config.targetUrl.href, ...options];
  notes.push(...targetNotes(config), ...envNotes(config, context.env));
  const env = carriedEnv(config, context.env);
  const start = await findStart(context);
  notes.push(...start.notes);
  const [command, ...before] = start.words;
  if (program.module === undefined) {
    return { launch: { command, args: own, env }, notes };
  }
  const needs = await findNeeds(config, context);
  notes.push(...commaNotes(needs));
  const run = [
    ...before,
    "run",
    ...permissionFlags(needs),
    program.module,
    ...own,
  ];
  return { launch: { command, args: run, env }, notes };
}

/** Each option that counts, set by a flag or a variable, as a flag. */
function optionArgs(
  args: readonly string[],
  config: Config,
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
    if (key === "region" && isPassedOver(source, config)) continue;
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
  if (options.some((text) => /\s/.test(text))) {
    notes.push(
      "an argument has a blank in it, at which some clients split it: for " +
        "those, set the option's MCP_… variable in the entry in its place",
    );
  }
  if (options.some((text) => text.includes("${"))) {
    notes.push(
      "some clients replace ${NAME} in their files themselves; for those, put " +
        "the header into a --header-file",
    );
  }
  return { options, notes };
}

/** A host that tells its region goes before a variable, and not before a flag. */
function isPassedOver({ kind }: Source, config: Config): boolean {
  return kind === "variable" &&
    readEndpoint(knownHost(config))?.region !== undefined;
}

/** As a flag would say it: a list's variable has commas. */
function variableTexts(option: Option, value: string | undefined): string[] {
  const text = value?.trim() ?? "";
  return option.kind === "list" ? splitList(text) : [text];
}

function flagArgs({ flag }: Option, text: string): string[] {
  return text.startsWith("-") ? [`--${flag}=${text}`] : [`--${flag}`, text];
}

function carriedEnv(
  { profile }: Config,
  env: CommandContext["env"],
): Launch["env"] {
  const paths = sharedPaths(env);
  const carried: Record<string, string | undefined> = {
    AWS_PROFILE: profile === undefined ? profileOfEnv(env) : undefined,
    AWS_CONFIG_FILE: env("AWS_CONFIG_FILE") && paths?.config,
    AWS_SHARED_CREDENTIALS_FILE: env("AWS_SHARED_CREDENTIALS_FILE") &&
      paths?.credentials,
  };
  const texts = Object.entries(carried).flatMap(([name, value]) => {
    if (!value) return [];
    // The client starts the program wherever it likes.
    return [[name, name === "AWS_PROFILE" ? value : resolve(value)]];
  });
  return Object.fromEntries(texts);
}

/** A key in a query is seen in the file by whoever sees the file. */
function targetNotes({ targetUrl }: Config): string[] {
  if (targetUrl.search === "") return [];
  return ["the query of the target URL stands in the entry, in plain text"];
}

function envNotes(
  { profile, variables }: Config,
  env: CommandContext["env"],
): string[] {
  const notes: string[] = [];
  if (profile === undefined && env("AWS_ACCESS_KEY_ID")) {
    notes.push(
      "the keys of this environment are not written anywhere: the client needs " +
        "a profile (--profile) or keys in its own environment",
    );
  }
  const proxy = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]
    .find((name) => env(name));
  const named = variables.filter((name) => !CARRIED_VARIABLES.includes(name));
  for (
    const name of new Set([...named, ...proxy === undefined ? [] : [proxy]])
  ) {
    notes.push(
      `${name} is left out: set it where the client is started, or in the entry`,
    );
  }
  return notes;
}
