/**
 * A local HTTP endpoint ⇄ the signed fetch.
 *
 * It holds no state: what belongs together is in the headers and bodies of the
 * two sides, so that any number of these proxies may stand side by side.
 *
 * @module
 */

import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { aborted, Deadlines } from "../time.ts";
import { explainRefusal } from "../aws/refusals/refusal.ts";
import { withConnectLimit } from "../net/connect_limit.ts";
import { ConfigError } from "../errors.ts";
import {
  isLocal,
  isTcp,
  type ListenAddress,
  nameOf,
} from "../net/listen_address.ts";
import { BodyStore } from "./body.ts";
import { BodyDiscard } from "./discard.ts";
import { HttpListener, MCP_PATH } from "./listener.ts";
import { Guard } from "./guard.ts";
import { refuseBadHeads, RequestWithoutQuery } from "./head.ts";
import { listen } from "./listen.ts";
import { DEFAULT_DRAIN_MS } from "../config/listen_options.ts";
import { MessagePolicy } from "./policy.ts";
import { makeToken, TokenFile } from "./token.ts";
import { type Log, SILENT_LOG } from "../log/log.ts";
import type { Observer } from "../mcp/transport/observer.ts";
import type { ToolRules } from "../mcp/tools/policy.ts";
import { hideSettings, joinSecrets, Redactor } from "../redact/redact.ts";

/** What {@linkcode runHttpProxy} serves, and how. */
export interface HttpProxyOptions {
  /** The target's MCP endpoint. */
  readonly target: URL;
  /** Sends every request: a signed fetch, as a rule. */
  readonly fetch: typeof globalThis.fetch;
  /** Where to listen. Port 0 is any that is free. */
  readonly listen: ListenAddress;
  /**
   * Stops the proxy: standing streams and half-sent bodies end at once, new
   * requests and health checks get 503, and what is under way has `drainMs`.
   */
  readonly signal: AbortSignal;
  /**
   * How long what is under way may take to end when the proxy stops, in
   * milliseconds; 25 s by default. What is left then is given up.
   */
  readonly drainMs?: number;
  /** Ends that time: after a stop everything is over within 300 ms. */
  readonly hurry?: AbortSignal;
  /** Is told where it listens, as soon as it does. */
  readonly onListen?: (address: ListenAddress) => void;
  /**
   * The bearer token that clients bring. If it is not given one is made, and
   * written to a file of mode 0600 that the log names. `false`: none is asked
   * for, which is for addresses alone that only this machine reaches.
   */
  readonly token?: string | false;
  /**
   * The directory for the file with the token; the system's temporary one by
   * default, and where this one takes no file.
   */
  readonly tokenDirectory?: string;
  /** More names that clients may know it by: a load balancer's, say. */
  readonly hosts?: readonly string[];
  /** Header names and values that go with every request. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /**
   * The whole time of one request from when its body is there, in milliseconds;
   * unlimited by default.
   */
  readonly timeoutMs?: number;
  /** Whether what comes of an event stream begins that time anew. */
  readonly timeoutResetOnProgress?: boolean;
  /**
   * The time of a request without a byte from the target, in milliseconds;
   * 15 minutes by default.
   */
  readonly idleTimeoutMs?: number;
  /**
   * How long the target may take to accept a connection, in milliseconds; by
   * default as long as the system allows. Not for requests through an HTTP
   * proxy, whose target may well be out of reach.
   */
  readonly connectTimeoutMs?: number;
  /** The time for a request's head, in milliseconds; 20 s by default. */
  readonly headTimeoutMs?: number;
  /**
   * The time without a byte of a request's body, in milliseconds; 30 s by
   * default.
   */
  readonly bodyTimeoutMs?: number;
  /**
   * The time for the whole of a request's body, in milliseconds; 5 minutes by
   * default.
   */
  readonly wholeBodyTimeoutMs?: number;
  /** The largest head of a request, in bytes; 32 KiB by default. */
  readonly maxHeadBytes?: number;
  /** The largest body of a request, in bytes; 64 MiB by default. */
  readonly maxBodyBytes?: number;
  /**
   * How many requests may be under way at a time, without standing streams;
   * 1024 by default.
   */
  readonly maxRequests?: number;
  /**
   * How many standing streams (`GET`, `subscriptions/listen`) there may be at a
   * time; 1024 by default.
   */
  readonly maxStreams?: number;
  /** Which tools clients may see and call; all by default. */
  readonly tools?: Partial<ToolRules>;
  /** Keys and values put into the `params._meta` of requests without them. */
  readonly metadata?: readonly (readonly [key: string, value: string])[];
  /**
   * The largest answer in which forbidden tools are looked for, in bytes;
   * 10 MiB by default.
   */
  readonly maxAnswerBytes?: number;
  /** Where log lines go; nowhere by default. */
  readonly log?: Log;
  /**
   * What hides secrets in log lines and errors; it learns the token and the
   * session IDs.
   */
  readonly redactor?: Redactor;
}

/** What the program adds to them. */
export interface HttpProxyRun extends HttpProxyOptions {
  /** Is told of the messages on their way; nobody is by default. */
  readonly observer?: Observer;
}

const DEFAULT_IDLE_TIMEOUT_MS = 15 * 60_000;
const DEFAULT_HEAD_TIMEOUT_MS = 20_000;
const DEFAULT_BODY_TIMEOUT_MS = 30_000;
const DEFAULT_WHOLE_BODY_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_MAX_HEAD_BYTES = 32 * 1024;
const DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_REQUESTS = 1024;
const DEFAULT_MAX_STREAMS = 1024;

/** Connections beyond those of requests and streams: idle ones, health checks. */
const SPARE_CONNECTIONS = 256;

/** How many of the largest bodies are held at a time. */
const HELD_BODIES = 4;

/** Longer than clients and load balancers keep idle connections. */
const KEEP_ALIVE_MS = 120_000;

/** When a client that says nothing is asked, below HTTP, if it is there. */
const PROBE_AFTER_MS = 60_000;

/** A token that is shorter can be guessed. */
const MIN_TOKEN_LENGTH = 16;

// Both together are what a stop takes after the drain.
const STOP_ABORT_MS = 150;
const STOP_CLOSE_MS = 100;

/** Serves a target, as mod.ts says of it. */
export async function runHttpProxy(options: HttpProxyRun): Promise<void> {
  const { log = SILENT_LOG, redactor = new Redactor(), signal } = options;
  const token = tokenOf(options, log);
  redactor.addCredential(token);
  hideSettings(redactor, options.target, options.headers ?? []);
  const server = makeServer(options);
  const deadlines = new Deadlines();
  using limits = new DisposableStack();
  limits.defer(() => deadlines.stop());
  const given = { token, log, redactor, deadlines, limits };
  const front = makeFront(options, given);
  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (request, response) => front.handle(request, response));
  }
  refuseBadHeads(server);

  await using stack = new AsyncDisposableStack();
  stack.defer(joinSecrets(redactor, [options.fetch]));
  const address = await listen(server, options.listen);
  stack.defer(() => close(server, address));
  server.on("error", (error) => {
    log.error("the server failed", { error: error.message });
  });
  if (token !== undefined && options.token === undefined) {
    const directory = options.tokenDirectory;
    const file = await TokenFile.create(token, { directory, log });
    stack.use(file);
    log.info("made a token for clients", { tokenFile: file.path });
  }
  announce(address, token, log);
  options.onListen?.(address);

  await aborted(signal);
  await front.drain(options.drainMs ?? DEFAULT_DRAIN_MS, options.hurry);
  await front.abortAll(STOP_ABORT_MS);
}

function tokenOf(
  { token, listen }: HttpProxyRun,
  log: Log,
): string | undefined {
  if (token === undefined) return makeToken();
  if (token !== false) {
    if (token.length < MIN_TOKEN_LENGTH) {
      log.warn("the listen token is short: it can be guessed", {
        length: token.length,
      });
    }
    return token;
  }
  if (!isLocal(listen)) {
    throw new ConfigError([
      `without a token ${
        nameOf(listen)
      } would lend this AWS identity to the network (leave out --no-listen-token, or listen at 127.0.0.1)`,
    ]);
  }
  return undefined;
}

function makeServer(options: HttpProxyRun): Server {
  const { headTimeoutMs = DEFAULT_HEAD_TIMEOUT_MS } = options;
  const server = createServer({
    IncomingMessage: RequestWithoutQuery,
    maxHeaderSize: options.maxHeadBytes ?? DEFAULT_MAX_HEAD_BYTES,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: Math.ceil(headTimeoutMs / 4),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Bodies have a limit of their own, and answers take what they take.
    requestTimeout: 0,
  });
  // They cost memory before anybody has shown the token.
  const { maxRequests, maxStreams } = places(options);
  server.maxConnections = maxRequests + maxStreams + SPARE_CONNECTIONS;
  // Else a stream would stand for ever for a machine that lost its power.
  server.on("connection", (socket: Socket) => {
    socket.setKeepAlive(true, PROBE_AFTER_MS);
    // Each of its requests listens for its end.
    socket.setMaxListeners(0);
  });
  return server;
}

function places(
  options: HttpProxyRun,
): { maxRequests: number; maxStreams: number } {
  return {
    maxRequests: options.maxRequests ?? DEFAULT_MAX_REQUESTS,
    maxStreams: options.maxStreams ?? DEFAULT_MAX_STREAMS,
  };
}

interface Surroundings {
  readonly token: string | undefined;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly deadlines: Deadlines;
  readonly limits: DisposableStack;
}

function makeFront(
  options: HttpProxyRun,
  { token, log, redactor, deadlines, limits }: Surroundings,
): HttpListener {
  const maxBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  return new HttpListener({
    target: options.target,
    fetch: limitedFetch(options, limits),
    headers: options.headers ?? [],
    explain: explainRefusal,
    observer: options.observer,
    redactor,
    log,
    guard: new Guard({
      listen: options.listen,
      token,
      hosts: options.hosts ?? [],
    }),
    body: {
      maxBytes,
      idleTimeoutMs: options.bodyTimeoutMs ?? DEFAULT_BODY_TIMEOUT_MS,
      timeoutMs: options.wholeBodyTimeoutMs ?? DEFAULT_WHOLE_BODY_TIMEOUT_MS,
      store: new BodyStore(HELD_BODIES * maxBytes),
      deadlines,
    },
    deadlines,
    discard: new BodyDiscard(),
    time: {
      timeoutMs: options.timeoutMs,
      resetOnProgress: options.timeoutResetOnProgress ?? false,
      idleTimeoutMs: options.idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS,
    },
    ...places(options),
    policy: policyOf(options),
  });
}

function limitedFetch(
  { fetch, connectTimeoutMs }: HttpProxyRun,
  limits: DisposableStack,
): typeof globalThis.fetch {
  if (connectTimeoutMs === undefined) return fetch;
  return limits.use(withConnectLimit(fetch, { limitMs: connectTimeoutMs }));
}

/** What looks at messages, if any option asks for that. */
function policyOf(
  { tools, metadata = [], maxAnswerBytes }: HttpProxyRun,
): MessagePolicy | undefined {
  const rules = { readOnly: false, allow: [], deny: [], ...tools };
  const policy = new MessagePolicy({
    tools: rules,
    metadata,
    maxAnswerBytes,
  });
  const isNeeded = policy.tools !== undefined || metadata.length > 0;
  return isNeeded ? policy : undefined;
}

function announce(
  address: ListenAddress,
  token: string | undefined,
  log: Log,
): void {
  const url = isTcp(address)
    ? `http://${nameOf(address)}${MCP_PATH}`
    : undefined;
  const path = isTcp(address) ? undefined : address.path;
  log.info("listening", { url, path });
  if (token === undefined) {
    log.warn(
      "no token is asked for: every program that reaches this address acts with this AWS identity",
    );
  }
  if (!isLocal(address)) {
    log.warn(
      "the network reaches this address over plain HTTP: have TLS in front of it",
    );
  }
}

async function close(server: Server, address: ListenAddress): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  const timer = setTimeout(resolve, STOP_CLOSE_MS);
  await promise;
  clearTimeout(timer);
  if (!isTcp(address)) await Deno.remove(address.path).catch(() => {});
}
