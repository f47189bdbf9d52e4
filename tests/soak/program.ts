/**
 * The program under a soak run: how large it is, and whether it shows a secret.
 */

import {
  type CommandLine,
  commandLine,
  type LaunchOptions,
  spawn,
} from "../support/program/launch.ts";
import { within } from "../support/time/deadline.ts";
import type { Running } from "../support/program/program_here.ts";
import { type Line, linesOf } from "../support/lines.ts";
import { TEST_CREDENTIALS } from "../support/aws/test_identity.ts";
import { SESSION_MARK } from "./chaos_target.ts";

/** How the program is started. */
export interface SoakProgramOptions extends LaunchOptions {
  readonly logLevel: string;
  /** Runs it in this process, which is far cheaper. */
  readonly isHere?: boolean;
  /** Is told of each line of stdout. */
  readonly onLine?: (line: Line) => void;
}

/** How long what must come may take on a machine that has much to do. */
export const PATIENCE_MS = 180_000;

const SECRETS = [
  TEST_CREDENTIALS.secretAccessKey,
  TEST_CREDENTIALS.sessionToken,
  encodeURIComponent(TEST_CREDENTIALS.sessionToken),
  SESSION_MARK,
];
const SIGNATURE = /Signature=[0-9a-f]{64}/;

/** A running program. */
export class SoakProgram implements AsyncDisposable {
  /** What must not have happened. */
  readonly violations: string[] = [];
  /** The address that it listens at, if it does. */
  readonly listens: Promise<string>;
  readonly #line: CommandLine;
  readonly #child: Running;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<unknown>;
  readonly #encoder = new TextEncoder();

  private constructor(
    line: CommandLine,
    child: Running,
    onLine: (line: Line) => void = () => {},
  ) {
    this.#line = line;
    this.#child = child;
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {});
    const { promise, resolve } = Promise.withResolvers<string>();
    this.listens = promise;
    this.#read = Promise.all([
      this.#readStdout(onLine),
      this.#readLog(resolve),
    ]);
  }

  /** Starts the program. */
  static async start(options: SoakProgramOptions): Promise<SoakProgram> {
    const { logLevel, isHere, onLine, env, ...launch } = options;
    const line = await commandLine({
      ...launch,
      env: { MCP_LOG_LEVEL: logLevel, ...env },
    });
    // All of the program is loaded for it.
    const run = isHere
      ? (await import("../support/program/program_here.ts")).runHere
      : spawn;
    return new SoakProgram(line, run(line), onLine);
  }

  /** Writes a message to stdin. */
  async send(message: unknown): Promise<void> {
    await this.#stdin.write(
      this.#encoder.encode(`${JSON.stringify(message)}\n`),
    );
  }

  async #readStdout(onLine: (line: Line) => void): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) {
      if (!line.isWhole) this.violations.push("a line of stdout has no end");
      onLine(line);
    }
  }

  async #readLog(listens: (url: string) => void): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) {
      const { text } = line;
      const isShown = SECRETS.some((secret) => text.includes(secret)) ||
        SIGNATURE.test(text);
      if (isShown) this.violations.push(`a secret is in the log: ${text}`);
      const url = line.field("url");
      if (typeof url === "string") listens(url);
    }
  }

  /** How large it is, in MiB; `undefined` where the system does not tell. */
  async residentMib(): Promise<number | undefined> {
    if (Deno.build.os !== "linux") return undefined;
    const status = await Deno.readTextFile(`/proc/${this.#child.pid}/status`);
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(status) ?? [];
    return kib === undefined ? undefined : Number(kib) / 1024;
  }

  /** Ends stdin, or sends a signal, and waits for the end; it must be a good one. */
  async stop(signal?: Deno.Signal): Promise<void> {
    if (signal) this.#child.kill(signal);
    else await this.#stdin.close().catch(() => {});
    const ended = Promise.all([this.#child.status, this.#read]);
    const [status] = await within(ended, "the program to end", PATIENCE_MS);
    if (!status.success) {
      const { code } = status;
      this.violations.push(`the program ended with ${status.signal ?? code}`);
    }
  }

  /** Kills it if it is still there. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#stdin.abort().catch(() => {});
    await this.#child.status;
    await this.#read.catch(() => {});
    await this.#line[Symbol.asyncDispose]();
  }
}
