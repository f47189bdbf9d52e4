/**
 * Runs a program for what it prints: within a time and a size, and never
 * longer than this process lives.
 *
 * @module
 */

import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { toBytes } from "@std/streams/to-bytes";

/** How a program ended, and what it printed. */
export interface ProgramOutput extends Deno.CommandStatus {
  readonly stdout: Uint8Array;
  /** The beginning of what it wrote to stderr. It may hold secrets. */
  readonly stderr: Uint8Array;
}

/** How much a program may print, and how long it may take. */
export interface ProgramLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** The program was ended at one of its limits. */
export class ProgramEndedError extends Error {
  override name = "ProgramEndedError";
}

/** How much of stderr is kept; the rest is read and dropped. */
const STDERR_BYTES = 4 * 1024;

/**
 * Runs a program to its end.
 *
 * @param program The program, and no shell.
 * @param args Its arguments.
 * @param limits At either limit it is killed.
 * @returns Its output, whatever its exit code.
 * @throws {ProgramEndedError} It went over a limit.
 * @throws {Error} It could not be started.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { maxBytes, timeoutMs }: ProgramLimits,
): Promise<ProgramOutput> {
  const isGroup = mayKillGroup();
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: isGroup,
  }).spawn();
  const kill = (): void => killChild(child, isGroup);
  // `Deno.exit` waits for no one: the program would outlive this process.
  globalThis.addEventListener("unload", kill);
  const over = new AbortController();
  const timer = setTimeout(
    () => over.abort(new ProgramEndedError("it took too long")),
    timeoutMs,
  );
  // What the program itself started may hold its pipes open: they are let go.
  const { signal } = over;
  const limited = new LimitedBytesTransformStream(maxBytes, { error: true });
  try {
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      toBytes(child.stdout.pipeThrough(limited, { signal })),
      beginningOf(child.stderr, signal),
    ]);
    return { ...status, stdout, stderr };
  } catch (error) {
    kill();
    over.abort(error);
    await child.status;
    if (!(error instanceof RangeError)) throw error;
    throw new ProgramEndedError(`it printed more than ${maxBytes} bytes`);
  } finally {
    clearTimeout(timer);
    globalThis.removeEventListener("unload", kill);
  }
}

async function beginningOf(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const kept = new Uint8Array(STDERR_BYTES);
  let length = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      const part = chunk.subarray(0, STDERR_BYTES - length);
      kept.set(part, length);
      length += part.length;
    },
  });
  await stream.pipeTo(sink, { signal });
  return kept.subarray(0, length);
}

/**
 * Whether what the program starts can be killed with it: as a group of its own,
 * which takes the permission to run anything. On a terminal it stays in this
 * process's group, where it may ask something and Ctrl-C reaches it.
 */
function mayKillGroup(): boolean {
  return Deno.build.os !== "windows" && !Deno.stdin.isTerminal() &&
    Deno.permissions.querySync({ name: "run" }).state === "granted";
}

function killChild(child: Deno.ChildProcess, isGroup: boolean): void {
  try {
    if (isGroup) Deno.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}
