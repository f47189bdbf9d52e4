/**
 * The command: arguments → wiring → exit code.
 *
 * @module
 */

import { readEnv } from "./src/permissions.ts";
import { type CommandName, isCommandName } from "./src/config/commands.ts";
import { parseCommand, type RunCommand } from "./src/config/config.ts";
import { commandHelp, helpText, versionText } from "./src/config/help.ts";
import { DEFAULT_DRAIN_MS } from "./src/config/checks.ts";
import {
  dropPermissions,
  needlessPermissions,
  NEVER_NEEDED,
} from "./src/config/permissions.ts";
import { ConfigError, messageOf } from "./src/errors.ts";
import type { Log } from "./src/log/log.ts";
import { Redactor } from "./src/redact/redact.ts";
import { whenOver } from "./src/time.ts";

/** Exit codes. */
const EXIT_OK = 0;
const EXIT_UNEXPECTED = 1;
const EXIT_CONFIGURATION = 2;

/**
 * Everything is over this long after the first signal, come what may: the
 * clients that start this program soon kill what does not end.
 */
const STOP_LIMIT_MS = 730;

/** How long the last log lines may take. */
const FLUSH_MS = 100;

/** Runs the command with the arguments of the process, and ends the process. */
export async function runCommand(): Promise<never> {
  Deno.exit(await run(Deno.args));
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (isCommandName(name)) return await runOther(name, rest);
    if (name === "help") return await run(["--help", ...rest]);
    if (name === "version") return await run(["--version", ...rest]);
    const command = await parseCommand(args, readVariable);
    if (command.kind === "run") return await runProxy(command);
    if (command.kind === "version") await print(versionText());
    else {
      const { topic } = command;
      await print(isCommandName(topic) ? commandHelp(topic) : helpText(topic));
    }
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.faults.map((fault) =>
      `configuration error: ${fault}\n`
    );
    const help = isCommandName(name)
      ? `run sigv4-proxy ${name} --help for its use\n`
      : "run sigv4-proxy --help for the options\n";
    const text = new TextEncoder().encode(lines.join("") + help);
    // Whether it can be told or not, that is what it ends with.
    await Deno.stderr.write(text).catch(() => {});
    return EXIT_CONFIGURATION;
  }
}

/** Runs a subcommand, which the proxy's own path does not load. */
async function runOther(
  name: CommandName,
  args: readonly string[],
): Promise<number> {
  dropPermissions(NEVER_NEEDED);
  const { createContext } = await import("./src/commands/context.ts");
  const { runSubcommand } = await import("./src/commands/run.ts");
  const context = createContext({
    env: readVariable,
    write: print,
    writeError: (text) => print(text, Deno.stderr),
    useColor: Deno.stdout.isTerminal() && !Deno.noColor &&
      readVariable("TERM") !== "dumb",
  });
  return await runSubcommand(name, args, context);
}

/** A variable that may not be read is as good as not set, but for an option's. */
function readVariable(name: string): string | undefined {
  return readEnv(name).value;
}

/** Prints what the user asked to see, in place of messages. */
async function print(
  text: string,
  to: { writable: WritableStream<Uint8Array> } = Deno.stdout,
): Promise<void> {
  const writer = to.writable.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
  } catch (error) {
    const { BrokenPipe, ConnectionReset } = Deno.errors;
    // Whoever stops reading has seen enough.
    const isClosed = error instanceof BrokenPipe ||
      error instanceof ConnectionReset;
    if (isClosed || to !== Deno.stdout) return;
    throw new ConfigError([
      `stdout cannot be written: ${messageOf(error)} (send it elsewhere)`,
    ]);
  } finally {
    writer.releaseLock();
  }
}

async function runProxy(
  { config, notes }: RunCommand,
): Promise<number> {
  dropPermissions(needlessPermissions(config, readVariable));
  const { createLog, LineSink } = await import("./src/log/line_log.ts");
  const redactor = new Redactor();
  const sink = new LineSink(Deno.stderr.writable);
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => sink.write(line),
    redact: redactor.redact,
  });
  const drainMs = config.listen && (config.timeoutMs ?? DEFAULT_DRAIN_MS);
  const stop = listenForSignals(log, drainMs);
  surviveStrayRejections(log);
  for (const { level, message, fields } of notes) log[level](message, fields);
  try {
    const proxy = await import("./src/commands/proxy.ts");
    const around = { env: readVariable, log, redactor, ...stop, drainMs };
    await proxy.runProxy(config, around);
    log.info("stopped");
    return EXIT_OK;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.error("stopped by an unexpected error", { error: messageOf(error) });
    return EXIT_UNEXPECTED;
  } finally {
    await sink.flush(FLUSH_MS);
  }
}

/** The signals that ask a program to stop, as far as the system has them. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Stops at the first signal. The second hurries a stop that may take a while,
 * and ends any other at once, unless it is the same again: what starts this
 * program (npx, a terminal) may pass on what is sent to all of them anyway.
 */
function listenForSignals(
  log: Log,
  drainMs: number | undefined,
): { signal: AbortSignal; force: AbortSignal } {
  const stop = new AbortController();
  const force = new AbortController();
  const end = (controller: AbortController, limitMs: number): void => {
    // Should a peer not let go.
    whenOver(limitMs, () => Deno.exit(EXIT_OK));
    controller.abort();
  };
  let first: Deno.Signal | undefined;
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (first === undefined) {
        first = signal;
        log.info("stopping", { signal });
        end(stop, (drainMs ?? 0) + STOP_LIMIT_MS);
      } else if (drainMs !== undefined && !force.signal.aborted) {
        log.info("stopping at once", { signal });
        end(force, STOP_LIMIT_MS);
      } else if (drainMs !== undefined || signal !== first) {
        Deno.exit(EXIT_UNEXPECTED);
      }
    });
  }
  return { signal: stop.signal, force: force.signal };
}

/** One message that goes wrong must not end the session of all the others. */
function surviveStrayRejections(log: Log): void {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("an unexpected error", { error: messageOf(event.reason) });
  });
}

if (import.meta.main) await runCommand();
