/**
 * Starts programs, speaks with them line by line, and reads what they use where
 * Linux has it, in `/proc`.
 */

const ROOT = new URL("../../", import.meta.url);
const DECODER = new TextDecoder();
const NEWLINE = 0x0a;

const ENV = {
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  AWS_REGION: "us-east-1",
  AWS_SERVICE_NAME: "execute-api",
  AWS_EC2_METADATA_DISABLED: "true",
  MCP_LOG_LEVEL: "warn",
};

/** How Deno runs a script, here or elsewhere, with this tree's packages. */
export function script(path: string, ...args: readonly string[]): string[] {
  const config = new URL("deno.json", ROOT).pathname;
  const flags = ["-A", "--quiet", `--config=${config}`];
  return [
    Deno.execPath(),
    "run",
    ...flags,
    new URL(path, ROOT).pathname,
    ...args,
  ];
}

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

  /** That of the threads that it has now, exactly, in milliseconds. */
  threadCpuMs(): number {
    const tasks = `/proc/${this.#child.pid}/task`;
    let ns = 0;
    for (const { name } of Deno.readDirSync(tasks)) {
      try {
        const stat = Deno.readTextFileSync(`${tasks}/${name}/schedstat`);
        ns += Number(stat.split(" ")[0]);
      } catch {
        // The thread has ended just now.
      }
    }
    return ns / 1e6;
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

/** A port that was free a moment ago. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a server that is told its port, and gives its URL once it is there. */
export async function startAt(
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
