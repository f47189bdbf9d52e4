/**
 * The command: arguments → wiring → exit code.
 *
 * @module
 */

import { readEnv } from "./src/aws/credentials/permissions.ts";
import {
  createCredentialSource,
  type CredentialSource,
  profileRegion,
} from "./src/aws/credentials/credentials.ts";
import { findCaBundle } from "./src/aws/shared_files/profile_settings.ts";
import {
  createSignedFetch,
  type SignedFetch,
} from "./src/aws/signing/signed_fetch.ts";
import {
  commandHelp,
  type CommandName,
  isCommandName,
} from "./src/config/commands.ts";
import {
  type Config,
  describeConfig,
  parseCommand,
} from "./src/config/config.ts";
import { withConnectLimit } from "./src/net/connect_limit.ts";
import { ConfigError, CredentialsError } from "./src/errors.ts";
import { helpText, versionText } from "./src/config/help.ts";
import type { TlsFetches } from "./src/net/http_client.ts";
import {
  findHttpProxy,
  type HttpProxy,
  type ProxyFinding,
} from "./src/net/proxy_variables.ts";
import { DEFAULT_DRAIN_MS } from "./src/config/listen_options.ts";
import {
  credentialOptions,
  hideSecrets,
  signingOptions,
} from "./src/config/identity.ts";
import { createLog, LineSink } from "./src/log/line_log.ts";
import type { Log } from "./src/log/log.ts";
import {
  dropPermissions,
  needlessPermissions,
  NEVER_NEEDED,
} from "./src/config/permissions.ts";
import { maskAccessKeyId, Redactor } from "./src/redact/redact.ts";
import { withProxyNamed } from "./src/net/named_proxy.ts";
import { runtimeDirectory } from "./src/http/runtime_directory.ts";
import { MAX_TIMER_MS } from "./src/time.ts";
import { runStdioProxy } from "./src/stdio/stdio_proxy.ts";
import type { Telemetry } from "./src/telemetry/telemetry.ts";
import { isTelemetryOn } from "./src/telemetry/switch.ts";

/** Exit codes. */
const EXIT_OK = 0;
const EXIT_UNEXPECTED = 1;
const EXIT_CONFIGURATION = 2;

/**
 * Everything is over this long after the first signal, come what may: the
 * clients that start this program soon kill what does not end.
 */
const STOP_LIMIT_MS = 780;

/** How long the last log lines may take. */
const FLUSH_MS = 100;

/** Runs the command with the arguments of the process, and ends the process. */
export async function runCommand(): Promise<never> {
  Deno.exit(await run(Deno.args));
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (isCommandName(name)) return await runOther(name, rest);
    if (name === "help") return await run(["--help", ...rest]);
    if (name === "version") return await run(["--version", ...rest]);
    const command = await parseCommand(args, readVariable, {
      profileRegion,
      findCaBundle: caBundle,
    });
    switch (command.kind) {
      case "help":
        await print(
          isCommandName(command.topic)
            ? commandHelp(command.topic)
            : helpText(command.topic),
        );
        return EXIT_OK;
      case "version":
        await print(versionText(Deno.version.deno));
        return EXIT_OK;
      case "run":
        return await runProxy(command);
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.faults.map((fault) =>
      `configuration error: ${fault}\n`
    );
    const help = isCommandName(name)
      ? `run sigv4-proxy ${name} --help for its use\n`
      : "run sigv4-proxy --help for the options\n";
    await Deno.stderr.write(new TextEncoder().encode(lines.join("") + help));
    return EXIT_CONFIGURATION;
  }
}

/** Runs a subcommand, which the proxy's own path does not load. */
async function runOther(
  name: CommandName,
  args: readonly string[],
): Promise<number> {
  dropPermissions(NEVER_NEEDED);
  const { createContext } = await import("./src/commands/context.ts");
  const { runSubcommand } = await import("./src/commands/run.ts");
  const context = createContext({
    env: readVariable,
    profileRegion,
    findCaBundle: caBundle,
    write: print,
    writeError: (text) => print(text, Deno.stderr),
    useColor: Deno.stdout.isTerminal() && !Deno.noColor &&
      readVariable("TERM") !== "dumb",
  });
  return await runSubcommand(name, args, context);
}

function caBundle(
  profile: string | undefined,
): ReturnType<typeof findCaBundle> {
  return findCaBundle(profile, readVariable);
}

/** A variable that may not be read is as good as not set, but for an option's. */
function readVariable(name: string): string | undefined {
  return readEnv(name).value;
}

/** Prints what the user asked to see, in place of messages. */
async function print(
  text: string,
  to: { writable: WritableStream<Uint8Array> } = Deno.stdout,
): Promise<void> {
  const writer = to.writable.getWriter();
  // Whoever stops reading has seen enough.
  await writer.write(new TextEncoder().encode(text)).catch(() => {});
  writer.releaseLock();
}

async function runProxy(
  { config, notes }: Extract<
    Awaited<ReturnType<typeof parseCommand>>,
    { kind: "run" }
  >,
): Promise<number> {
  dropPermissions(needlessPermissions(config, readVariable));
  const redactor = new Redactor();
  const sink = new LineSink(Deno.stderr.writable);
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    write: (line) => sink.write(line),
    redact: redactor.redact,
  });
  const drainMs = config.listen && (config.timeoutMs ?? DEFAULT_DRAIN_MS);
  const stop = listenForSignals(log, drainMs);
  surviveStrayRejections(log);
  for (const { level, message, fields } of notes) log[level](message, fields);
  try {
    await proxy(config, { log, redactor, ...stop, drainMs });
    log.info("stopped");
    return EXIT_OK;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    log.error("stopped by an unexpected error", { error: errorText(error) });
    return EXIT_UNEXPECTED;
  } finally {
    await sink.flush(FLUSH_MS);
  }
}

interface Surroundings {
  readonly log: Log;
  readonly redactor: Redactor;
  /** Ends the program in an orderly way. */
  readonly signal: AbortSignal;
  /** Cuts short the time that the HTTP front has for that. */
  readonly hurry: AbortSignal;
  readonly drainMs: number | undefined;
}

async function proxy(config: Config, around: Surroundings): Promise<void> {
  const { log, redactor, signal } = around;
  hideSecrets(config, redactor);
  using tls = await openTlsOf(config);
  const telemetry = await openTelemetry(config, redactor, tls);
  const proxies = findProxy(config);
  const ways = {
    toTarget: throughNamedProxy(
      config,
      proxies?.proxy,
      telemetry?.fetch ?? tls?.toTarget,
    ),
    toOthers: tls?.toOthers,
  };
  const main = identity(config, config.profile, around, ways);
  using fetch = main.fetch;
  using others = new DisposableStack();
  const profiles = config.profiles.map(
    (profile, index): [string, typeof globalThis.fetch] => {
      if (index === 0) return [profile, fetch];
      const other = identity(config, profile, around, ways);
      return [profile, others.use(other.fetch)];
    },
  );
  // Idle until the client's first message, or until its first answer.
  void announce(config, main.credentials, log).then(() => fetch.warmUp());
  const common = {
    fetch,
    signal,
    headers: config.headers,
    timeoutMs: config.timeoutMs,
    timeoutResetOnProgress: config.timeoutResetOnProgress,
    idleTimeoutMs: config.idleTimeoutMs,
    // Through a proxy it is not the target that accepts connections.
    connectTimeoutMs: proxies !== undefined && proxies.proxy === undefined
      ? config.connectTimeoutMs
      : undefined,
    maxAnswerBytes: config.maxAnswerBytes,
    tools: {
      readOnly: config.readOnly,
      allow: config.allowTool,
      deny: config.denyTool,
    },
    metadata: config.metadata,
    observer: telemetry?.observer,
    log,
    redactor,
  };
  if (config.listen) {
    const { address, token, hosts, maxRequests } = config.listen;
    const { runHttpProxy } = await import("./src/http/http_proxy.ts");
    return await runHttpProxy({
      ...common,
      target: config.targetUrl,
      listen: address,
      token,
      hosts,
      tokenDirectory: runtimeDirectory(readVariable),
      maxBodyBytes: config.maxFrameBytes,
      maxRequests,
      drainMs: around.drainMs,
      hurry: around.hurry,
    });
  }
  await runStdioProxy({
    ...common,
    url: config.targetUrl,
    readable: Deno.stdin.readable,
    writable: Deno.stdout.writable,
    writableTakesChunks: true,
    standingStream: config.sse,
    maxConcurrency: config.maxConcurrency,
    retries: config.retries,
    recover: config.recover,
    cookies: config.cookies,
    transport: config.transport,
    maxFrameBytes: config.maxFrameBytes,
    bridge: config.bridge,
    keepAliveMs: config.keepAliveMs,
    profiles: profiles.length > 0 ? new Map(profiles) : undefined,
  });
}

/** What sends requests, where the global `fetch` will not do. */
type Ways = Partial<Pick<TlsFetches, "toTarget" | "toOthers">>;

/** Who asks, and the fetch that signs as such. */
interface Identity {
  readonly credentials: CredentialSource;
  readonly fetch: SignedFetch;
}

function identity(
  config: Config,
  profile: string | undefined,
  { log, redactor }: Surroundings,
  { toTarget, toOthers }: Ways,
): Identity {
  const credentials = createCredentialSource({
    ...credentialOptions(config, profile),
    log,
    redactor,
    fetch: toOthers,
  });
  const fetch = createSignedFetch({
    ...signingOptions(config),
    credentials,
    fetch: toTarget,
    log,
    redactor,
  });
  return { credentials, fetch };
}

/** The ways to the network, if the usual ones will not do. */
async function openTlsOf(
  { tls, signHost }: Config,
): Promise<TlsFetches | undefined> {
  const sendsOtherHost = signHost !== undefined;
  // The signed fetch sends another Host over a fetch of its own, and of that
  // there would be more told than may be.
  const isNeeded = tls !== undefined || (sendsOtherHost && isTelemetryOn());
  if (!isNeeded) return undefined;
  const { openTls } = await import("./src/net/http_client.ts");
  const none = { caCerts: [], client: undefined };
  return openTls(tls ?? none, { sendsOtherHost });
}

/** What tells OpenTelemetry; it is loaded only where Deno runs with it. */
async function openTelemetry(
  { targetUrl: target }: Config,
  { redact }: Redactor,
  tls: TlsFetches | undefined,
): Promise<Telemetry | undefined> {
  if (!isTelemetryOn()) return undefined;
  const { createTelemetry } = await import("./src/telemetry/telemetry.ts");
  return createTelemetry({ target, redact, fetch: tls?.toTarget });
}

/**
 * What the environment says of a proxy to the target; nothing when it may not be
 * read, since Deno's fetch reads it all the same.
 */
function findProxy({ targetUrl }: Config): ProxyFinding | undefined {
  try {
    return findHttpProxy((name) => Deno.env.get(name), targetUrl);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** What sends to the target; through a proxy, its failures name that. */
function throughNamedProxy(
  { signHost, connectTimeoutMs }: Config,
  proxy: HttpProxy | undefined,
  toTarget: typeof fetch | undefined,
): typeof fetch | undefined {
  // The signed fetch sends another Host over a fetch of its own.
  const isOwn = toTarget === undefined && signHost !== undefined;
  if (proxy === undefined || isOwn) return toTarget;
  const named = withProxyNamed(toTarget ?? fetch, proxy);
  if (connectTimeoutMs === undefined) return named;
  return withConnectLimit(named, { limitMs: connectTimeoutMs, proxy });
}

/** The start line. Missing credentials are told, and do not stop the program. */
async function announce(
  config: Config,
  credentials: CredentialSource,
  log: Log,
): Promise<void> {
  const fields = describeConfig(config);
  try {
    const { accessKeyId } = await credentials.get();
    log.info("started", {
      ...fields,
      accessKeyId: maskAccessKeyId(accessKeyId),
    });
  } catch (error) {
    log.info("started", fields);
    if (config.skipAuth && isUnconfigured(error)) return;
    log.error(errorText(error));
  }
}

function isUnconfigured(error: unknown): boolean {
  return error instanceof CredentialsError && error.data.configured === false;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The signals that ask a program to stop, as far as the system has them. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Stops at the first signal. The second hurries a stop that may take a while,
 * and ends any other at once.
 */
function listenForSignals(
  log: Log,
  drainMs: number | undefined,
): Pick<Surroundings, "signal" | "hurry"> {
  const stop = new AbortController();
  const hurry = new AbortController();
  const end = (controller: AbortController, limitMs: number): void => {
    // Should a peer not let go.
    const delayMs = Math.min(limitMs, MAX_TIMER_MS);
    setTimeout(() => Deno.exit(EXIT_OK), delayMs);
    controller.abort();
  };
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (!stop.signal.aborted) {
        log.info("stopping", { signal });
        end(stop, (drainMs ?? 0) + STOP_LIMIT_MS);
      } else if (drainMs !== undefined && !hurry.signal.aborted) {
        log.info("stopping at once", { signal });
        end(hurry, STOP_LIMIT_MS);
      } else Deno.exit(EXIT_UNEXPECTED);
    });
  }
  return { signal: stop.signal, hurry: hurry.signal };
}

/** One message that goes wrong must not end the session of all the others. */
function surviveStrayRejections(log: Log): void {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("an unexpected error", { error: errorText(event.reason) });
  });
}

if (import.meta.main) await runCommand();
