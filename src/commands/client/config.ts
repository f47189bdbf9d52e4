/**
 * `config`: the entry that makes an MCP client start the proxy, printed or put
 * into the client's file.
 */

import { knownHost, parseEndpoint } from "../../aws/endpoint.ts";
import { homeDirectory, profileOfEnv } from "../../aws/shared_files/paths.ts";
import { type Arguments, parseArguments } from "../../config/arguments.ts";
import { CLIENT_NAMES } from "../../config/commands.ts";
import { type Config, configure } from "../../config/config.ts";
import { ConfigError } from "../../errors.ts";
import { isObject } from "../../json.ts";
import { nearest } from "../../shape/nearest.ts";
import { type CommandContext, writeNotes } from "../context.ts";
import { FILE_VARIABLES } from "../needs.ts";
import {
  absolute,
  type Client,
  CLIENTS,
  type Entry,
  stdio,
} from "./clients.ts";
import { type Edited, EditError, putEntry } from "./edit.ts";
import { ensureStdio, withoutServerMode } from "./entry_options.ts";
import {
  FileError,
  isInRepository,
  readClientFile,
  replaceClientFile,
} from "./file.ts";
import { findLaunch } from "./launch.ts";

const BYTE_ORDER_MARK = "\uFEFF";

interface Task {
  readonly client: Client;
  readonly name: string;
  readonly entry: Entry;
  readonly config: Config;
  /** The client's file; none where there is no home. */
  readonly file: string | undefined;
  /** Whether another entry of the name may be replaced. */
  readonly mayReplace: boolean;
  readonly context: CommandContext;
}

export async function runConfig(
  args: readonly string[],
  world: CommandContext,
): Promise<number> {
  const { env, notes: serverNotes } = withoutServerMode(world.env);
  const context: CommandContext = { ...world, env };
  const given = parseArguments(args, "config");
  const client = clientNamed(given);
  ensureStdio(given);
  const command = await configure(given, env, context);
  const { config, own } = command;
  const name = own.get("name")?.[0] ?? serverName(config);
  checkName(name);
  const by = own.get("launch")?.[0];
  const { launch, notes } = await findLaunch(command, context, by);
  const task: Task = {
    client,
    name,
    entry: (client.entry ?? stdio)(launch),
    config,
    file: own.get("file")?.[0] ?? usualFile(client, context),
    mayReplace: own.get("replace")?.[0] === "true",
    context,
  };
  const isWritten = own.get("write")?.[0] === "true";
  const fault = await (isWritten ? writeEntry(task) : printEntry(task))
    .then(() => undefined, (error) => {
      if (error instanceof FileError) return error.message;
      throw error;
    });
  if (fault !== undefined) await context.writeError(`${fault}\n`);
  await writeNotes([...serverNotes, ...notes], context);
  return fault === undefined ? 0 : 1;
}

function clientNamed({ word, faults }: Arguments): Client {
  const known = CLIENT_NAMES.find((name) => name === word);
  if (known !== undefined) return CLIENTS[known];
  const all = `the clients are ${CLIENT_NAMES.join(", ")}`;
  // What stands in its place may hold a secret.
  if (word === undefined || /^https?:/i.test(word)) {
    const fault = `config needs a client first (${all})`;
    throw new ConfigError([fault, ...faults]);
  }
  const guess = nearest(word, CLIENT_NAMES);
  const hint = guess === undefined ? all : `did you mean ${guess}? ${all}`;
  const fault = `unknown client ${JSON.stringify(word)} (${hint})`;
  throw new ConfigError([fault, ...faults]);
}

async function printEntry(task: Task): Promise<void> {
  const { client, file, context } = task;
  const { text } = await edit(task, "");
  await context.write(text);
  const where = file === undefined ? "" : ` ${file}`;
  await writeNotes([
    `${client.title} reads this from its file${where}; --write puts it there`,
  ], context);
}

/** @throws {FileError} It cannot be written, or is better left as it is. */
async function writeEntry(task: Task): Promise<void> {
  const { client, name, file: path, context } = task;
  if (path === undefined) {
    throw new FileError("there is no home directory: name the --file");
  }
  const file = await readClientFile(path);
  const { text: before = "" } = file;
  const mark = before.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : "";
  const edited = await edit(task, before.slice(mark.length)).catch((error) => {
    if (!(error instanceof EditError)) throw error;
    throw new FileError(
      `${path} is left as it is: ${error.message}; without --write, the entry ` +
        "is printed to be put in by hand",
    );
  });
  const { kind, text, lost } = edited;
  if (kind === "unchanged") {
    return await context.write(`"${name}" is in ${file.path} already\n`);
  }
  const backup = await replaceClientFile(file, mark + text, context.now());
  const kept = backup === undefined ? "" : `; as it was: ${backup}`;
  const reload = path === usualFile(client, context)
    ? client.reload
    : `have the client read ${file.path} again`;
  await context.write(`${kind} "${name}" in ${file.path}${kept}\n`);
  await context.write(`next: ${reload}\n`);
  const notes = lost.length === 0
    ? []
    : [`the entry before had ${lost.join(", ")}, and this one has not`];
  if (backup !== undefined && await isInRepository(file.path)) {
    notes.push("the file is in a repository: keep the copy (*.bak) out of it");
  }
  await writeNotes(notes, context);
}

async function edit(task: Task, text: string): Promise<Edited> {
  const { client, name, entry, mayReplace } = task;
  // The editors of files are loaded when one is edited, and at no other time.
  const language = client.format === "yaml"
    ? (await import("./yaml.ts")).YAML
    : (await import("./jsonc.ts")).JSONC;
  const edited = putEntry(language, {
    text,
    container: client.container ?? "mcpServers",
    name,
    entry,
    defaults: client.defaults?.(name),
    staleVariables: FILE_VARIABLES,
  });
  if (edited.kind !== "updated" || mayReplace) return edited;
  throw new EditError(replaceHint(task, edited));
}

function replaceHint(
  { name, config: { targetUrl, profile }, context }: Task,
  { before, lost }: Edited,
): string {
  const what = lost.length === 0
    ? "nothing"
    : `what only it has (${lost.join(", ")})`;
  const isSameTarget = isObject(before) && Array.isArray(before.args) &&
    before.args.includes(targetUrl.href);
  const particular = isSameTarget
    ? profile ?? profileOfEnv(context.env)
    : undefined;
  const free = otherName(name, targetUrl, particular);
  return `there is another "${name}" in it: add --replace, and it loses ` +
    `${what}, or name this one otherwise (--name ${free})`;
}

function usualFile(
  client: Client,
  { os, env }: CommandContext,
): string | undefined {
  const home = absolute(homeDirectory(env), { os });
  return home === undefined ? undefined : client.file({
    os,
    env: (name) => absolute(env(name), { os }),
    home,
  });
}

const MAX_NAME = 64;

/** How much of a name may be what is particular to it. */
const MAX_PART = 32;

/** Clients are written in JavaScript, too, and this is no name to it. */
const NO_NAME = "__proto__";

/** The words of a host, and of a path, that say nothing of which server it is. */
const GENERAL_LABELS: ReadonlySet<string> = new Set(["www", "api", "mcp"]);
const GENERAL_PARTS: ReadonlySet<string> = new Set([
  "mcp",
  "runtimes",
  "invocations",
]);

/** A part of a path that is short enough for a name. */
const TELLING_PART = /^[\w-]{1,32}$/;

/** @throws {ConfigError} Not every client takes this name. */
function checkName(name: string): void {
  if (name === NO_NAME) {
    throw new ConfigError([`--name must be another one than ${NO_NAME}`]);
  }
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return;
  throw new ConfigError([
    "--name must be of letters, digits, - and _, 64 at most",
  ]);
}

/** What to call the server where nobody says: a name that every client takes. */
function serverName(config: Config): string {
  const runtime = /runtime(?:%2F|\/)([\w-]+)/i.exec(config.targetUrl.pathname);
  if (runtime !== null && config.service === "bedrock-agentcore") {
    return cut(runtime[1]);
  }
  const host = knownHost(config);
  if (isAddress(host)) return "sigv4-proxy";
  const labels = host.split(".");
  const isOurs = parseEndpoint(host) !== undefined ||
    !GENERAL_LABELS.has(labels[0]);
  return cut((isOurs ? labels.slice(0, 1) : labels.slice(0, 2)).join("-"));
}

/**
 * Another name, for where there is a server of this one already: with what is
 * particular behind it.
 */
function otherName(
  name: string,
  { hostname, port, pathname }: URL,
  profile: string | undefined,
): string {
  const ofPath = pathname.split("/").findLast((part) =>
    TELLING_PART.test(part) && !GENERAL_PARTS.has(part)
  );
  const ofHost = isAddress(hostname) && port !== "" ? port : ofPath;
  const part = cut(profile ?? ofHost ?? "2", MAX_PART);
  return `${cut(name, MAX_NAME - 1 - part.length)}-${part}`;
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|^\[/.test(host) || !host.includes(".");
}

function cut(text: string, length = MAX_NAME): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "-").slice(0, length);
}
