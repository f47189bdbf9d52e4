/**
 * Starts programs and measures what they use. CPU time and memory are read
 * where Linux has them, in `/proc`.
 */

const DECODER = new TextDecoder();
const NEWLINE = 0x0a;

/** What one program used in one round. */
export interface Figures {
  /** From its start to the answer of `initialize`, in milliseconds. */
  readonly startMs?: number;
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
const STREAM_MIB = 32;

/** How long each part of a round may take: some programs are a lot slower. */
const PART_MS = 10_000;
const STREAM_LIMIT_MS = 60_000;

const ENV = {
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  AWS_REGION: "us-east-1",
  AWS_SERVICE_NAME: "execute-api",
  AWS_EC2_METADATA_DISABLED: "true",
  MCP_LOG_LEVEL: "warn",
};

/** A program that reads and writes lines. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  /** Until its stdout ends. */
  readonly over: Promise<void>;
  /** How much has come of it. */
  readBytes = 0;

  /** @param onLine Is told of each line on stdout. */
  constructor(
    [command, ...args]: readonly string[],
    onLine: (line: Uint8Array) => void,
  ) {
    this.#child = new Deno.Command(command, {
      args,
      env: ENV,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.over = readLines(this.#child.stdout, onLine, (bytes) => {
      this.readBytes += bytes;
    });
  }

  /** Writes a line to its stdin. */
  write(line: string): Promise<void> {
    return this.#stdin.write(new TextEncoder().encode(`${line}\n`));
  }

  /** The CPU time that it has used, in microseconds. */
  cpuUs(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // proc(5): utime and stime, in ticks of 10 ms.
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }

  /** Its resident memory, in MiB. */
  residentMib(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#child.pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin.close().catch(() => {});
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2_000);
    await this.#child.status;
    clearTimeout(timer);
    await this.over;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: Uint8Array) => void,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let pieces: Uint8Array[] = [];
  for await (const chunk of stream) {
    onBytes(chunk.length);
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(NEWLINE, from);
      if (at < 0) break;
      pieces.push(chunk.subarray(from, at));
      from = at + 1;
      const [first] = pieces;
      // Of a line in many pieces only the end of the matter counts here.
      onLine(pieces.length === 1 ? first : pieces[pieces.length - 1]);
      pieces = [];
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
}

/** Starts a server that prints its URL, and gives that. */
export async function startServer(
  command: readonly string[],
): Promise<{ program: Program; url: string }> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const program = new Program(command, (line) => {
    const url = /https?:\/\/[^\s"]+/.exec(DECODER.decode(line))?.[0];
    if (url !== undefined) resolve(url);
  });
  return { program, url: await promise };
}

/** Measures a proxy over stdio. */
export async function measureStdio(
  command: readonly string[],
): Promise<Figures> {
  const waiting = new Map<number, PromiseWithResolvers<void>>();
  const startedAt = performance.now();
  await using program = new Program(command, (line) => {
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
  const call = (): Promise<void> =>
    ask("tools/call", { name: "echo", arguments: {} });

  await ask("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1" },
  });
  const startMs = performance.now() - startedAt;
  await program.write('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  for (let count = 0; count < 10; count++) await call();
  const idleMib = program.residentMib();
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
  return { startMs, idleMib, callUs, p50Ms, streamMs };
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

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a server that is told its port, and gives its URL once it is there. */
async function startAt(
  command: readonly string[],
  port: number,
): Promise<{ program: Program; url: string }> {
  const program = new Program(command, () => {});
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return { program, url: `http://127.0.0.1:${port}/mcp` };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/**
 * Measures an HTTP server that carries calls on.
 *
 * @param port The one that its command has; without it the server prints its
 * URL.
 */
export async function measureFront(
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
    if (!response.ok) throw new Error(`the front said ${response.status}`);
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
