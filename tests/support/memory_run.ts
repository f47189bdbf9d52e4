/**
 * The program with many messages through it, and how large it is meanwhile.
 */

import { commandLine } from "./launch.ts";
import { INITIALIZED } from "./raw_mcp.ts";

/** What goes through. */
export interface MemoryRunOptions {
  readonly notifications: number;
  readonly calls: number;
  /** Whether the target speaks HTTP+SSE of 2024-11-05. */
  readonly isOldTransport?: boolean;
}

/** How large the program was; `undefined` where the system does not tell. */
export interface MemoryRun {
  readonly answered: number;
  readonly received: number;
  /** In MiB, after a tenth of the messages of each kind. */
  readonly afterTenthMib: number | undefined;
  readonly atEndMib: number | undefined;
}

/** How many calls are under way at once. */
const CONCURRENCY = 64;

/** How many notifications are written at once. */
const BURST = 500;

const encoder = new TextEncoder();

/** Runs the program against a target on loopback. */
export async function runForMemory(
  { notifications, calls, isOldTransport = false }: MemoryRunOptions,
): Promise<MemoryRun> {
  await using target = new CountingTarget();
  await using line = await commandLine({
    target: target.url,
    args: isOldTransport ? ["--transport=sse"] : [],
    env: { MCP_LOG_LEVEL: "warn" },
  });
  const child = new Deno.Command(line.command, {
    args: line.args,
    env: line.env,
    clearEnv: true,
    cwd: line.home,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const client = new CountingClient(child);
  await client.call("initialize");
  await client.write(
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n',
  );
  const tenths: (number | undefined)[] = [];
  for (const part of [0.1, 0.9]) {
    for (let left = notifications * part; left > 0; left -= BURST) {
      await client.write(NOTIFICATION.repeat(Math.min(BURST, left)));
    }
    let left = Math.round(calls * part);
    await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
      while (left-- > 0) await client.call("tools/call");
    }));
    tenths.push(await residentMib(child.pid));
  }
  await client.close();
  await child.status;
  return {
    answered: client.answered,
    received: target.received,
    afterTenthMib: tenths[0],
    atEndMib: tenths[1],
  };
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

async function residentMib(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(status) ?? [];
  return kib === undefined ? undefined : Number(kib) / 1024;
}
