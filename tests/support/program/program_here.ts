/**
 * The program's command line in this process: for what is not about
 * permissions, signals or exit codes, and far cheaper than a process.
 */

import { credentialSource } from "../../../src/aws/credentials/credentials.ts";
import { profileRegion } from "../../../src/aws/shared_files/shared_files.ts";
import {
  type ProxySurroundings,
  runProxy,
} from "../../../src/commands/proxy.ts";
import { parseCommand } from "../../../src/config/config.ts";
import { ConfigError } from "../../../src/errors.ts";
import { createLog } from "../../../src/log/line_log.ts";
import { Redactor } from "../../../src/redact/redact.ts";
import type { CommandLine } from "./launch.ts";

/** As much of a subprocess as a client over stdio has to do with. */
export type Running = Pick<Deno.ChildProcess, "pid" | "stdin" | "kill"> & {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly status: Promise<Deno.CommandStatus>;
};

/** Runs what a command line says, with its variables. */
export function runHere(line: CommandLine): Running {
  const stdin = new TransformStream<Uint8Array<ArrayBuffer>>();
  const stdout = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
    // What the writer hands over it may free.
    transform: (chunk, controller) => controller.enqueue(chunk.slice()),
  });
  const stderr = new TransformStream<string, string>(undefined, undefined, {
    highWaterMark: Infinity,
  });
  const errors = stderr.writable.getWriter();
  const [stop, force] = [new AbortController(), new AbortController()];
  const code = run(line, {
    stdio: { readable: stdin.readable, writable: stdout.writable },
    write: (text) => void errors.write(text).catch(() => {}),
    signal: stop.signal,
    force: force.signal,
  }).finally(() => {
    errors.close().catch(() => {});
    stdout.writable.close().catch(() => {});
  });
  return {
    pid: Deno.pid,
    stdin: stdin.writable,
    stdout: stdout.readable,
    stderr: stderr.readable.pipeThrough(new TextEncoderStream()),
    status: code.then((code) => ({ success: code === 0, code, signal: null })),
    kill(signal) {
      stop.abort();
      if (signal === "SIGKILL") force.abort();
    },
  };
}

async function run(
  { programArgs, env: variables }: CommandLine,
  { write, ...around }:
    & Pick<ProxySurroundings, "stdio" | "signal" | "force">
    & { readonly write: (text: string) => void },
): Promise<number> {
  const env = (name: string): string | undefined => variables[name];
  try {
    const command = await parseCommand(programArgs, env, {
      profileRegion: (profile) => profileRegion(profile, env),
    });
    if (command.kind !== "run") throw new Error("it only prints something");
    const { config, notes } = command;
    const redactor = new Redactor();
    const log = createLog({
      level: config.logLevel,
      format: config.logFormat,
      write,
      redact: redactor.redact,
    });
    for (const { level, message, fields } of notes) log[level](message, fields);
    await runProxy(config, {
      ...around,
      env,
      log,
      redactor,
      drainMs: 0,
      context: {
        createCredentialSource: (options, logins) =>
          credentialSource({ ...options, env }, logins),
      },
    });
    log.info("stopped");
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) write(`configuration error: ${fault}\n`);
    return 2;
  }
}
