/**
 * `config`: the entry that makes an MCP client start the proxy, printed or put
 * into the client's file.
 *
 * @module
 */

import {
  homeDirectory,
  profileOfEnv,
} from "../../aws/shared_files/shared_files.ts";
import { type Config, parseCommand } from "../../config/config.ts";
import { ConfigError } from "../../errors.ts";
import { versionText } from "../../config/help.ts";
import { nearest } from "../../config/nearest.ts";
import { approveChange } from "./approval.ts";
import { type Edited, EditError, type FileLanguage, putEntry } from "./edit.ts";
import {
  FileError,
  isInRepository,
  readClientFile,
  replaceClientFile,
  withoutMark,
} from "./file.ts";
import { CARRIED_VARIABLES, findLaunch } from "./launch.ts";
import { checkName, serverName } from "./name.ts";
import type { OwnProgram } from "./own.ts";
import { findNames } from "./program.ts";
import { demandStdio, withoutFront } from "./stdio.ts";
import { type Client, CLIENTS, type Entry } from "./clients.ts";
import {
  CLIENT_NAMES,
  type ClientName,
  commandHelp,
  COMMANDS,
} from "../../config/commands.ts";
import type { CommandContext } from "../context.ts";
import { flagNames, takeOwnFlags } from "../own_flags.ts";

/**
 * Runs the subcommand.
 *
 * @param args What follows `config`: a client, its own flags and the proxy's.
 * @param world The world.
 * @returns The exit code: 1 if the client's file was not written.
 * @throws {ConfigError} The arguments have faults.
 */
export async function runConfig(
  args: readonly string[],
  world: CommandContext,
): Promise<number> {
  const { env, notes: frontNotes } = withoutFront(world.env);
  const context: CommandContext = { ...world, env };
  const { rest, given } = takeOwnFlags(args, COMMANDS.config.flags);
  const [word, ...options] = rest;
  if (word === "--help" || word === "-h") {
    await context.write(commandHelp("config"));
    return 0;
  }
  const client = clientNamed(word);
  demandStdio(options);
  const command = await parseCommand(options, context.env, {
    profileRegion: context.profileRegion,
    findCaBundle: context.findCaBundle,
    ownFlags: flagNames(COMMANDS.config.flags),
  });
  switch (command.kind) {
    case "help":
      await context.write(commandHelp("config"));
      return 0;
    case "version":
      await context.write(versionText(Deno.version.deno));
      return 0;
    case "run": {
      const { config } = command;
      const name = given.get("name") ?? serverName(config);
      checkName(name);
      const { launch, notes } = await findLaunch(options, config, context);
      const task: Task = {
        client,
        name,
        entry: client.entry(launch),
        config,
        own: {
          names: await findNames(context),
          module: context.program.module,
        },
        file: given.get("file") ?? usualFile(client, context),
        mayReplace: given.has("replace"),
        context,
      };
      const isDone = given.has("write")
        ? await writeEntry(task)
        : await printEntry(task);
      for (const note of [...frontNotes, ...notes]) {
        await context.writeError(`note: ${note}\n`);
      }
      return isDone ? 0 : 1;
    }
  }
}

/** What is to be done. */
interface Task {
  readonly client: Client;
  readonly name: string;
  readonly entry: Entry;
  readonly config: Config;
  /** By what this program is known in an entry. */
  readonly own: OwnProgram;
  /** The client's file; none where there is no home. */
  readonly file: string | undefined;
  /** Whether an entry that is set otherwise may be replaced. */
  readonly mayReplace: boolean;
  readonly context: CommandContext;
}

function clientNamed(word: string | undefined): Client {
  if (isClientName(word)) return CLIENTS[word];
  const known = `the clients are ${CLIENT_NAMES.join(", ")}`;
  if (word === undefined || word.startsWith("-")) {
    throw new ConfigError([`config needs a client first (${known})`]);
  }
  const guess = nearest(word, CLIENT_NAMES);
  const hint = guess === undefined ? known : `did you mean ${guess}? ${known}`;
  throw new ConfigError([`unknown client ${JSON.stringify(word)} (${hint})`]);
}

function isClientName(word: string | undefined): word is ClientName {
  return word !== undefined && Object.hasOwn(CLIENTS, word);
}

async function printEntry(task: Task): Promise<boolean> {
  const { client, name, entry, file, context } = task;
  const language = await languageOf(client);
  const { text } = putEntry(language, {
    text: "",
    container: client.container,
    name,
    entry,
    defaults: client.defaults?.(name),
    approve: () => {},
  });
  await context.write(text);
  const where = file === undefined ? "" : ` ${file}`;
  await context.writeError(
    `note: ${client.title} reads this from its file${where}; --write puts it ` +
      "there\n",
  );
  return true;
}

async function writeEntry(task: Task): Promise<boolean> {
  const { client, name, file: path, context } = task;
  if (path === undefined) {
    await context.writeError("there is no home directory: name the --file\n");
    return false;
  }
  try {
    const file = await readClientFile(path);
    const { mark, rest } = withoutMark(file.text ?? "");
    const { edited, lost } = await edit(task, rest);
    if (edited.kind === "unchanged") {
      await context.write(`"${name}" is in ${file.path} already\n`);
      return true;
    }
    const text = mark + edited.text;
    const backup = await replaceClientFile(file, text, context.now());
    const kept = backup === undefined ? "" : `; as it was: ${backup}`;
    await context.write(`${edited.kind} "${name}" in ${file.path}${kept}\n`);
    const isUsual = path === usualFile(client, context);
    const { reload } = isUsual
      ? client
      : { reload: `have the client read ${file.path} again` };
    await context.write(`next: ${reload}\n`);
    if (lost.length > 0) {
      await context.writeError(
        `note: the entry before had ${lost.join(", ")}, and this one has not\n`,
      );
    }
    if (backup !== undefined && await isInRepository(file.path)) {
      await context.writeError(
        "note: the file is in a repository: keep the copy (*.bak) out of it\n",
      );
    }
    return true;
  } catch (error) {
    if (error instanceof EditError) {
      await context.writeError(
        `${path} is left as it is: ${error.message}; without --write, the ` +
          "entry is printed to be put in by hand\n",
      );
      return false;
    }
    if (!(error instanceof FileError)) throw error;
    await context.writeError(`${error.message}\n`);
    return false;
  }
}

/** Puts the entry into the text of the client's file; gives what is lost. */
async function edit(
  task: Task,
  text: string,
): Promise<{ edited: Edited; lost: readonly string[] }> {
  const { client, name, entry, config, context } = task;
  let lost: readonly string[] = [];
  const edited = putEntry(await languageOf(client), {
    text,
    container: client.container,
    name,
    entry,
    defaults: client.defaults?.(name),
    gone: variablesGone(entry),
    approve: (existing) => {
      lost = approveChange(existing, {
        ...task,
        profile: config.profile ?? profileOfEnv(context.env),
      });
    },
  });
  return { edited, lost };
}

/** Variables of an entry before, which must not go on to count. */
function variablesGone(entry: Entry): (readonly [string, string])[] {
  return ["env", "envs"].flatMap((member) => {
    const variables = Object.keys(entry[member] ?? {});
    return CARRIED_VARIABLES.filter((name) => !variables.includes(name))
      .map((name) => [member, name] as const);
  });
}

/** The editors of files are loaded when one is edited, and at no other time. */
async function languageOf({ format }: Client): Promise<FileLanguage> {
  if (format === "yaml") return (await import("./yaml_language.ts")).YAML;
  return (await import("./jsonc_language.ts")).JSONC;
}

function usualFile(
  client: Client,
  { os, env }: CommandContext,
): string | undefined {
  const home = homeDirectory(env);
  return home === undefined ? undefined : client.file({ os, env, home });
}
