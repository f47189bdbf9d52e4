/** The program itself: the configuration → its parts, wired and run. */

import { Logins } from "../aws/credentials/sso_login/logins.ts";
import type { CredentialSource } from "../aws/credentials/types.ts";
import type { Config } from "../config/config.ts";
import { describeConfig } from "../config/describe.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { withConnectLimit } from "../net/connect_limit.ts";
import type { TlsFetches } from "../net/http_client.ts";
import {
  findHttpProxy,
  type HttpProxy,
  type ProxyFinding,
  withProxyNamed,
} from "../net/proxy_variables.ts";
import { notGranted } from "../permissions.ts";
import { maskAccessKeyId, type Redactor } from "../redact/redact.ts";
import { isTelemetryOn } from "../telemetry/switch.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { CommandContext } from "./context.ts";
import type { NamedBy, Receipts } from "./receipts.ts";
import {
  credentialsOf,
  hideSecrets,
  isUnconfigured,
  openFetches,
  openTarget,
  proxyOptions,
  sessionHeaderOf,
  type Surroundings,
} from "./target.ts";

/** What the program is run with. */
export interface ProxySurroundings {
  /** Looks up a variable. */
  readonly env: (name: string) => string | undefined;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Ends the program in an orderly way. */
  readonly signal: AbortSignal;
  /** Cuts short the time that the HTTP front has for that. */
  readonly hurry: AbortSignal;
  /** How long the HTTP front has for that, in milliseconds. */
  readonly drainMs: number | undefined;
}

/**
 * Runs the proxy until its client is gone or it is told to stop, everything is
 * answered and nothing is left.
 *
 * @throws {ConfigError} It cannot listen as it is told.
 */
export async function runProxy(
  config: Config,
  around: ProxySurroundings,
): Promise<void> {
  const { log, redactor, signal } = around;
  hideSecrets(config, redactor);
  using tls = await openFetches(config);
  const telemetry = await openTelemetry(config, redactor, tls);
  const proxies = findProxy(config);
  const fetches = {
    toTarget: throughNamedProxy(
      config,
      proxies?.proxy,
      telemetry?.fetch ?? tls?.toTarget,
    ),
    toOthers: tls?.toOthers,
  };
  const logins = config.login ? new Logins() : undefined;
  const shared = { log, redactor, fetches, logins };
  const receipts = await openReceipts(config, { ...shared, env: around.env });
  const open = (source: CredentialSource, namedBy: NamedBy) =>
    openTarget(config, source, shared, receipts?.noteFor(namedBy));
  const { profile, assumeRole: role } = config;
  const credentials = credentialsOf(config, shared);
  using fetch = open(credentials, { profile, role });
  using others = new DisposableStack();
  const profiles = config.profiles.map(
    (profile, index): [string, typeof globalThis.fetch] => {
      if (index === 0) return [profile, fetch];
      const other = credentialsOf(config, shared, profile);
      return [profile, others.use(open(other, { profile, role }))];
    },
  );
  // Idle until the client's first message, or until its first answer.
  void announce(config, credentials, log).then(() => fetch.warmUp());
  const common = {
    fetch,
    signal,
    ...proxyOptions(config),
    timeoutMs: config.timeoutMs,
    timeoutResetOnProgress: config.timeoutResetOnProgress,
    idleTimeoutMs: config.idleTimeoutMs,
    // Through a proxy it is not the target that accepts connections.
    connectTimeoutMs: proxies !== undefined && proxies.proxy === undefined
      ? config.connectTimeoutMs
      : undefined,
    observer: telemetry?.observer,
    log,
    redactor,
  };
  if (config.listen) {
    const { address, token, hosts, maxRequests } = config.listen;
    const { runHttpProxy } = await import("../http/http_proxy.ts");
    const { runtimeDirectory } = await import("../http/token.ts");
    return await runHttpProxy({
      ...common,
      target: config.targetUrl,
      listen: address,
      token,
      hosts,
      tokenDirectory: runtimeDirectory(around.env),
      maxBodyBytes: config.maxFrameBytes,
      maxRequests,
      drainMs: around.drainMs,
      hurry: around.hurry,
    });
  }
  const { runStdioProxy } = await import("../stdio/stdio_proxy.ts");
  await runStdioProxy({
    ...common,
    url: config.targetUrl,
    readable: Deno.stdin.readable,
    writable: Deno.stdout.writable,
    writableTakesChunks: true,
    takesChunks: true,
    standingStream: config.sse,
    maxConcurrency: config.maxConcurrency,
    retries: config.retries,
    recover: config.recover,
    cookies: config.cookies,
    transport: config.transport,
    maxFrameBytes: config.maxFrameBytes,
    bridge: config.bridge,
    keepAliveMs: config.keepAliveMs,
    findLogin: logins && ((failure) => logins.find(failure)),
    profiles: profiles.length > 0 ? new Map(profiles) : undefined,
    profileMetadata: config.profileMetadata,
    receiptOf: receipts && ((response) => receipts.receiptOf(response)),
    sessionHeader: sessionHeaderOf(config),
  });
}

/** What says who answered; it is loaded only where that is asked for. */
async function openReceipts(
  config: Config,
  around: Surroundings & Pick<CommandContext, "env">,
): Promise<Receipts | undefined> {
  if (!config.receipt) return undefined;
  const { Receipts } = await import("./receipts.ts");
  return new Receipts(config, { ...around, notGranted });
}

/** What tells OpenTelemetry; it is loaded only where Deno runs with it. */
async function openTelemetry(
  { targetUrl: target }: Config,
  { redact }: Redactor,
  tls: TlsFetches | undefined,
): Promise<Telemetry | undefined> {
  if (!isTelemetryOn()) return undefined;
  const { createTelemetry } = await import("../telemetry/telemetry.ts");
  return createTelemetry(target, redact, tls?.toTarget);
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
    const shown = maskAccessKeyId(accessKeyId);
    log.info("started", { ...fields, accessKeyId: shown });
  } catch (error) {
    log.info("started", fields);
    if (config.skipAuth && isUnconfigured(error)) return;
    log.error(messageOf(error));
  }
}
