/**
 * A `fetch` that signs: sign, send, and the few answers worth a second try.
 */

import { ConfigError, CredentialsError } from "../../errors.ts";
import type { HoldingInit } from "../../net/fetching.ts";
import { orAborted } from "../../time.ts";
import { type Log, redactedLog, SILENT_LOG } from "../../log/log.ts";
import { maskAccessKeyId, Redactor } from "../../redact/redact.ts";
import { checkOptions } from "../../shape/shape.ts";
import { wireUrl } from "./canonical_request.ts";
import {
  type Credentials,
  hideCredentials,
  isSameCredentials,
} from "../credentials/types.ts";
import { secondTryFor, SIGNING_RECORDS } from "../refusals/retry.ts";
import { bodyOfInit } from "./body.ts";
import {
  joinedHeaders,
  type SignerOptions,
  SigningCore,
  toSource,
  type UnsignedParts,
} from "./core.ts";
import { maySignOtherHost } from "./host.ts";

/** What {@linkcode createSignedFetch} is handed. */
export interface SignedFetchOptions extends SignerOptions {
  /** The origins to sign for. A request to any other is rejected. */
  readonly origin: string | URL | readonly (string | URL)[];
  /** What sends the signed requests. Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Where second tries and refusals are told. Default: nowhere. */
  readonly log?: Log;
  /** Is told each secret in use, and keeps it out of what is shown. */
  readonly redactor?: Redactor;
  /**
   * A Host to sign and send that is not the target's, for tunnels and private
   * links: towards loopback, private addresses and VPC endpoints alone. A
   * `fetch` that is handed in must be able to send it.
   */
  readonly signHost?: string;
  /**
   * Send requests unsigned when no source of credentials is configured at all.
   * Credentials that have expired or fail to load stay an error.
   */
  readonly skipAuth?: boolean;
  /**
   * Is told of each answer, and of the credentials that signed for it, if any
   * did.
   */
  readonly onResponse?: (
    response: Response,
    signedBy: Credentials | undefined,
  ) => void;
}

/** A `fetch` that signs; see {@linkcode createSignedFetch}. */
export interface SignedFetch {
  /** Signs a request and sends it. */
  (input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /**
   * With `v4a`, does what is else done after the first signature: warms up the
   * curve, some 30 ms of work. With `v4` there is nothing to do.
   */
  warmUp(): Promise<void>;
  /** Knows the secrets in use. */
  readonly redactor: Redactor;
  /** Gives up what was opened for {@linkcode SignedFetchOptions.signHost}. */
  [Symbol.dispose](): void;
}

type Init = RequestInit & Partial<HoldingInit>;

interface Exchange extends UnsignedParts {
  /** What else `fetch` was told: a client, say. */
  readonly init: Init | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * A drop-in `fetch` that signs each request for AWS IAM.
 *
 * It signs for its origins alone, follows no redirect, and asks for the
 * credentials anew for each request. A body is read once and hashed. It is never
 * sent twice in silence, as Deno's `fetch` does with strings and bytes when a
 * kept connection breaks; a request without a body still is. When the target
 * refuses a signature for its date or its token before running anything, the
 * request is signed and sent once more, with the target's clock or fresh
 * credentials.
 *
 * @param options What to sign for, and what to send with.
 * @returns The `fetch`.
 * @throws {ConfigError} An option is unknown, or has a wrong value; an origin is
 * not one to sign another host for.
 *
 * @example
 * ```ts
 * import { createSignedFetch } from "@scope/sigv4-proxy";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, (request) =>
 *   new Response(request.headers.get("authorization")?.split(" ")[0]));
 * const origin = `http://localhost:${server.addr.port}`;
 *
 * const signedFetch = createSignedFetch({
 *   origin,
 *   service: "execute-api",
 *   region: "eu-central-1",
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 * });
 * const response = await signedFetch(`${origin}/mcp`, {
 *   method: "POST",
 *   body: '{"jsonrpc":"2.0","method":"ping","id":1}',
 * });
 * if (await response.text() !== "AWS4-HMAC-SHA256") {
 *   throw new Error("the request is signed");
 * }
 * ```
 */
export function createSignedFetch(options: SignedFetchOptions): SignedFetch {
  checkOptions(options, "signer", "fetch");
  const core = new SigningCore(options);
  const origins = originsOf(options);
  const { redactor = new Redactor(), signHost } = options;
  const log = redactedLog(options.log ?? SILENT_LOG, redactor.redact);
  const credentials = toSource(options, { log, redactor });
  const client = signHost !== undefined && options.fetch === undefined
    ? Deno.createHttpClient({ allowHost: true, http2: false })
    : undefined;
  const send = options.fetch ?? globalThis.fetch;
  let saidUnsigned = false;

  async function signedFetch(
    input: RequestInfo | URL,
    init?: Init,
  ): Promise<Response> {
    init?.onHold?.(true);
    const exchange = await exchangeOf(input, init, options, origins);
    const current = await currentCredentials(exchange);
    const response = await attempt(exchange, current);
    if (response.ok || current === undefined) return response;
    try {
      const retry = await secondTry(exchange, current, response);
      if (retry === undefined) return response;
      await response.body?.cancel();
      return await attempt(exchange, retry);
    } catch (error) {
      // It rejects when the body is broken too; the first error tells more.
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  }

  /** The credentials to sign with; `undefined`: the request goes unsigned. */
  async function currentCredentials(
    { signal }: Exchange,
  ): Promise<Credentials | undefined> {
    try {
      return await orAborted(credentials.get({ signal }), signal);
    } catch (error) {
      const isUnconfigured = error instanceof CredentialsError &&
        error.data.configured === false;
      if (!options.skipAuth || !isUnconfigured) throw error;
      if (!saidUnsigned) {
        log.warn("no AWS credentials are configured: requests go unsigned");
      }
      saidUnsigned = true;
      return undefined;
    }
  }

  async function attempt(
    exchange: Exchange,
    current: Credentials | undefined,
  ): Promise<Response> {
    const signed = current && await core.sign(exchange, current);
    if (current !== undefined) hideCredentials(redactor, current);
    const headers = signed?.headers ?? joinedHeaders(exchange.headers);
    exchange.init?.onHold?.(false);
    const response = await send(exchange.url, {
      ...exchange.init,
      ...(client === undefined ? {} : { client }),
      method: exchange.method,
      headers: signHost === undefined
        ? headers
        : { ...headers, host: signHost },
      body: exchange.body.send,
      redirect: "manual",
      signal: exchange.signal,
    });
    options.onResponse?.(response, current);
    if (!response.ok) SIGNING_RECORDS.set(response, { signed, redactor, log });
    return response;
  }

  /** The credentials for a second try, if one can help. */
  async function secondTry(
    exchange: Exchange,
    used: Credentials,
    response: Response,
  ): Promise<Credentials | undefined> {
    // It was read once.
    if (exchange.body.send instanceof ReadableStream) return undefined;
    const retry = await secondTryFor(response);
    if (retry === undefined) return undefined;
    const { awsError, targetTime } = retry;
    if (targetTime !== undefined) {
      const clockOffsetMs = core.correctClock(targetTime);
      log.warn("the clock was corrected by the target's, signing once more", {
        awsError,
        clockOffsetMs,
      });
      return used;
    }
    const { signal, init } = exchange;
    // Whoever refuses them has run nothing.
    init?.onHold?.(true);
    const fresh = await orAborted(
      credentials.get({ refresh: used, signal }),
      signal,
    );
    init?.onHold?.(false);
    if (isSameCredentials(used, fresh)) return undefined;
    log.warn("the target refused the credentials, signing with fresh ones", {
      awsError,
      accessKeyId: maskAccessKeyId(fresh.accessKeyId),
    });
    return fresh;
  }

  return Object.assign(signedFetch, {
    redactor,
    warmUp: () => core.warmUp(),
    [Symbol.dispose]: () => client?.close(),
  });
}

/** The origins to sign for, and whether the host to sign may go there. */
function originsOf(
  { origin, signHost }: SignedFetchOptions,
): ReadonlySet<string> {
  const faults: string[] = [];
  const origins = new Set<string>();
  for (const url of [origin].flat().map((one) => new URL(one))) {
    origins.add(url.origin);
    if (signHost !== undefined && !maySignOtherHost(url)) {
      faults.push(
        `signHost is for targets on loopback, ` +
          `private addresses and VPC endpoints, not ${url.host}`,
      );
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return origins;
}

async function exchangeOf(
  input: RequestInfo | URL,
  init: Init | undefined,
  { signHost, unsignedPayload = false }: SignedFetchOptions,
  origins: ReadonlySet<string>,
): Promise<Exchange> {
  const request = input instanceof Request ? input : undefined;
  const signal = (init?.signal === undefined ? request?.signal : init.signal) ??
    undefined;
  signal?.throwIfAborted();
  const url = allowedUrl(request?.url ?? `${input}`, origins);
  const method = methodOf(init?.method ?? request?.method ?? "GET");
  const headers = headerPairs(init?.headers ?? request?.headers);
  // A body of null is none given, and leaves the Request its own.
  const reading = bodyOfInit(init?.body ?? request?.body, unsignedPayload);
  const body = reading instanceof Promise
    ? await orAborted(reading, signal)
    : reading;
  const { contentType } = body;
  const isContentType = ([name]: HeaderPair) =>
    name.toLowerCase() === "content-type";
  if (contentType !== undefined && !headers.some(isContentType)) {
    headers.push(["content-type", contentType]);
  }
  return { url, method, headers, body, host: signHost, init, signal };
}

/** The URL to send, if it is one to sign for. */
function allowedUrl(text: string, origins: ReadonlySet<string>): URL {
  const url = wireUrl(text);
  // A blob: URL has the origin of the page that it was made by.
  if (!/^https?:$/.test(url.protocol) || !origins.has(url.origin)) {
    throw new TypeError(
      `${url.origin} is not an origin to sign for: ${[...origins].join(", ")}`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("a URL with credentials in it cannot be fetched");
  }
  return url;
}

type HeaderPair = readonly [name: string, value: string];

/** The headers as `fetch` takes them, without a `Headers` where none is. */
function headerPairs(headers: HeadersInit | undefined): HeaderPair[] {
  if (headers === undefined) return [];
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  // Without types, a value may be a number.
  return [...pairs].map(([name, value]) => [name, `${value}`]);
}

/** As fetch does: these in upper case, any other as it is. */
function methodOf(method: string): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method)
    ? method.toUpperCase()
    : method;
}
