/**
 * `config`: the entry that makes an MCP client start the proxy, printed or put
 * into the client's file.
 *
 * @module
 */

import { readEndpoint } from "../aws/endpoint.ts";
import { homeDirectory } from "../aws/credential_files.ts";
import { type Config, parseCommand } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { versionText } from "../help.ts";
import { nearest } from "../nearest.ts";
import { knownHost } from "./arn.ts";
import { EditError, type FileLanguage, putEntry } from "./client_edit.ts";
import {
  FileError,
  readClientFile,
  replaceClientFile,
  withoutMark,
} from "./client_file.ts";
import { findLaunch } from "./client_launch.ts";
import { demandStdio, withoutFront } from "./client_stdio.ts";
import { type Client, CLIENTS, type Entry } from "./clients.ts";
import {
  CLIENT_NAMES,
  type ClientName,
  commandHelp,
  COMMANDS,
} from "./commands.ts";
import type { CommandContext } from "./context.ts";
import { isObject } from "./json_value.ts";
import { flagNames, takeOwnFlags } from "./own_flags.ts";

/** What every client takes for a name. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Runs the subcommand.
 *
 * @param args What follows `config`: a client, `--write`, `--name`, `--file`
 * and the proxy's flags.
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
        entry: client.entry(launch, name),
        file: given.get("file") ?? usualFile(client, context),
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
  /** The client's file; none where there is no home. */
  readonly file: string | undefined;
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

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new ConfigError([
    "--name must be of letters, digits, - and _, 64 at most",
  ]);
}

async function printEntry(task: Task): Promise<boolean> {
  const { client, name, entry, file, context } = task;
  const language = await languageOf(client);
  const { text } = putEntry(language, {
    text: "",
    container: client.container,
    name,
    entry,
    isOwn: () => false,
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
  const { client, name, entry, file: path, context } = task;
  if (path === undefined) {
    await context.writeError("there is no home directory: name the --file\n");
    return false;
  }
  try {
    const language = await languageOf(client);
    const file = await readClientFile(path);
    const { mark, rest } = withoutMark(file.text ?? "");
    const edited = putEntry(language, {
      text: rest,
      container: client.container,
      name,
      entry,
      isOwn: (existing) => isOwnEntry(existing, context),
    });
    if (edited.kind === "unchanged") {
      await context.write(`"${name}" is in ${file.path} already\n`);
      return true;
    }
    const backup = await replaceClientFile(
      file,
      mark + edited.text,
      context.now(),
    );
    const kept = backup === undefined ? "" : `; as it was: ${backup}`;
    await context.write(`${edited.kind} "${name}" in ${file.path}${kept}\n`);
    const { reload } = path === usualFile(client, context)
      ? client
      : { reload: `have the client read ${file.path} again` };
    await context.write(`next: ${reload}\n`);
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

/** The editors of files are loaded when one is edited, and at no other time. */
async function languageOf({ format }: Client): Promise<FileLanguage> {
  if (format === "yaml") return (await import("./yaml_language.ts")).YAML;
  return (await import("./jsonc_language.ts")).JSONC;
}

/** A program or a package of this name, and of no longer one. */
const OWN_NAME = /(?:^|[/\\])sigv4-proxy(?:@[^/]*|\.exe)?$/;

/** Whether an entry starts this program. */
function isOwnEntry(existing: unknown, { program }: CommandContext): boolean {
  if (!isObject(existing)) return false;
  const { command, cmd, args } = existing;
  const words = [command, cmd, ...Array.isArray(args) ? args : []];
  return words.some((word) =>
    typeof word === "string" && (OWN_NAME.test(word) || word === program.module)
  );
}

function usualFile(
  client: Client,
  { os, env }: CommandContext,
): string | undefined {
  const home = homeDirectory(env);
  return home === undefined ? undefined : client.file({ os, env, home });
}

/** The words of a host that say nothing of whose it is. */
const GENERAL_LABELS: ReadonlySet<string> = new Set(["www", "api", "mcp"]);

/** What to call the server where nobody says. */
function serverName(config: Config): string {
  const runtime = /runtime(?:%2F|\/)([\w-]+)/i.exec(config.targetUrl.pathname);
  if (runtime !== null && config.service === "bedrock-agentcore") {
    return cut(runtime[1]);
  }
  const host = knownHost(config);
  const isAddress = /^[\d.]+$|^\[/.test(host) || !host.includes(".");
  if (isAddress) return "sigv4-proxy";
  const labels = host.split(".");
  const isOurs = readEndpoint(host) !== undefined ||
    !GENERAL_LABELS.has(labels[0]);
  return cut((isOurs ? labels.slice(0, 1) : labels.slice(0, 2)).join("-"));
}

function cut(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "-").slice(0, 64);
}
