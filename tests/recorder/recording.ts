/** The program with `--record`, what it has written, and its replay. */

import { runReplay } from "../../src/commands/replay/replay.ts";
import type { Happening, RecordingHeader } from "../../src/recorder/format.ts";
import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../support/program/proxy_process.ts";
import { keySettings } from "../support/aws/test_identity.ts";

/** A recording, read as it stands. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly lines: readonly (Happening & { seq: number; t: number })[];
  readonly text: string;
}

/** Plays a recording, in this process. */
export async function replay(
  path: string,
  ...args: readonly string[]
): Promise<{ code: number; text: string }> {
  let text = "";
  const write = (part: string) => Promise.resolve(void (text += part));
  const code = await runReplay([...args, path], { write });
  return { code, text };
}

/** A credentials file with a key. */
export function keysOf(accessKeyId: string): string {
  const secretAccessKey = `secret-of-${accessKeyId}`;
  return `[default]\n${keySettings({ accessKeyId, secretAccessKey })}`;
}

/** A directory of a test's own, with the path of a recording in it. */
export class RecordingDirectory implements AsyncDisposable {
  readonly path: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = `${directory}/recording.jsonl`;
  }

  static async make(): Promise<RecordingDirectory> {
    return new RecordingDirectory(await Deno.makeTempDir());
  }

  /** Starts the program so that it records. */
  start(
    { args = [], permissions = {}, ...options }: ProxyProcessOptions,
  ): Promise<ProxyProcess> {
    const files = [this.path, `${this.path}.older`];
    return ProxyProcess.start({
      ...options,
      args: ["--record", this.path, ...args],
      permissions: {
        ...permissions,
        read: [...files, ...permissions.read ?? []],
        write: [...files, ...permissions.write ?? []],
      },
    });
  }

  /** The same in this process. */
  startHere(
    { args = [], ...options }: ProxyProcessOptions,
  ): Promise<ProxyProcess> {
    return ProxyProcess.startHere({
      ...options,
      args: ["--record", this.path, ...args],
    });
  }

  /** Starts it so, and ends it once a client has said what it has to say. */
  async record(
    options: ProxyProcessOptions,
    client: (proxy: ProxyProcess) => Promise<unknown>,
  ): Promise<void> {
    await using proxy = await this.startHere(options);
    await client(proxy);
    await proxy.closeStdin();
    await proxy.status();
  }

  async read(): Promise<Recording> {
    const text = await Deno.readTextFile(this.path);
    const [header, ...lines] = text.trimEnd().split("\n")
      .map((line) => JSON.parse(line));
    return { header, lines, text };
  }

  /** The names of what is there. */
  async names(): Promise<string[]> {
    const entries = await Array.fromAsync(Deno.readDir(this.#directory));
    return entries.map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}
