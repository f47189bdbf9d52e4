/**
 * How the AWS SDK reaches services: through the `fetch` that was handed in. So it
 * uses the same proxies and certificates as the target, leaves no sockets
 * behind, and a permission that is missing has a name.
 */

import type { CredentialsError } from "../../../errors.ts";
import {
  type Need,
  netNeed,
  notGranted,
  readEnv,
} from "../../../permissions.ts";
import type { Search } from "../search.ts";
import { fetchText } from "./service.ts";

interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/**
 * What is read as soon as a source goes through the AWS SDK. All of it must be
 * permitted (or ignored, `--ignore-env`): a variable that may not be read ends
 * the SDK's work. Found with `DENO_AUDIT_PERMISSIONS`.
 */
export const SDK_ENV: readonly string[] = `
  AWS_CONFIG_FILE,AWS_DEFAULT_REGION,AWS_DISABLE_CLOCK_SKEW_CORRECTION,
  AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026,AWS_ENDPOINT_URL,AWS_ENDPOINT_URL_STS,
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS,AWS_LAMBDA_BENCHMARK_MODE,
  AWS_LAMBDA_FUNCTION_NAME,AWS_LAMBDA_MAX_CONCURRENCY,
  AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA,AWS_PROFILE,AWS_REGION,
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED,AWS_SHARED_CREDENTIALS_FILE,
  AWS_USE_DUALSTACK_ENDPOINT,AWS_USE_FIPS_ENDPOINT,
  HOME,HOMEDRIVE,HOMEPATH,USERPROFILE,_X_AMZN_TRACE_ID
`.match(/\w+/g) ?? [];

const WHY = "let the AWS SDK set up";

export function sdkNeeds(): Need[] {
  return SDK_ENV.map((value) => ({ kind: "env", value, why: WHY }));
}

/**
 * Goes on only if the SDK may read its settings as it goes: a variable that it
 * may not read, or a home that it may not ask for, would end it with an error
 * of its own.
 */
export function demandSdk(search: Search): void {
  const missing = sdkNeeds()
    .filter(({ value }) => !readEnv(value).allowed)
    .map((need) =>
      need.value.startsWith("AWS_") ? { ...need, value: "AWS_*" } : need
    );
  const hasHome = ["HOME", "USERPROFILE", "HOMEPATH"]
    .some((name) => readEnv(name).value);
  const home: Need = { kind: "sys", value: "homedir", why: WHY };
  if (!hasHome) missing.push(...notGranted([home]));
  if (missing.length > 0) throw search.notPermitted(missing);
}

/** What the SDK would look up by itself, by its own parser of the files. */
export const SDK_SETTINGS = {
  retryMode: "standard",
  defaultsMode: "standard",
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  authSchemePreference: [] as string[],
  userAgentAppId: () => Promise.resolve(undefined),
  // The SDK's own would ask for the release of the operating system.
  defaultUserAgentProvider: () =>
    Promise.resolve<[string, string][]>([["sigv4-proxy", "credentials"]]),
} as const;

/** A request handler of the AWS SDK over `fetch`. */
export class SdkHttp {
  readonly metadata = { handlerProtocol: "http/1.1" };

  /** The permission error that ended a request: the SDK would bury it. */
  refusal: CredentialsError | undefined;

  /**
   * @param purpose Completes "no permission to …".
   * @param form What an answer of the service has: a proxy's has it not.
   */
  constructor(
    readonly search: Search,
    readonly purpose: string,
    readonly form = /^/,
  ) {}

  async handle(request: SdkRequest): Promise<{ response: object }> {
    const url = urlOf(request);
    const missing = notGranted([netNeed(url, this.purpose)]);
    if (missing.length > 0) {
      throw this.refusal = this.search.notPermitted(missing);
    }
    const { method, body: given } = request;
    const headers = new Headers(request.headers);
    headers.delete("host");
    headers.delete("content-length");
    // A Blob: fetch re-sends any other body in silence when a connection drops.
    const body = given === undefined ? undefined : new Blob([given]);
    try {
      const sent = { method, headers, body };
      const answer = await fetchText(this.search, url, sent);
      if (!this.form.test(answer.text)) {
        const what = `${url.host} answered with HTTP ${answer.status}`;
        throw new Error(`${what}, and not as the service does`);
      }
      return {
        response: {
          statusCode: answer.status,
          headers: Object.fromEntries(answer.headers),
          body: new TextEncoder().encode(answer.text),
        },
      };
    } catch (error) {
      // What the SDK takes for a reason to try again.
      throw Object.assign(Object(error), { code: "ECONNRESET" });
    }
  }
}

function urlOf({ protocol, hostname, port, path }: SdkRequest): URL {
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  return new URL(`${protocol}//${host}${path}`);
}
