/**
 * A target that does to each request what the schedule says, and knows what it
 * has run.
 */

import { DISCOVERED, rpcError } from "../support/stream/bridge_world.ts";
import { INITIALIZED, result } from "../support/raw/mcp.ts";
import {
  type RawReply,
  RawServer,
  type SeenRequest,
} from "../support/raw/server.ts";
import { Random } from "../support/random.ts";
import { TEST_VERIFIER } from "../support/aws/test_identity.ts";
import type { Meeting } from "./fate.ts";
import { LOST_SIGNALS } from "./lost_signals.ts";
import { type Layer, USUAL_PRINCIPALS } from "./layers.ts";
import { fateOf, numberOf, SOAK_TOOLS, type SoakRun } from "./schedule.ts";

/** What became of one request at the target. */
export interface Trace {
  arrivals: number;
  runs: number;
  /** How often its client was told of its progress. */
  progress: number;
  /** What it met last. */
  last: string;
}

/** What a session's ID begins with: nobody may be shown one. */
export const SESSION_MARK = "soak-session-";

/** How long it waits for an answer of the client's, which may be lost. */
const ASKED_MS = 5_000;

/** How often it tries to listen again. */
const MAX_STARTS = 600;

/** Where a signed request must never come. */
const ELSEWHERE = "/elsewhere";

// deno-lint-ignore no-explicit-any
type Message = any;

const newTrace = (last: string): Trace => ({
  arrivals: 0,
  runs: 0,
  progress: 0,
  last,
});

/** The target of a run. */
export class ChaosTarget implements AsyncDisposable {
  /** What must not have happened. */
  readonly violations: string[] = [];
  /** How often each fate was met. */
  readonly met = new Map<string, number>();
  /** How often it has restarted, which any request under way may suffer from. */
  restarts = 0;
  /** How many connections it has reset as a request came on them. */
  resets = 0;
  /** How often it has forgotten all sessions. */
  losses = 0;
  /** How many POSTs it has read. */
  received = 0;
  readonly #run: SoakRun;
  readonly #layer: Layer;
  readonly #traces = new Map<number, Trace>();
  readonly #sessions = new Set<string>();
  readonly #asked = new Map<string, () => void>();
  readonly #left = new Map<string, unknown>();
  #server: RawServer | undefined;
  #restarting: Promise<void> | undefined;
  #count = 0;

  private constructor(run: SoakRun, layer: Layer) {
    this.#run = run;
    this.#layer = layer;
  }

  /** Starts one. */
  static async start(run: SoakRun, layer: Layer): Promise<ChaosTarget> {
    const target = new ChaosTarget(run, layer);
    const { principals = USUAL_PRINCIPALS } = layer;
    target.#server = await RawServer.start({
      // A client is told of a clock that is off, and believes it.
      verifier: { ...TEST_VERIFIER, principals, clockSkewMs: 3_600_000 },
      handler: (request, reply) => target.#handle(request, reply),
      remembers: false,
    });
    return target;
  }

  get #raw(): RawServer {
    if (!this.#server) throw new Error("the target is not started");
    return this.#server;
  }

  /** Its MCP endpoint. */
  get url(): URL {
    return this.#raw.url;
  }

  /** Whether it knows a session. */
  knows(sessionId: string): boolean {
    return this.#sessions.has(sessionId);
  }

  /** Whether it restarts now. */
  get isDown(): boolean {
    return this.#restarting !== undefined;
  }

  /** What became of a request; it is forgotten then. */
  take(number: number): Trace {
    const trace = this.#traces.get(number);
    this.#traces.delete(number);
    return trace ?? newTrace("never arrived");
  }

  async #handle(request: SeenRequest, reply: RawReply): Promise<void> {
    if (!request.target.startsWith("/mcp")) {
      this.violations.push(`a request came to ${request.target}`);
      return await reply.status(404);
    }
    const { verdict } = request;
    if (!verdict?.ok) {
      this.violations.push(`a signature is wrong: ${JSON.stringify(verdict)}`);
    }
    if (request.method === "GET") return await this.#resume(request, reply);
    if (request.method === "DELETE") {
      this.#sessions.delete(request.header("mcp-session-id") ?? "");
      return await reply.status(200);
    }
    this.received++;
    await this.#post(JSON.parse(request.text()), request, reply);
  }

  async #post(
    message: Message,
    request: SeenRequest,
    reply: RawReply,
  ): Promise<void> {
    const isLegacy = (this.#run.targetEra ?? this.#run.era) === "legacy";
    const { method, id } = message;
    if (method === "server/discover") {
      return isLegacy
        ? await reply.status(404, {}, "Not Found")
        : await reply.json(result(message, DISCOVERED));
    }
    if (method === "initialize" && !isLegacy) {
      const refusal = rpcError(id, -32022, "Unsupported version");
      return await reply.json(refusal, 400);
    }
    if (method === "initialize") {
      const sessionId = `${SESSION_MARK}${++this.#count}-0123456789abcdef`;
      this.#sessions.add(sessionId);
      const headers = { "mcp-session-id": sessionId };
      return await reply.json(result(message, INITIALIZED), 200, headers);
    }
    const session = request.header("mcp-session-id");
    const isLost = isLegacy && !this.#sessions.has(session ?? "");
    if (method === undefined) {
      this.#asked.get(String(id))?.();
      return await reply.status(isLost ? 404 : 202);
    }
    if (isLost) {
      this.#trace(id).last = "loses its session";
      const random = new Random(this.#run.seed, this.#count);
      return await random.pick(LOST_SIGNALS)(reply, id);
    }
    if (id === undefined) return await reply.status(202);
    if (method === "tools/list") {
      return await reply.json(result(message, { tools: SOAK_TOOLS }));
    }
    const trace = this.#trace(id);
    const number = numberOf(id);
    const keyId = request.verdict?.ok ? request.verdict.principal : "";
    const { maySign = () => true } = this.#layer;
    if (method === "tools/call" && !maySign(number, keyId)) {
      this.violations.push(`${id} was signed by ${keyId}`);
    }
    const { name, fate, random } = fateOf(this.#run, number, trace.arrivals++);
    trace.last = name;
    this.met.set(name, (this.met.get(name) ?? 0) + 1);
    await fate.meet(this.#meeting(message, trace, reply, random));
  }

  #trace(id: unknown): Trace {
    const number = numberOf(id);
    const known = this.#traces.get(number);
    if (known) return known;
    const trace = newTrace("");
    this.#traces.set(number, trace);
    return trace;
  }

  #meeting(
    { id, params }: Message,
    trace: Trace,
    reply: RawReply,
    random: Random,
  ): Meeting {
    return {
      id,
      token: params._meta?.progressToken,
      reply,
      random,
      progress: (progress) => {
        const progressToken = params._meta?.progressToken ?? "of nobody";
        if (progressToken !== "of nobody") trace.progress++;
        return {
          jsonrpc: "2.0",
          method: "notifications/progress",
          params: { progressToken, progress },
        };
      },
      run: () => {
        trace.runs++;
        return { number: numberOf(id) };
      },
      ask: async (send) => {
        const question = `asked-${++this.#count}`;
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, ASKED_MS);
        this.#asked.set(question, resolve);
        await send({ jsonrpc: "2.0", id: question, method: "ping" });
        await Promise.race([promise, reply.closed]);
        clearTimeout(timer);
        this.#asked.delete(question);
      },
      leave: (rest) => {
        const eventId = `event-${++this.#count}`;
        this.#left.set(eventId, rest);
        return eventId;
      },
      resetNext: () => reply.resetAtNext(() => this.resets++),
      forget: () => {
        this.losses++;
        this.#sessions.clear();
      },
      restart: () => this.#restart(),
      elsewhere: new URL(ELSEWHERE, this.url).href,
    };
  }

  async #resume(request: SeenRequest, reply: RawReply): Promise<void> {
    const eventId = request.header("last-event-id");
    const rest = eventId === undefined ? undefined : this.#left.get(eventId);
    if (eventId === undefined || rest === undefined) {
      return await reply.status(405);
    }
    if (!this.#sessions.has(request.header("mcp-session-id") ?? "")) {
      return await reply.status(404);
    }
    this.#left.delete(eventId);
    const stream = await reply.sse();
    await stream.message(rest);
    await stream.end();
  }

  #restart(): void {
    this.restarts++;
    this.#sessions.clear();
    this.#restarting ??= this.#stopAndStart().finally(() => {
      this.#restarting = undefined;
    });
  }

  async #stopAndStart(): Promise<void> {
    await this.#raw.stop();
    for (let tries = 0;; tries++) {
      try {
        return await this.#raw.start();
      } catch (error) {
        // Meanwhile a connection of anybody's may go out from its port.
        if (tries >= MAX_STARTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** Stops it; throws what went wrong in it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#restarting;
    await this.#raw[Symbol.asyncDispose]();
  }
}
