/** The program itself: the configuration → its parts, wired and run. */

import { Logins } from "../aws/credentials/sso_login/logins.ts";
import type { CredentialSource } from "../aws/credentials/types.ts";
import { type Config, describeConfig } from "../config/config.ts";
import { FLAG_NAMES } from "../config/settings.ts";
import { messageOf } from "../errors.ts";
import type { HttpProxyRun } from "../http/options.ts";
import type { Log } from "../log/log.ts";
import type { Observer } from "../mcp/transport/observer.ts";
import { withConnectLimit } from "../net/connect_limit.ts";
import {
  findHttpProxy,
  type HttpProxy,
  type ProxyFinding,
  withProxyNamed,
} from "../net/proxy_variables.ts";
import { notGranted } from "../permissions.ts";
import type { Recorder } from "../recorder/recorder.ts";
import { maskAccessKeyId, type Redactor } from "../redact/redact.ts";
import { isTelemetryOn } from "../telemetry/switch.ts";
import type { NamedBy } from "./receipts.ts";
import type { SignedFetch } from "../aws/signing/signed_fetch.ts";
import type { StdioProxyRun } from "../stdio/stdio_proxy.ts";
import {
  credentialsOf,
  firstSession,
  hideSecrets,
  identitiesOf,
  type Identity,
  isUnconfigured,
  openFetches,
  openTarget,
  proxyOptions,
  sessionHeaderOf,
  type Surroundings,
} from "./target.ts";

export interface ProxySurroundings {
  readonly env: (name: string) => string | undefined;
  readonly log: Log;
  readonly redactor: Redactor;
  /** Ends the program in an orderly way. */
  readonly signal: AbortSignal;
  /** Cuts short the time that the HTTP server mode has for that. */
  readonly force: AbortSignal;
  /** How long the HTTP server mode has for that, in milliseconds. */
  readonly drainMs: number | undefined;
  /** Where a replay has its client, its identity and its recorder. */
  readonly stdio?: {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
  };
  readonly onListen?: HttpProxyRun["onListen"];
  readonly context?: Surroundings["context"];
  readonly fetch?: typeof globalThis.fetch;
  readonly toOthers?: typeof globalThis.fetch;
  readonly record?: () => Recorder;
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
  const { redactor, signal } = around;
  hideSecrets(config, redactor);
  using tls = await openFetches(config);
  await using recorder = await openRecorder(config, around);
  const log = recorder?.log(around.log) ?? around.log;
  // What tells OpenTelemetry; it is loaded only where Deno runs with it.
  const telemetry = isTelemetryOn()
    ? (await import("../telemetry/telemetry.ts"))
      .createTelemetry(config.targetUrl, redactor.redact, tls?.toTarget)
    : undefined;
  const proxies = findProxy(config);
  const own = telemetry?.fetch ?? tls?.toTarget;
  const fetches = { toOthers: around.toOthers ?? tls?.toOthers };
  const logins = config.login ? new Logins() : undefined;
  const { context } = around;
  const shared = { log, redactor, fetches, logins, context };
  const { Receipts } = config.receipt ? await import("./receipts.ts") : {};
  const receipts = Receipts &&
    new Receipts({
      ...shared,
      config,
      context: {
        env: around.env,
        notGranted: around.toOthers ? () => [] : notGranted,
      },
    });
  const open = (source: CredentialSource, namedBy: NamedBy, isRole = false) => {
    // A recording tells identities apart.
    const who = JSON.stringify([isRole, namedBy]);
    const send = recorder?.fetch(around.fetch ?? own ?? fetch, who) ?? own;
    const toTarget = throughNamedProxy(config, proxies?.proxy, send);
    // What is for a role is never sent as nobody's.
    const skipAuth = config.skipAuth && !isRole;
    const of = { ...shared, fetches: { toTarget } };
    const note = receipts?.noteFor(namedBy);
    return openTarget({ ...config, skipAuth }, source, of, note);
  };
  const { profile, assumeRole: role } = config;
  const credentials = credentialsOf(config, shared);
  using signedFetch = open(credentials, { profile, role });
  using others = new DisposableStack();
  const identities = identitiesOf(config, shared, credentials);
  const [first] = config.profiles;
  const profiles = new Map<string, typeof globalThis.fetch>();
  if (first !== undefined) profiles.set(first, signedFetch);
  for (const { name, source } of identities.profiles) {
    profiles.set(name, others.use(open(source, { profile: name, role })));
  }
  const openRole = ({ name, source }: Identity) =>
    open(source, { profile, role: name }, true);
  const writer = identities.writer && others.use(openRole(identities.writer));
  const accounts = await openAccounts(
    config,
    (roleArn) => openRole(identities.role(roleArn)),
  );
  // Idle until the client's first message, or until its first answer.
  void announce(config, credentials, around.log).then(() =>
    signedFetch.warmUp()
  );
  // Most options have the same names there.
  const common = {
    ...config,
    ...proxyOptions(config),
    fetch: signedFetch,
    signal,
    // Through a proxy it is not the target that accepts connections.
    connectTimeoutMs: proxies !== undefined && proxies.proxy === undefined
      ? config.connectTimeoutMs
      : undefined,
    observer: both(telemetry?.observer, recorder?.observer),
    log,
    redactor,
  };
  if (config.listen) {
    const { address, token, hosts, maxRequests } = config.listen;
    const { runHttpProxy } = await import("../http/http_proxy.ts");
    const { runtimeDirectory } = await import("../http/listen.ts");
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
      force: around.force,
      onListen: around.onListen,
    });
  }
  const { runStdioProxy } = await import("../stdio/stdio_proxy.ts");
  await runStdioProxy({
    ...common,
    url: config.targetUrl,
    readable: around.stdio?.readable ?? Deno.stdin.readable,
    writable: around.stdio?.writable ?? Deno.stdout.writable,
    writableTakesChunks: around.stdio === undefined,
    takesChunks: true,
    standaloneStream: config.sse,
    findLogin: logins && ((failure) => logins.find(failure)),
    profiles: profiles.size > 0 ? profiles : undefined,
    accounts,
    writer,
    receiptOf: receipts && ((response) => receipts.receiptOf(response)),
    sessionHeader: sessionHeaderOf(config),
  });
}

/** The accounts that calls may name, each opened when the first does. */
async function openAccounts(
  config: Config,
  openRole: (roleArn: string) => SignedFetch,
): Promise<StdioProxyRun["accounts"]> {
  const { accounts, session: { policy, policyArns } = {} } = config;
  if (accounts === undefined) return undefined;
  const isBound = policy !== undefined || policyArns !== undefined;
  const { accountRoleArn } = await import("../config/roles.ts");
  const { allow, allowRole } = accounts;
  return {
    allow,
    allowRole,
    // What binds their roles does not bind the first identity.
    isRequired: isBound && firstSession(config) === undefined,
    open: (account, role) => openRole(accountRoleArn(accounts, account, role)),
  };
}

/** What keeps a recording; it is loaded only where one is asked for. */
async function openRecorder(
  config: Config,
  around: ProxySurroundings,
): Promise<Recorder | undefined> {
  if (around.record) return around.record();
  if (config.record === undefined) return undefined;
  const { createRecorder } = await import("./recording.ts");
  return createRecorder(config, config.record, around);
}

function both(
  one: Observer | undefined,
  other: Observer | undefined,
): Observer | undefined {
  if (!one || !other) return one ?? other;
  return {
    ...one,
    recovered: () => (one.recovered(), other.recovered()),
    received: (...of) => (one.received(...of), other.received(...of)),
    delivered: (...of) => (one.delivered(...of), other.delivered(...of)),
    closed: other.closed,
  };
}

/**
 * What the environment says of a proxy to the target; nothing when it may not be
 * read, since Deno's fetch reads it all the same.
 */
function findProxy({ targetUrl }: Config): ProxyFinding | undefined {
  try {
    return findHttpProxy((name) => Deno.env.get(name), targetUrl);
  } catch {
    return undefined;
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
  return withConnectLimit(named, {
    limitMs: connectTimeoutMs,
    proxy,
    names: FLAG_NAMES,
  });
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
