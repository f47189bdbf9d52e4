/** What programs use: CPU time, memory, and how long they take. */

import { Program, startAt, startServer } from "./program.ts";

const DECODER = new TextDecoder();

/** What one program used in one round. */
export interface Figures {
  /** From its start to the answer of `initialize`, at best, in milliseconds. */
  readonly startMs?: number;
  /** CPU time until then, in milliseconds: other work disturbs it less. */
  readonly startCpuMs?: number;
  /** Resident memory when nothing is asked, in MiB. */
  readonly idleMib?: number;
  /** CPU time a call with 64 in flight, in microseconds. */
  readonly callUs: number;
  /** The median time of a call, one at a time, in milliseconds. */
  readonly p50Ms?: number;
  /** CPU time of an event stream, in milliseconds a MiB. */
  readonly streamMs?: number;
}

/** How much is asked of each program in a round, as far as time allows. */
export const CALLS = 4_000;
const IN_FLIGHT = 64;
const WARM_UP_CALLS = 300;
const SINGLE_CALLS = 300;
const STARTS = 7;
const STREAM_MIB = 32;

/** How long each part of a round may take: some programs are a lot slower. */
const PART_MS = 10_000;
const STREAM_LIMIT_MS = 60_000;

type Start = Required<Pick<Figures, "startMs" | "startCpuMs">>;

/** A proxy over stdio, initialised. */
export interface StdioProxy extends AsyncDisposable {
  /** What runs. */
  readonly program: Program;
  /** What it took from its start to the answer of `initialize`. */
  readonly start: Start;
  /** Sends a request; resolves when it is answered. */
  ask(method: string, params: unknown): Promise<void>;
}

/** Starts a proxy over stdio, and initialises it. */
export async function startStdio(
  command: readonly string[],
): Promise<StdioProxy> {
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  const startedAt = performance.now();
  const program = new Program(command, (line) => {
    const id = Number(
      /"id":(\d+)/.exec(DECODER.decode(line.subarray(0, 200)))?.[1],
    );
    waiting.get(id)?.resolve();
    waiting.delete(id);
  });
  void program.over.then(() => {
    const error = new Error(`${command.join(" ")} ended`);
    for (const { reject } of waiting.values()) reject(error);
  });
  let lastId = 0;
  const ask = (method: string, params: unknown): Promise<void> => {
    const answer = Promise.withResolvers<void>();
    const id = ++lastId;
    waiting.set(id, answer);
    void program.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return answer.promise;
  };
  await ask("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1" },
  });
  const startMs = performance.now() - startedAt;
  const start = { startMs, startCpuMs: program.threadCpuMs() };
  await program.write('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  return {
    program,
    start,
    ask,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Starts it again and again: the least, which others disturbed the least. */
async function leastStart(command: readonly string[]): Promise<Start> {
  const until = performance.now() + PART_MS;
  const starts: Start[] = [];
  do {
    await using proxy = await startStdio(command);
    starts.push(proxy.start);
  } while (starts.length < STARTS && performance.now() < until);
  return {
    startMs: Math.min(...starts.map(({ startMs }) => startMs)),
    startCpuMs: Math.min(...starts.map(({ startCpuMs }) => startCpuMs)),
  };
}

/** Measures a proxy over stdio. */
export async function measureStdio(
  command: readonly string[],
): Promise<Figures> {
  const start = await leastStart(command);
  await using proxy = await startStdio(command);
  const { program, ask } = proxy;
  const call = () => echo(proxy);
  const idle = await idleMib(proxy);
  await times(WARM_UP_CALLS, call);
  const callUs = await cpuACall(program, call);
  const p50Ms = await medianMs(call);
  const before = program.cpuUs();
  const readBefore = program.readBytes;
  const isAnswered = await isWithin(
    STREAM_LIMIT_MS,
    ask("tools/call", { name: "stream", arguments: { mib: STREAM_MIB } }),
  );
  // Some carry no notifications while a call runs.
  const carried = program.readBytes - readBefore;
  const streamMs = isAnswered && carried > STREAM_MIB * 1024 * 1024
    ? (program.cpuUs() - before) / 1_000 / STREAM_MIB
    : undefined;
  return { ...start, idleMib: idle, callUs, p50Ms, streamMs };
}

function echo({ ask }: StdioProxy): Promise<void> {
  return ask("tools/call", { name: "echo", arguments: {} });
}

/** The memory of a proxy that has had a few calls, in MiB. */
export async function idleMib(proxy: StdioProxy): Promise<number> {
  for (let count = 0; count < 10; count++) await echo(proxy);
  return proxy.program.residentMib();
}

/** Calls again and again, one at a time; how often there was time for it. */
async function times(
  calls: number,
  call: () => Promise<void>,
): Promise<number> {
  const until = performance.now() + PART_MS;
  let count = 0;
  for (; count < calls && performance.now() < until; count++) await call();
  return count;
}

async function isWithin(ms: number, work: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ms, false);
  work.then(() => resolve(true), () => resolve(false));
  return await promise.finally(() => clearTimeout(timer));
}

/** Measures a bare loop of fetch: CPU time alone. */
export async function measureFetchLoop(
  command: readonly string[],
): Promise<Figures> {
  let done = (): void => {};
  await using program = new Program(command, () => done());
  const run = async (calls: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    done = resolve;
    await program.write(`${calls}`);
    await promise;
  };
  await run(WARM_UP_CALLS);
  const before = program.cpuUs();
  await run(CALLS);
  return { callUs: (program.cpuUs() - before) / CALLS };
}

/**
 * Measures an HTTP server that carries calls on.
 *
 * @param port The one that its command has; without it the server prints its
 * URL.
 */
export async function measureHttp(
  command: readonly string[],
  port?: number,
): Promise<Figures> {
  const { program, url } = port === undefined
    ? await startServer(command)
    : await startAt(command, port);
  await using _ended = program;
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "echo", arguments: {} },
  });
  const call = async (): Promise<void> => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body,
    });
    await response.bytes();
    if (!response.ok) {
      throw new Error(`the HTTP server said ${response.status}`);
    }
  };
  await times(WARM_UP_CALLS, call);
  return {
    callUs: await cpuACall(program, call),
    p50Ms: await medianMs(call),
  };
}

async function cpuACall(
  program: Program,
  call: () => Promise<void>,
): Promise<number> {
  const before = program.cpuUs();
  const until = performance.now() + PART_MS;
  let begun = 0;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (begun < CALLS && performance.now() < until) {
      begun++;
      await call();
    }
  }));
  return (program.cpuUs() - before) / begun;
}

async function medianMs(call: () => Promise<void>): Promise<number> {
  const taken: number[] = [];
  await times(SINGLE_CALLS, async () => {
    const startedAt = performance.now();
    await call();
    taken.push(performance.now() - startedAt);
  });
  return median(taken);
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
