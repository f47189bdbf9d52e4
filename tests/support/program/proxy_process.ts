/**
 * The program as a subprocess, with narrow permissions and a clean
 * environment, spoken to over raw stdio.
 */

import { Arrivals } from "../arrivals.ts";
import { within } from "../time/deadline.ts";
import {
  type CommandLine,
  commandLine,
  type LaunchOptions,
  spawn,
} from "./launch.ts";
import { type Line, linesOf } from "../lines.ts";
import type { Running } from "./program_here.ts";
import { SECRETS_SEEN } from "../aws/secrets_seen.ts";

export { type LaunchOptions, permissionFlags } from "./launch.ts";
export type { Line } from "../lines.ts";

/** How the subprocess is treated. */
export interface ProxyProcessOptions extends LaunchOptions {
  /** Read nothing of stdout until {@linkcode ProxyProcess.readStdout}. */
  readonly holdStdout?: boolean;
}

/** What an MCP client sends first, in the shape that tests need most. */
export const INITIALIZE_PARAMS = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "raw-client", version: "1.0.0" },
} as const;

/** A program that runs, and the raw client at its stdio. */
export class ProxyProcess implements AsyncDisposable {
  /** What came on stdout, line by line. */
  readonly frames = new Arrivals<Line>("frame on stdout");
  /** What came on stderr, line by line. */
  readonly log = new Arrivals<Line>("line on stderr");
  /** HOME and working directory of the program. */
  readonly home: string;
  readonly #line: CommandLine;
  readonly #child: Running;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdoutWanted = Promise.withResolvers<void>();
  readonly #read: Promise<unknown>;
  #exited = false;
  #nextId = 1;

  private constructor(line: CommandLine, child: Running, holdStdout = false) {
    this.#line = line;
    this.home = line.home;
    this.#child = child;
    this.#stdin = this.#child.stdin.getWriter();
    // Noticed where it is written to; unread, it would end the test run.
    this.#stdin.closed.catch(() => {});
    if (!holdStdout) this.#stdoutWanted.resolve();
    this.#read = Promise.all([this.#readStdout(), this.#readStderr()]);
    this.#child.status.then(() => this.#exited = true);
  }

  /** Starts the program. */
  static async start(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const line = await commandLine(options);
    return new ProxyProcess(line, spawn(line), options.holdStdout);
  }

  /** Runs it in this process, where permissions count for nothing. */
  static async startHere(options: ProxyProcessOptions): Promise<ProxyProcess> {
    const line = await commandLine(options);
    // All of the program is loaded for it.
    const { runHere } = await import("./program_here.ts");
    return new ProxyProcess(line, runHere(line), options.holdStdout);
  }

  /** Its process ID. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The whole of stderr so far. */
  get stderr(): string {
    return this.log.all.map(({ text }) => `${text}\n`).join("");
  }

  /** The log lines so far that are JSON. */
  get stderrLines(): unknown[] {
    return this.log.all.map(({ value }) => value)
      .filter((value) => value !== undefined);
  }

  /** Sends a line: a string as it is, anything else as JSON. */
  async send(message: unknown): Promise<void> {
    const text = typeof message === "string"
      ? message
      : JSON.stringify(message);
    await this.write(`${text}\n`);
  }

  /** Writes to stdin, newline or not. Waits while the program does not read. */
  async write(bytes: Uint8Array | string): Promise<void> {
    await this.#stdin.write(
      typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
    );
  }

  /** Ends stdin. */
  async closeStdin(): Promise<void> {
    await this.#stdin.close();
  }

  /** Sends a request under a new id and waits for its answer. */
  async request(
    method: string,
    params?: unknown,
    deadlineMs?: number,
  ): Promise<Line> {
    const id = `raw-${this.#nextId++}`;
    await this.send({ jsonrpc: "2.0", id, method, params });
    return await this.answer(id, deadlineMs);
  }

  /** Sends a notification. */
  async notify(method: string, params?: unknown): Promise<void> {
    await this.send({ jsonrpc: "2.0", method, params });
  }

  /** `initialize` and `notifications/initialized`; gives the answer. */
  async initialize(
    params: unknown = INITIALIZE_PARAMS,
    deadlineMs?: number,
  ): Promise<Line> {
    const answer = await this.request("initialize", params, deadlineMs);
    await this.notify("notifications/initialized");
    return answer;
  }

  /** The next frame of stdout that was not returned before. */
  next(deadlineMs?: number): Promise<Line> {
    return this.frames.next(deadlineMs);
  }

  /** The answer to a request, as soon as it is there. */
  answer(id: string | number | null, deadlineMs?: number): Promise<Line> {
    return this.frames.find((frame) => isAnswer(frame, id), deadlineMs);
  }

  /** Every answer to a request so far: there should be one. */
  answers(id: string | number | null): Line[] {
    return this.frames.all.filter((frame) => isAnswer(frame, id));
  }

  /** The first log line, past or to come, of which the predicate holds. */
  waitForLog(
    predicate: (line: Line) => boolean,
    deadlineMs?: number,
  ): Promise<Line> {
    return this.log.find(predicate, deadlineMs);
  }

  /** A field of the first log line that has it, as text. */
  async logged(name: string): Promise<string> {
    const has = (line: Line) => line.field(name) !== undefined;
    return String((await this.waitForLog(has)).field(name));
  }

  /** Begins to read stdout, if it was held. */
  readStdout(): void {
    this.#stdoutWanted.resolve();
  }

  /** Closes the reading end of stdout, if it was held. */
  async breakStdout(): Promise<void> {
    await this.#child.stdout.cancel();
    this.#stdoutWanted.resolve();
  }

  /** Sends a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** How it ended, as soon as it has, with all of its output read. */
  async status(deadlineMs?: number): Promise<Deno.CommandStatus> {
    this.#stdoutWanted.resolve();
    const ended = Promise.all([this.#child.status, this.#read]);
    const [status] = await within(
      ended,
      "the program to end",
      deadlineMs,
    );
    return status;
  }

  /** Kills it if it is alive, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#exited) {
      try {
        this.#child.kill("SIGKILL");
      } catch (error) {
        // It ended between the question and the signal.
        if (!(error instanceof TypeError)) throw error;
      }
    }
    // What it has started itself lives on as long as its stdin.
    await this.#stdin.abort().catch(() => {});
    await this.status();
    await this.#line[Symbol.asyncDispose]();
    const frames = this.frames.all.map(({ value }) => value);
    SECRETS_SEEN.check(this.stderr, frames);
  }

  async #readStdout(): Promise<void> {
    await this.#stdoutWanted.promise;
    for await (const line of linesOf(this.#child.stdout)) this.frames.add(line);
    const { code, signal } = await this.#child.status;
    this.frames.end(
      `the program ended with ${signal ?? code}; its log: ${this.stderr}`,
    );
  }

  async #readStderr(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) this.log.add(line);
    this.log.end(`stderr has ended; all of it: ${this.stderr}`);
  }
}

function isAnswer(frame: Line, id: string | number | null): boolean {
  const { value } = frame;
  if (typeof value !== "object" || value === null) return false;
  return Reflect.get(value, "id") === id &&
    ("result" in value || "error" in value);
}
