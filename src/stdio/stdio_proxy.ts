/** Frames in ⇄ upstream ⇄ frames out. */

import {
  redactorOf,
  refusalError,
  safeAwsError,
} from "../aws/refusals/refusal.ts";
import {
  DEFAULT_MAX_FRAME_BYTES,
  limitConnect,
  type ProxyOptions,
  type ProxySettings,
  settleOptions,
} from "../config/proxy_options.ts";
import { ProxyError } from "../errors.ts";
import { asObject } from "../json.ts";
import type { HoldingFetch } from "../net/fetching.ts";
import { hasRules } from "../mcp/tools/rules.ts";
import type { Link } from "../mcp/transport/link.ts";
import type { Observer } from "../mcp/transport/observer.ts";
import { Upstream } from "../mcp/upstream.ts";
import { clientInfoIn } from "../mcp/wire/era.ts";
import { FrameParser, FrameWriter } from "../mcp/wire/frames.ts";
import type { Naming } from "../naming.ts";
import { withCookies } from "../net/cookies.ts";
import { productOf, withUserAgent } from "../net/user_agent.ts";
import { joinSecrets, type Redactor } from "../redact/redact.ts";
import { aborted, delay, within } from "../time.ts";
import { ClientInput } from "./client_input.ts";
import type { Accounts, ClientLinkOptions } from "./layers.ts";

/** What {@linkcode runStdioProxy} carries, and how. */
export interface StdioProxyOptions extends ProxyOptions {
  /** The target's MCP endpoint. */
  readonly url: URL;
  /** Where the client's messages come from: one a line. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Where the client's answers go to: one a line. It is not closed. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Whether `writable` is done with a chunk when its write resolves, as files
   * and pipes are; then its memory is given back at once. `false` unless set:
   * a `TransformStream`, say, hands the chunk on.
   */
  readonly writableTakesChunks?: boolean;
  /** Stops the proxy: within 800 ms everything is answered and over. */
  readonly signal?: AbortSignal;
  /**
   * Holds a GET stream open for what the target sends on its own; `false`
   * unless it is set.
   */
  readonly standaloneStream?: boolean;
  /** The largest message taken from the client, in bytes; 64 MiB by default. */
  readonly maxFrameBytes?: number;
  /** How many requests are upstream at once; 64 by default. */
  readonly maxConcurrency?: number;
  /** How often a request that cannot have run is sent again; 2 by default. */
  readonly retries?: number;
  /** Whether a lost session is replaced by a new one; `true` by default. */
  readonly recover?: boolean;
  /**
   * Whether cookies that the target sets are kept and sent back to it; `true`
   * by default.
   */
  readonly cookies?: boolean;
  /**
   * The transport that the target speaks: `streamable-http`, `sse` (HTTP+SSE
   * of 2024-11-05), or `auto`, the default, which finds out.
   */
  readonly transport?: "auto" | "streamable-http" | "sse";
  /**
   * Whether a client of one era of MCP and a target of the other are brought
   * together; `false` by default.
   */
  readonly bridge?: boolean;
  /**
   * The name of a header by which the target knows that requests of 2026-07-28,
   * which has no sessions, belong together: each carries an ID that is made
   * once for the client and the identity that signs. Where `headers` has it,
   * that value counts; by default there is none.
   */
  readonly sessionHeader?: string;
  /**
   * How long a session may be idle before it is pinged, in milliseconds; by
   * default none is pinged.
   */
  readonly keepAliveMs?: number;
  /**
   * AWS profiles that calls may name in an `aws_profile` argument, each with
   * the fetch that signs for it; the first is the default.
   */
  readonly profiles?: ReadonlyMap<string, typeof globalThis.fetch>;
  /** For calls that name one of these profiles, in place of `metadata`. */
  readonly profileMetadata?: ReadonlyMap<
    string,
    NonNullable<ProxyOptions["metadata"]>
  >;
}

type OfLayers = "observer" | "accounts" | "writer" | "receiptOf" | "findLogin";

/** What the program adds to them. */
export interface StdioProxyRun
  extends StdioProxyOptions, Naming, Pick<ClientLinkOptions, OfLayers> {
  /** Whether nobody else has the chunks of `readable`; `false` by default. */
  readonly takesChunks?: boolean;
}

const DEFAULT_MAX_CONCURRENCY = 64;
const DEFAULT_RETRIES = 2;

/** How long the target may take at stdin's end, and a client to read at all. */
const DRAIN_MS = 30_000;
const CLOSE_MS = 5_000;

// The three together leave a quarter of a second of the 800 ms of a stop, for a
// machine that is loaded.
const STOP_DRAIN_MS = 250;
const STOP_CLOSE_MS = 200;
const STOP_WRITE_MS = 100;

/** Carries messages, as mod.ts says of it. */
export async function runStdioProxy(options: StdioProxyRun): Promise<void> {
  using opened = new DisposableStack();
  const { url, observer, profiles, accounts, writer: signedWriter } = options;
  const settings = settleOptions(options, url, opened, [
    options.fetch,
    ...profiles?.values() ?? [],
    ...signedWriter ? [signedWriter] : [],
  ]);
  const { log, redactor } = settings;
  const { maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } = options;
  const writer = new FrameWriter(options.writable, {
    takesChunks: options.writableTakesChunks,
  });
  const emit = (frame: Uint8Array) => {
    observer?.delivered(frame);
    return writer.write(frame);
  };
  let client = "";
  const namesClient = !settings.headers
    .some(([name]) => name.toLowerCase() === "user-agent");
  const fetchWith = (fetch: HoldingFetch, stack = opened) => {
    const own = options.cookies ?? true ? withCookies(fetch, redactor) : fetch;
    const limited = limitConnect(own, options, stack);
    return namesClient ? withUserAgent(limited, () => client) : limited;
  };
  const link = await createClientLink({
    ...options,
    ...settings,
    fetch: fetchWith(options.fetch),
    emit,
    emitPieces: (pieces) =>
      writer.writePieces(observer ? counted(pieces, observer) : pieces),
    explain: (response, body) => explain(response, body, settings),
    maxConcurrency: options.maxConcurrency ?? DEFAULT_MAX_CONCURRENCY,
    retries: options.retries ?? DEFAULT_RETRIES,
    recover: options.recover ?? true,
    transport: options.transport ?? "auto",
    accounts: accounts && accountsWith(accounts, redactor, fetchWith),
    writer: signedWriter && fetchWith(signedWriter),
    profiles: profiles &&
      new Map([...profiles].map(([name, own]) => [name, fetchWith(own)])),
  });

  const stop = new AbortController();
  const { signal = stop.signal } = options;
  const stopped = AbortSignal.any([signal, stop.signal]);
  let failure: unknown;
  writer.broken.then((cause) => {
    // A disk that is full is no client that has left.
    if (asObject(cause).code === "ENOSPC") failure = cause;
    else log.info("the client is gone", { error: String(cause) });
    stop.abort();
  });

  try {
    const bytes = readUntil(options.readable, stopped);
    // Not even a client that reads nothing keeps it from stopping.
    const input = new ClientInput({
      accept: (frame, message) => {
        const info = settings.clientInfo ? clientInfoIn(message) : undefined;
        if (info !== undefined) client = productOf(info);
        return link.accept(frame, message);
      },
      emit,
      log,
      observer,
      maxFrameBytes,
      names: settings.names,
      signal: stopped,
    });
    const frames = new FrameParser({
      maxFrameBytes,
      takesChunks: options.takesChunks,
    });
    for await (const chunk of bytes) {
      for (const frame of frames.feed(chunk)) {
        const isFull = input.take(frame);
        if (isFull) await isFull;
      }
    }
    const last = frames.end();
    if (last) await input.take(last);
  } finally {
    const deadline = new AbortController();
    abortLater(deadline, options.timeoutMs ?? DRAIN_MS, stopped)
      .catch(() => {});
    await link.drain(deadline.signal);
    deadline.abort();
    await link.close(stopped.aborted ? STOP_CLOSE_MS : CLOSE_MS);
    await writer.idle(DRAIN_MS, stopped);
    if (stopped.aborted) await within(STOP_WRITE_MS, writer.idle());
    writer.release();
  }
  if (failure) throw failure;
}

/**
 * What stands between the client and the target: the upstream, and the layers
 * that options ask for. A layer that no option asks for is not there.
 */
async function createClientLink(options: ClientLinkOptions): Promise<Link> {
  const { tools, bridge, profiles, accounts, findLogin } = options;
  const isPlain = !hasRules(tools) && !bridge && !profiles && !accounts &&
    !findLogin;
  if (isPlain) return new Upstream(options);
  const { createLayers } = await import("./layers.ts");
  return createLayers(options);
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  observer: Observer,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    observer.delivered({ byteLength: piece.length });
    yield piece;
  }
}

/** Accounts, each opened when a call needs it. */
function accountsWith(
  accounts: Accounts,
  redactor: Redactor,
  fetchWith: (
    fetch: HoldingFetch,
    opened: DisposableStack,
  ) => HoldingFetch,
): Accounts {
  return {
    ...accounts,
    open(account, role) {
      const opened = new DisposableStack();
      const signed = opened.use(accounts.open(account, role));
      opened.defer(joinSecrets(redactor, [signed]));
      const fetch = fetchWith(signed, opened).bind(undefined);
      const end = () => opened.dispose();
      return Object.assign(fetch, { [Symbol.dispose]: end });
    },
  };
}

/**
 * What an HTTP error of AWS means: a refusal by IAM, or its error type. The
 * secrets of whoever signed are kept out of what follows.
 */
function explain(
  response: Response,
  body: string,
  { redactor, names }: ProxySettings,
): ProxyError | undefined {
  const signer = redactorOf(response);
  if (signer) redactor.join(signer);
  const refusal = refusalError(response, body, names);
  if (refusal) return refusal;
  const awsError = safeAwsError(response, body);
  if (awsError?.type === undefined) return undefined;
  const { status } = response;
  const { type, message, hint } = awsError;
  const said = [type, message, hint].filter(Boolean).join(": ");
  const told = (what: string) => `the target answered HTTP ${status}: ${what}`;
  return new ProxyError("http-status", told(said), {
    data: { status, awsError: type },
    summary: told(type),
  });
}

/** The chunks of a stream until it ends, or until the signal is aborted. */
async function* readUntil(
  readable: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = readable.getReader();
  const cancel = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    reader.releaseLock();
  }
}

/** Aborts after some time, or soon after the proxy is told to stop. */
async function abortLater(
  deadline: AbortController,
  limitMs: number,
  stopped: AbortSignal,
): Promise<void> {
  await within(limitMs, aborted(stopped), deadline.signal);
  if (stopped.aborted) await delay(STOP_DRAIN_MS, deadline.signal);
  deadline.abort();
}
