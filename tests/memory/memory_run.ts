/**
 * The program with many messages through it, and how large it is meanwhile.
 */

import { commandLine, spawn } from "../support/program/launch.ts";
import { type Line, linesOf } from "../support/lines.ts";
import { INITIALIZED } from "../support/raw/mcp.ts";

/** What goes through. */
export interface MemoryRunOptions {
  readonly notifications: number;
  readonly calls: number;
  /** How often its size is taken meanwhile. Default ten times. */
  readonly parts?: number;
  /** Whether the target speaks HTTP+SSE of 2024-11-05. */
  readonly isOldTransport?: boolean;
}

/** How large the program is once its garbage was collected, in MiB. */
export interface MemorySize {
  readonly residentMib: number;
  /** What is alive on the heap, and what hangs on it outside. */
  readonly liveMib: number;
}

/** What went through, and how large the program was. */
export interface MemoryRun {
  readonly answered: number;
  readonly received: number;
  /** After each part; none on Windows, which has no such signal. */
  readonly sizes: readonly MemorySize[];
}

/** How many calls are under way at once. */
const CONCURRENCY = 64;

/** How many notifications are written at once. */
const BURST = 500;

const encoder = new TextEncoder();

/** Runs the program against a target on loopback. */
export async function runForMemory(
  { notifications, calls, parts = 10, isOldTransport = false }:
    MemoryRunOptions,
): Promise<MemoryRun> {
  await using target = new CountingTarget();
  await using line = await commandLine({
    target: target.url,
    args: isOldTransport ? ["--transport=sse"] : [],
    // With an arena for each thread, what was freed in one is taken anew in others.
    env: { MCP_LOG_LEVEL: "warn", MALLOC_ARENA_MAX: "1" },
    denoFlags: ["--v8-flags=--expose-gc"],
    entry: new URL("memory_main.ts", import.meta.url),
  });
  const child = spawn(line);
  const client = new CountingClient(child);
  await client.call("initialize");
  await client.write(
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
  );
  const lines = linesOf(child.stderr);
  const sizes: MemorySize[] = [];
  for (let part = 0; part < parts; part++) {
    for (let left = notifications / parts; left > 0; left -= BURST) {
      await client.write(NOTIFICATION.repeat(Math.min(BURST, left)));
    }
    let left = Math.round(calls / parts);
    await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
      while (left-- > 0) await client.call("tools/call");
    }));
    if (Deno.build.os === "windows") continue;
    child.kill("SIGUSR2");
    sizes.push(await nextSize(lines));
  }
  await client.close();
  await lines.return?.();
  await child.status;
  return { answered: client.answered, received: target.received, sizes };
}

/** What the program says next of its size, among whatever else it says. */
async function nextSize(lines: AsyncIterator<Line>): Promise<MemorySize> {
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done) throw new Error("the program has ended");
    const [rss, heapUsed, external] = ["rss", "heapUsed", "external"]
      .map((name) => Number(line.field(name)) / (1024 * 1024));
    if (Number.isNaN(rss)) throw new Error(line.text);
    return { residentMib: rss, liveMib: heapUsed + external };
  }
}

const NOTIFICATION =
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}\n';

/** A target that takes everything at once, and counts. */
class CountingTarget implements AsyncDisposable {
  received = 0;
  readonly #stream = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#stream.writable.getWriter();
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => this.#answer(request),
  );

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#server.addr.port}/mcp`);
  }

  async #answer(request: Request): Promise<Response> {
    if (request.method === "GET") {
      void this.#event("endpoint", "/old");
      const headers = { "content-type": "text/event-stream" };
      return new Response(this.#stream.readable, { headers });
    }
    if (request.method !== "POST") return new Response();
    const { id, method } = await request.json();
    this.received++;
    const isOld = request.url.endsWith("/old");
    if (id === undefined) return new Response(null, { status: 202 });
    const result = method === "initialize"
      ? { ...INITIALIZED, ...(isOld && { protocolVersion: "2024-11-05" }) }
      : {};
    const answer = { jsonrpc: "2.0", id, result };
    if (!isOld) return Response.json(answer);
    void this.#event("message", JSON.stringify(answer));
    return new Response(null, { status: 202 });
  }

  async #event(event: string, data: string): Promise<void> {
    const bytes = encoder.encode(`event: ${event}\ndata: ${data}\n\n`);
    await this.#writer.write(bytes).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.abort().catch(() => {});
    await this.#server.shutdown();
  }
}

/** A client that keeps nothing of what it is told. */
class CountingClient {
  answered = 0;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<number, () => void>();
  readonly #read: Promise<void>;
  #count = 0;

  constructor(child: Deno.ChildProcess) {
    this.#stdin = child.stdin.getWriter();
    this.#read = this.#readAll(child.stdout);
  }

  async #readAll(stdout: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { id } = JSON.parse(line);
        this.answered++;
        this.#waiting.get(id)?.();
        this.#waiting.delete(id);
      }
    }
  }

  async write(text: string): Promise<void> {
    await this.#stdin.write(encoder.encode(text));
  }

  async call(method: string): Promise<void> {
    const id = ++this.#count;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(id, resolve);
    const message = { jsonrpc: "2.0", id, method, params: { name: "t" } };
    await this.write(`${JSON.stringify(message)}\n`);
    await promise;
  }

  async close(): Promise<void> {
    await this.#stdin.close();
    await this.#read;
  }
}
