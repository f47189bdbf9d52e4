/**
 * The file of a recording: two parts that take turns, of which the older one
 * goes when both are full. At the end they are one file again.
 */

import { ConfigError, messageOf } from "../errors.ts";
import type { Naming, OptionNames } from "../naming.ts";
import { lacking, type Need, notGranted } from "../permissions.ts";
import { isSameFile } from "../same_file.ts";
import type { RecordingHeader } from "./format.ts";

/** What the older part is called while there are two. */
export const OLDER = ".older";

/** How every recording begins. */
export const BEGINNING = '{"recording":"sigv4-proxy"';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What it takes to keep a recording: both parts are read again. */
export function recordingNeeds(path: string): Need[] {
  return [path, path + OLDER].flatMap((value): Need[] => [
    { kind: "read", value, why: "keep the recording" },
    { kind: "write", value, why: "keep the recording" },
  ]);
}

/** How a recording is kept. */
export interface RecordingFileOptions extends Naming {
  readonly path: string;
  /** How many bytes both parts have at most. */
  readonly maxBytes: number;
  readonly header: RecordingHeader;
}

/** A recording that is being written. */
export class RecordingFile {
  readonly #options: RecordingFileOptions;
  readonly #head: Uint8Array;
  #file: Deno.FsFile;
  #size = 0;
  #hasOlder = false;
  /** Whether a part is gone. */
  hasLost = false;

  private constructor(options: RecordingFileOptions) {
    this.#options = options;
    this.#head = encoder.encode(`${JSON.stringify(options.header)}\n`);
    this.#file = this.#create();
  }

  /**
   * Begins a recording, in place of one that is there.
   *
   * @throws {ConfigError} The file cannot be written, or is no recording.
   */
  static create(options: RecordingFileOptions): RecordingFile {
    const { path, names } = options;
    try {
      removeRecording(path, names);
      removeRecording(path + OLDER, names);
      return new RecordingFile(options);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const missing = error instanceof Deno.errors.NotCapable
        ? notGranted(recordingNeeds(path))
        : [];
      // Devices want more than Deno lets anyone ask for.
      const why = missing.length > 0
        ? lacking(missing)
        : `${messageOf(error)} (set ${names.record} to another file)`;
      throw new ConfigError([`the recording cannot be written: ${why}`]);
    }
  }

  #create(): Deno.FsFile {
    const file = Deno.openSync(this.#options.path, {
      createNew: true,
      write: true,
      // Nobody else may read what somebody said.
      mode: 0o600,
    });
    file.writeSync(this.#head);
    this.#size = this.#head.length;
    return file;
  }

  /** Writes lines, newlines included. One that is too long is lost. */
  async write(lines: readonly string[]): Promise<void> {
    const limit = this.#options.maxBytes / 2;
    let part = "";
    for (const line of lines) {
      const { length } = encoder.encode(line);
      if (this.#head.length + length > limit) {
        this.hasLost = true;
        continue;
      }
      if (this.#size + length > limit) {
        await writeAll(this.#file, encoder.encode(part));
        part = "";
        this.#rotate();
      }
      part += line;
      this.#size += length;
    }
    await writeAll(this.#file, encoder.encode(part));
  }

  #rotate(): void {
    const { path } = this.#options;
    this.#finish();
    this.hasLost ||= this.#hasOlder;
    Deno.renameSync(path, path + OLDER);
    this.#hasOlder = true;
    this.#file = this.#create();
  }

  /** @throws {Error} Another file is where this one was, and may stay there. */
  #finish(): void {
    using file = this.#file;
    const [own, there] = [file.statSync(), Deno.lstatSync(this.#options.path)];
    if (!isSameFile(own, there)) {
      throw new Error("another file is in its place");
    }
  }

  /** Makes one file of both parts. */
  async close(): Promise<void> {
    this.#finish();
    if (!this.#hasOlder) return;
    const { path } = this.#options;
    const newer = await Deno.open(path, { read: true });
    newer.seekSync(this.#head.length, Deno.SeekMode.Start);
    const older = await Deno.open(path + OLDER, { append: true });
    await newer.readable.pipeTo(older.writable);
    Deno.renameSync(path + OLDER, path);
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await file.write(bytes.subarray(at));
  }
}

/** Nothing but a recording is ever written over. */
function removeRecording(path: string, { record }: OptionNames): void {
  try {
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile || size > 0 && !fileBegins(path, BEGINNING)) {
      throw new ConfigError([
        `${path} is there and is no recording, and is not written over (set ${record} to another file)`,
      ]);
    }
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Whether a file begins with a text of ASCII. */
export function fileBegins(path: string, beginning: string): boolean {
  using file = Deno.openSync(path, { read: true });
  const buffer = new Uint8Array(beginning.length);
  const length = file.readSync(buffer) ?? 0;
  return decoder.decode(buffer.subarray(0, length)) === beginning;
}
