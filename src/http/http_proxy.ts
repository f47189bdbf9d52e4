/**
 * A local HTTP endpoint ⇄ the signed fetch.
 *
 * It holds no state: what belongs together is in the headers and bodies of the
 * two sides, so that any number of these proxies may stand side by side.
 */

import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { DEFAULT_DRAIN_MS } from "../config/checks.ts";
import { ConfigError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import {
  isLocal,
  isTcp,
  type ListenAddress,
  nameOf,
} from "../net/listen_address.ts";
import { aborted, within } from "../time.ts";
import { Guard, refuseBadHeads, RequestWithoutQuery } from "./guard.ts";
import { listen, makeToken, writeTokenFile } from "./listen.ts";
import { HttpListener, MCP_PATH } from "./listener.ts";
import { type HttpContext, type HttpProxyRun, openContext } from "./options.ts";

/** Connections beyond those of requests and streams: idle ones, health checks. */
const SPARE_CONNECTIONS = 256;

/** Longer than clients and load balancers keep idle connections. */
const KEEP_ALIVE_MS = 120_000;

/** When a client that says nothing is asked, below HTTP, if it is there. */
const PROBE_AFTER_MS = 60_000;

/** A token that is shorter can be guessed. */
const MIN_TOKEN_LENGTH = 16;

// Both together, each with a last look of 50 ms or more, are what a stop takes
// after the drain.
const STOP_ABORT_MS = 100;
const STOP_CLOSE_MS = 50;

export async function runHttpProxy(options: HttpProxyRun): Promise<void> {
  using opened = new DisposableStack();
  const context = openContext(options, opened);
  const { log } = context;
  const token = tokenOf(options, log);
  context.redactor.addCredential(token);
  const guard = new Guard(options.listen, token, options.hosts);
  const listener = new HttpListener(context, guard);
  const server = makeServer(options, context);
  for (const event of ["request", "checkContinue", "checkExpectation"]) {
    server.on(event, (request, response) => listener.handle(request, response));
  }
  refuseBadHeads(server);

  await using stack = new AsyncDisposableStack();
  const address = await listen(server, options.listen, options.names);
  stack.defer(() => close(server, address));
  server.on("error", (error) => {
    log.error("the server failed", { error: error.message });
  });
  if (token !== undefined && options.token === undefined) {
    const file = await writeTokenFile(
      token,
      log,
      options.tokenDirectory,
      options.names,
    );
    stack.use(file);
    log.info("made a token for clients", { tokenFile: file.path });
  }
  announce(address, token, log);
  options.onListen?.(address);

  await aborted(options.signal);
  await listener.drain(options.drainMs ?? DEFAULT_DRAIN_MS, options.force);
  await listener.abortAll(STOP_ABORT_MS);
}

function tokenOf(
  { token = makeToken(), listen, names }: HttpProxyRun,
  log: Log,
): string | undefined {
  if (token === false) {
    if (isLocal(listen)) return undefined;
    const where = nameOf(listen);
    throw new ConfigError([
      `without a token ${where} would lend this AWS identity to the network (leave out ${names.noToken}, or listen at 127.0.0.1)`,
    ]);
  }
  const { length } = token;
  if (length < MIN_TOKEN_LENGTH) {
    log.warn("the listen token is short: it can be guessed", { length });
  }
  return token;
}

function makeServer(
  { headTimeoutMs = 20_000, maxHeadBytes = 32 * 1024 }: HttpProxyRun,
  { maxRequests, maxStreams }: HttpContext,
): Server {
  const server = createServer({
    IncomingMessage: RequestWithoutQuery,
    maxHeaderSize: maxHeadBytes,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: Math.ceil(headTimeoutMs / 4),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Bodies have a limit of their own, and answers take what they take.
    requestTimeout: 0,
  });
  // They cost memory before anybody has shown the token.
  server.maxConnections = maxRequests + maxStreams + SPARE_CONNECTIONS;
  // Else a stream would stand for ever for a machine that lost its power.
  server.on("connection", (socket: Socket) => {
    socket.setKeepAlive(true, PROBE_AFTER_MS);
    // Each of its requests listens for its end.
    socket.setMaxListeners(0);
  });
  return server;
}

function announce(
  address: ListenAddress,
  token: string | undefined,
  log: Log,
): void {
  const where = isTcp(address)
    ? { url: `http://${nameOf(address)}${MCP_PATH}` }
    : { path: address.path };
  log.info("listening", where);
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
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await within(STOP_CLOSE_MS, closed);
  if (!isTcp(address)) await Deno.remove(address.path).catch(() => {});
}
