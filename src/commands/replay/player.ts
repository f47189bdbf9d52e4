/**
 * Plays a recording: what the client and the target said is said again, each
 * thing once all that went before it then has come today. What comes is
 * recorded in turn.
 */

import { parseArguments } from "../../config/arguments.ts";
import { type Config, configure } from "../../config/config.ts";
import { ConfigError } from "../../errors.ts";
import { SILENT_LOG } from "../../log/log.ts";
import { FLAG_NAMES } from "../../config/settings.ts";
import type { RecordingHeader, RecordLine } from "../../recorder/format.ts";
import { Recorder } from "../../recorder/recorder.ts";
import { Redactor } from "../../redact/redact.ts";
import { nameOf } from "../../net/listen_address.ts";
import { delay, within } from "../../time.ts";
import { runProxy } from "../proxy.ts";
import { isReplayed, standInsFor } from "../recording.ts";
import { type Client, httpClient, stdioClient } from "./client.ts";
import { type Exchange, exchangesOf, keyOf, signerOf } from "./script.ts";
import { ReplayTarget } from "./target.ts";

/** How much later than then something may come. */
const LATE_MS = 10_000;

/** The same once something is missing: what follows may depend on it. */
const SOON_MS = 500;

/** How long the proxy may take to end. */
const END_MS = 20_000;

/** What came of playing a recording. */
export interface Played {
  readonly lines: readonly RecordLine[];
  /** The loopback target, which stood for the recorded one. */
  readonly target: URL;
}

/**
 * Plays lines of a recording.
 *
 * @param isFast Whether nothing waits for the time at which it was said.
 * @throws {ConfigError} The options in it are not taken.
 */
export async function play(
  header: RecordingHeader,
  lines: readonly RecordLine[],
  isFast: boolean,
): Promise<Played> {
  const exchanges = exchangesOf(lines);
  const shiftMs = Date.now() - Date.parse(header.startedAt) || 0;
  const { pathname } = new URL(header.target);
  await using target = await ReplayTarget.start(pathname, exchanges, shiftMs);
  const config = await configFor(header, target.url);
  const today = new Today();
  const stop = new AbortController();
  const stdin = new TransformStream<Uint8Array, Uint8Array>();
  const listening = Promise.withResolvers<URL>();
  const redactor = new Redactor();
  const standIns = standInsFor(
    { ...config, recordBodies: header.bodies },
    redactor,
  );
  const running = runProxy(config, {
    env: () => undefined,
    log: SILENT_LOG,
    redactor,
    signal: stop.signal,
    force: stop.signal,
    drainMs: 0,
    onListen: (address) =>
      listening.resolve(new URL(`http://${nameOf(address)}/mcp`)),
    stdio: { readable: stdin.readable, writable: new WritableStream() },
    context: { createCredentialSource: identities(lines) },
    toOthers: caller(lines),
    fetch: target.fetch,
    record: () =>
      new Recorder({
        out: today,
        standIns,
        log: SILENT_LOG,
        names: FLAG_NAMES,
        isEager: true,
      }),
  });
  const isHttp = header.mode === "http";
  const client = isHttp
    ? httpClient(listening.promise)
    : stdioClient(stdin.writable, (state) => standIns.valueOf("state", state));
  // The client over stdio has left after its last message.
  const last = isHttp
    ? lines.length - 1
    : lines.findLastIndex(({ kind }) => kind === "in" || kind === "out");
  await perform({ lines, last, exchanges, target, today, client, isFast });
  target.release();
  if (!isHttp) await within(END_MS, running.catch(() => {}));
  stop.abort();
  await running;
  return { lines: today.lines, target: target.url };
}

async function configFor(
  header: RecordingHeader,
  url: URL,
): Promise<Config> {
  const foreign = header.options.find((option) => !isReplayed(option));
  if (foreign !== undefined) {
    const [flag] = foreign.split("=");
    throw new ConfigError([
      `the recording has a flag that no recording has: ${flag} (take the file as it was written)`,
    ]);
  }
  const args = [...header.options, `--target-url=${url.href}`];
  const { config } = await configure(parseArguments(args), () => undefined, {
    profileRegion: () => Promise.resolve(undefined),
    loadTls: () => Promise.resolve(undefined),
  });
  const profileMetadata = new Map(
    Object.entries(header.profileMetadata ?? {}).map(([profile, pairs]) => [
      profile,
      [...new URLSearchParams(pairs)],
    ]),
  );
  const address = { hostname: "127.0.0.1", port: 0 };
  const listen = header.mode === "http"
    ? { address, token: false as const, hosts: [] }
    : undefined;
  return { ...config, profileMetadata, listen };
}

/** An identity for each source; as many more as then, where one is refused. */
function identities(lines: readonly RecordLine[]) {
  const signers = new Map<string, string | undefined>();
  let left = 0;
  for (const line of lines) {
    if (line.kind !== "request" || line.text === undefined) continue;
    const signer = signerOf(line);
    const isOther = line.try !== undefined && signers.get(line.text) !== signer;
    if (isOther) left++;
    signers.set(line.text, signer);
  }
  let count = 0;
  const make = () => ({
    accessKeyId: `AKIDREPLAY${String(++count).padStart(6, "0")}`,
    secretAccessKey: "replayed-secret-key",
  });
  return () => {
    let current = make();
    return {
      get(options?: { refresh?: unknown }) {
        if (options?.refresh !== undefined && left > 0) {
          left--;
          current = make();
        }
        return Promise.resolve(current);
      },
    };
  };
}

/** Answers as STS who an identity is, if the recording has that. */
function caller(lines: readonly RecordLine[]): typeof globalThis.fetch {
  const wasTold = lines.some((line) =>
    line.kind === "out" && line.text?.includes('"arn":')
  );
  const account = "1".repeat(12);
  const answer =
    `<Account>${account}</Account><Arn>arn:aws:iam::${account}:user/x</Arn>`;
  return () =>
    Promise.resolve(new Response(answer, { status: wasTold ? 200 : 500 }));
}

/** What happens today, line by line. */
class Today {
  readonly lines: RecordLine[] = [];
  readonly #counts = new Map<string, number>();
  #onLine = (): void => {};

  write(texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      const line: RecordLine = JSON.parse(text);
      this.lines.push(line);
      const key = keyOf(line) ?? line.kind;
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    }
    this.#onLine();
    return Promise.resolve();
  }

  /** Waits for so many of a kind; false if they do not come. */
  async have(key: string, count: number, limitMs: number): Promise<boolean> {
    const until = performance.now() + limitMs;
    while ((this.#counts.get(key) ?? 0) < count) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) return false;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onLine = resolve;
      await within(leftMs, promise);
    }
    return true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Stage {
  readonly lines: readonly RecordLine[];
  /** After which of them the clients leave. */
  readonly last: number;
  readonly exchanges: Map<number, Exchange>;
  readonly target: ReplayTarget;
  readonly today: Today;
  readonly client: Client;
  readonly isFast: boolean;
}

/** Says what was said, line by line, and waits for what came. */
async function perform(stage: Stage): Promise<void> {
  const { lines, last, exchanges, target, today, client, isFast } = stage;
  const startedAt = performance.now();
  const first = lines[0]?.t ?? 0;
  const seen = new Map<string, number>();
  let before = first;
  let lateMs = LATE_MS;
  let heard = 0;
  if (last < 0) await client.end();
  for (const [index, line] of lines.entries()) {
    if (line.kind === "closed" && line.by === "client") {
      client.leave(line.client);
    }
    const key = keyOf(line);
    if (key !== undefined) {
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      const spanMs = Math.max(0, line.t - before);
      const hasCome = await today.have(key, count, spanMs + lateMs);
      if (!hasCome) lateMs = SOON_MS;
      // What was not asked today is not answered.
      if (!hasCome && "http" in line) exchanges.delete(line.http);
    } else {
      const at = startedAt + line.t - first;
      if (!isFast) await delay(Math.max(0, at - performance.now()));
      if (line.kind === "in") {
        await client.say(line);
        // Those of others overtake it.
        if (line.client !== undefined) {
          await today.have("in", ++heard, lateMs);
        }
      } else if ("http" in line) await target.say(line, lateMs);
    }
    before = line.t;
    if (index === last) await client.end();
  }
}
