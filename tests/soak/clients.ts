/** The two clients of a soak run: over stdio, and over HTTP. */

import { within } from "../support/time/deadline.ts";
import type { Line } from "../support/lines.ts";
import { INITIALIZE_PARAMS } from "../support/program/proxy_process.ts";
import type { ChaosTarget } from "./chaos_target.ts";
import type { Layer } from "./layers.ts";
import { isToTheLetter, type Told, toldBy } from "./outcome.ts";
import { PATIENCE_MS, SoakProgram } from "./program.ts";
import { numberOf, type PlannedRequest, type SoakRun } from "./schedule.ts";

/** A client with the program that it speaks to. */
export interface SoakClient extends AsyncDisposable {
  readonly program: SoakProgram;
  /** What must not have happened. */
  readonly violations: readonly string[];
  /** Sends a request; `undefined` when it was cancelled and nobody waits. */
  ask(request: PlannedRequest): Promise<Told | undefined>;
  /** Ends the program in the way in which it is ended. */
  stop(): Promise<void>;
}

/** How a soak run starts the program. */
export interface SoakClientOptions {
  readonly target: ChaosTarget;
  readonly run: SoakRun;
  readonly logLevel: string;
  readonly timeout: string;
  readonly layer: Layer;
  readonly isHere?: boolean;
}

const INITIALIZE = {
  jsonrpc: "2.0",
  id: "initialize",
  method: "initialize",
  params: INITIALIZE_PARAMS,
};
const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };
const LIST_TOOLS = { jsonrpc: "2.0", id: "list", method: "tools/list" };

/** Speaks to the program over its standard streams. */
export class StdioSoakClient implements SoakClient {
  readonly #violations: string[] = [];
  readonly #waiting = new Map<unknown, (told: Told) => void>();
  /** How often progress was told of, by the token. */
  readonly #progress = new Map<unknown, number>();
  readonly #cancelled = new Set<unknown>();
  #program: SoakProgram | undefined;

  /** Starts the program and its session. */
  static async start(
    { target, run, logLevel, timeout, layer, isHere }: SoakClientOptions,
  ): Promise<StdioSoakClient> {
    const client = new StdioSoakClient();
    const { launch: { args = [], ...launch }, initialize } = layer;
    client.#program = await SoakProgram.start({
      ...launch,
      target: target.url,
      args: [`--timeout=${timeout}`, ...args],
      env: { MCP_MAX_CONCURRENCY: "256", ...launch.env },
      logLevel,
      isHere,
      onLine: (line) => client.#receive(line),
    });
    if (run.era === "legacy") {
      const params = initialize ?? INITIALIZE_PARAMS;
      await client.#request({ ...INITIALIZE, params });
      await client.program.send(INITIALIZED);
    }
    await client.#request(LIST_TOOLS);
    return client;
  }

  get program(): SoakProgram {
    if (!this.#program) throw new Error("the client is not started");
    return this.#program;
  }

  get violations(): readonly string[] {
    return [...this.#violations, ...this.program.violations];
  }

  #receive(line: Line): void {
    // deno-lint-ignore no-explicit-any
    const message: any = line.value;
    if (message?.jsonrpc !== "2.0") {
      return void this.#violations.push(`no message on stdout: ${line.text}`);
    }
    if (!isToTheLetter(line.text)) {
      this.#violations.push(`it was written anew: ${line.text}`);
    }
    const { id, method } = message;
    if (method !== undefined) {
      if (id === undefined) return this.#noteProgress(message);
      const result = method === "elicitation/create"
        ? { action: "accept" }
        : {};
      const answer = { jsonrpc: "2.0", id, result };
      return void this.program.send(answer).catch(() => {});
    }
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (resolve) {
      const token = `t${numberOf(id)}`;
      const progress = this.#progress.get(token) ?? 0;
      this.#progress.delete(token);
      return resolve({ ...toldBy(message), progress });
    }
    // A cancelled one may be answered once.
    if (this.#cancelled.delete(id)) return;
    this.#violations.push(`an answer more than was asked for: ${line.text}`);
  }

  #noteProgress(
    { method, params }: { method: string; params?: unknown },
  ): void {
    if (method !== "notifications/progress") return;
    const { progressToken } = Object(params);
    if (progressToken === "of nobody") return;
    const number = numberOf(progressToken);
    const ids = [number, `r${number}`];
    if (ids.some((id) => this.#cancelled.has(id))) return;
    if (!ids.some((id) => this.#waiting.has(id))) {
      this.#violations.push(`progress of what is over: ${progressToken}`);
    }
    const before = this.#progress.get(progressToken) ?? 0;
    this.#progress.set(progressToken, before + 1);
  }

  async #request(message: PlannedRequest["message"] | object): Promise<Told> {
    const { promise, resolve } = Promise.withResolvers<Told>();
    const id = "id" in message ? message.id : undefined;
    this.#waiting.set(id, resolve);
    await this.program.send(message);
    return await within(promise, `the answer to ${id}`, PATIENCE_MS);
  }

  async ask(request: PlannedRequest): Promise<Told | undefined> {
    const { message, isCancelled, isNotified } = request;
    if (isNotified) {
      const params = { progressToken: "of nobody", progress: 1 };
      await this.program.send({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params,
      });
    }
    if (!isCancelled) return await this.#request(message);
    this.#cancelled.add(message.id);
    await this.program.send(message);
    await this.program.send({
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: message.id },
    });
  }

  stop(): Promise<void> {
    return this.program.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** Speaks to the program's HTTP endpoint, and opens sessions itself. */
export class HttpSoakClient implements SoakClient {
  readonly program: SoakProgram;
  readonly #url: string;
  readonly #target: ChaosTarget;
  readonly #isLegacy: boolean;
  #session = "";
  #opening: Promise<void> | undefined;

  private constructor(
    program: SoakProgram,
    url: string,
    { target, run }: SoakClientOptions,
  ) {
    this.program = program;
    this.#url = url;
    this.#target = target;
    this.#isLegacy = run.era === "legacy";
  }

  /** Starts the program. */
  static async start(options: SoakClientOptions): Promise<HttpSoakClient> {
    const { target, logLevel, timeout, isHere, layer: { launch } } = options;
    const { args = [], permissions, ...rest } = launch;
    const program = await SoakProgram.start({
      ...rest,
      target: target.url,
      args: [
        "--listen=127.0.0.1:0",
        "--no-listen-token",
        `--timeout=${timeout}`,
        ...args,
      ],
      permissions: {
        ...permissions,
        net: ["127.0.0.1:0", ...permissions?.net ?? []],
      },
      logLevel,
      isHere,
    });
    const { listens } = program;
    const url = await within(listens, "the program to listen", PATIENCE_MS);
    return new HttpSoakClient(program, url, options);
  }

  get violations(): readonly string[] {
    return this.program.violations;
  }

  async ask({ message }: PlannedRequest): Promise<Told> {
    if (this.#isLegacy && !this.#target.knows(this.#session)) {
      this.#opening ??= this.#open().finally(() => this.#opening = undefined);
      await this.#opening;
    }
    const answer = this.#post(message);
    return await within(answer, `the answer to ${message.id}`, PATIENCE_MS);
  }

  async #open(): Promise<void> {
    this.#session = "";
    // The target may restart meanwhile: the next request opens another one.
    const response = await this.#send(INITIALIZE).catch(() => undefined);
    this.#session = response?.headers.get("mcp-session-id") ?? "";
    await response?.body?.cancel();
  }

  #send(message: object): Promise<Response> {
    return fetch(this.#url, {
      method: "POST",
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        ...this.#session && { "mcp-session-id": this.#session },
      },
      // Other bodies are sent again in silence.
      body: new Blob([JSON.stringify(message)]),
    });
  }

  async #post(message: PlannedRequest["message"]): Promise<Told> {
    let text: string;
    let type: string | null;
    try {
      const response = await this.#send(message);
      type = response.headers.get("content-type");
      text = await response.text();
    } catch (error) {
      // Its end is told, if not its answer.
      if (error instanceof TypeError) return { outcome: "cut" };
      throw error;
    }
    if (!isToTheLetter(text)) {
      this.program.violations.push(`it was written anew: ${text}`);
    }
    const texts = type?.startsWith("text/event-stream")
      ? text.split("\n").filter((line) => line.startsWith("data: "))
        .map((line) => line.slice("data: ".length))
      : [text];
    const answers = texts.map(parsed).filter((one) => one?.id === message.id);
    return answers.length === 0
      ? { outcome: "passed" }
      : { ...toldBy(answers[0]), answers: answers.length };
  }

  async stop(): Promise<void> {
    const health = await fetch(new URL("/healthz", this.#url));
    await health.body?.cancel();
    if (health.status !== 200) {
      this.program.violations.push(`/healthz says ${health.status}`);
    }
    await this.program.stop("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

// deno-lint-ignore no-explicit-any
function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
