/**
 * The services that give out credentials, STS, the SSO portal and its token
 * service, sign-in: where they are, and how they are asked, in a limited time
 * and size.
 */

import { reasonOf } from "../../../errors.ts";
import { type JsonRecord, parseRecord, textIn } from "../../../json.ts";
import { limitedText } from "../../../limited_text.ts";
import { netNeed } from "../../../permissions.ts";
import { delay, withLimit } from "../../../time.ts";
import { UnclearFilesError } from "../../shared_files/settings.ts";
import { partitionOf } from "../../partition.ts";
import type { Search, SourceQuery } from "../search.ts";
import type { Session } from "./session_token.ts";

/** How their hosts begin, by the names that variables have for the services. */
const HOST_PREFIXES = {
  STS: "sts",
  SSO: "portal.sso",
  SSO_OIDC: "oidc",
  SIGNIN: "signin",
};

/** A service, as variables name it: `AWS_ENDPOINT_URL_…`. */
export type TokenService = keyof typeof HOST_PREFIXES;

/**
 * The URL of a service: the one that is configured, else the usual one. AWS SDKs
 * and Tools Reference Guide, "Service-specific endpoints": the variables before
 * the profile, the service's own before the general one. Source of the usual
 * ones: the endpoint rules of the AWS SDKs.
 *
 * @returns `undefined` if what is configured is no URL.
 */
export function serviceUrl(
  query: SourceQuery,
  service: TokenService,
  region: string,
): URL | undefined {
  const { env, settings, inUse = settings } = query;
  const ignored = env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ||
    inUse?.get("ignore_configured_endpoint_urls");
  const configured = ignored?.toLowerCase() !== "true" &&
    (env(`AWS_ENDPOINT_URL_${service}`) || env("AWS_ENDPOINT_URL") ||
      ownEndpoint(query, service) ||
      inUse?.get("endpoint_url"));
  return URL.parse(configured || usualEndpoint(query, service, region)) ??
    undefined;
}

/** The same, where it is asked. */
export function demandUrl(
  search: Search,
  service: TokenService,
  region: string,
): URL {
  const url = serviceUrl(search, service, region);
  if (url !== undefined) return url;
  throw search.failed(`AWS_ENDPOINT_URL_${service} or endpoint_url is no URL`);
}

/** @throws {UnclearFilesError} The section that is named says nothing. */
function ownEndpoint(
  { settings, inUse = settings, files }: SourceQuery,
  service: TokenService,
): string | undefined {
  const name = inUse?.get("services");
  if (name === undefined || files === undefined) return undefined;
  const own = files.services.get(name);
  if (own !== undefined && own.names().length > 0) {
    return own.nested(service.toLowerCase())?.get("endpoint_url");
  }
  const what = `there is no [services ${name}] with settings in`;
  const place = inUse?.origin("services");
  throw new UnclearFilesError(
    "shared files",
    `${place}: ${what} ${files.paths.config}`,
  );
}

function usualEndpoint(
  { env, settings, inUse = settings }: SourceQuery,
  service: TokenService,
  region: string,
): string {
  const isSet = (name: string) =>
    (env(`AWS_${name.toUpperCase()}`) || inUse?.get(name))
      ?.toLowerCase() === "true";
  const isFips = isSet("use_fips_endpoint");
  const isDualStack = isSet("use_dualstack_endpoint");
  const { name, domain, dualStackDomain, signInDomain } = partitionOf(region);
  if (service === "SIGNIN" && !isFips && !isDualStack) {
    return `https://${region}.${signInDomain}`;
  }
  // GovCloud's own are FIPS endpoints as they are.
  const isOwnFips = name === "aws-us-gov" && service !== "SIGNIN" &&
    !isDualStack;
  const prefix = HOST_PREFIXES[service] + (isFips && !isOwnFips ? "-fips" : "");
  return `https://${prefix}.${region}.${
    isDualStack ? dualStackDomain : domain
  }`;
}

/**
 * The region to ask a service in: that of the role or the token, of the
 * profile, of whoever asks, of the environment. A region set
 * (`us-east-1,us-west-2`, `*`) is none that a service is in, nor is the region
 * of a partition's global services (`aws-global`).
 */
export function serviceRegion(
  { env, settings, inUse = settings, region }: SourceQuery,
  own: string | undefined,
): string | undefined {
  return [
    own,
    inUse?.get("region"),
    region,
    env("AWS_REGION"),
    env("AWS_DEFAULT_REGION"),
  ].find((name) =>
    name !== undefined && /^(?!aws-.*global$)[\w-]+$/.test(name)
  );
}

/** One try of one request. */
const ATTEMPT_LIMIT_MS = 10_000;

/** How often a request is made that is safe to repeat. */
const MAX_ATTEMPTS = 3;

/** The pause before the first repetition; the next is twice as long. */
const FIRST_PAUSE_MS = 100;

/**
 * Posts JSON; without it the request is a GET, which may be repeated.
 *
 * @param purpose Completes "no permission to …".
 * @returns The error is its name and message; empty where it was none.
 */
export async function askService(
  session: Session,
  purpose: string,
  url: URL,
  { headers, json }: { headers?: Record<string, string>; json?: JsonRecord },
): Promise<{ status: number; body: JsonRecord; error: string }> {
  session.demand([netNeed(url, purpose)]);
  const init = json === undefined ? { headers } : {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: new Blob([JSON.stringify(json)]),
  };
  for (let attempt = 1;; attempt++) {
    const isLast = json !== undefined || attempt === MAX_ATTEMPTS;
    const answer = await fetchText(session, url, init).catch((error) => {
      if (!isLast) return undefined;
      const what = `the ${session.kind} could not be used: ${error.message}`;
      throw session.failed(what);
    });
    const { status = 500 } = answer ?? {};
    const isBusy = status >= 500 || status === 429;
    if (answer && (isLast || !isBusy)) {
      const body = parseRecord(answer.text) ?? {};
      const error = status < 300 ? "" : errorOf(answer, body);
      if (!isBusy) return { status, body, error };
      throw session.failed(`${url.host} failed: ${error}`);
    }
    await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1));
  }
}

/**
 * Asks a service once, over the `fetch` that was handed in. A body is a Blob:
 * `fetch` re-sends any other in silence when a connection drops.
 */
export async function fetchText(
  { fetch }: Pick<Search, "fetch">,
  url: URL,
  init: RequestInit & { readonly body?: Blob },
): Promise<{ status: number; headers: Headers; text: string }> {
  try {
    return await withLimit(ATTEMPT_LIMIT_MS, async (signal) => {
      const sent = { ...init, redirect: "manual", signal } as const;
      const { status, headers, body } = await fetch(url, sent);
      return { status, headers, text: await limitedText(body) };
    });
  } catch (error) {
    const why = error instanceof RangeError
      ? "its answer is too long"
      : reasonOf(error);
    throw new Error(`${url.host} was not reached (${why})`);
  }
}

function errorOf(
  { status, headers }: Pick<Response, "status" | "headers">,
  body: JsonRecord,
): string {
  const type = headers.get("x-amzn-errortype") ?? textIn(body, "__type") ??
    textIn(body, "error");
  const name = type?.split("#").at(-1)?.split(":")[0] ?? `HTTP ${status}`;
  const message = textIn(body, "message") ?? textIn(body, "error_description");
  return message === undefined ? name : `${name}: ${message}`;
}
