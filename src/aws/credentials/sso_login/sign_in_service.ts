/**
 * The sign-in service of IAM Identity Center (SSO OIDC), by AWS's own client:
 * only a login loads it.
 */

import type { SSOOIDC } from "@aws-sdk/client-sso-oidc";
import { messageOf } from "../../../errors.ts";
import { LoginError } from "../../../login.ts";
import {
  lacking,
  type Need,
  netNeed,
  notGranted,
} from "../../../permissions.ts";
import { isRecord, textIn } from "../../json.ts";
import type { Search } from "../search.ts";
import { SDK_USER_AGENT, SdkHttp } from "../sources/sdk.ts";

const PURPOSE = "begin the session";

/**
 * The variables that the client reads, whatever it is told. Found with
 * `DENO_AUDIT_PERMISSIONS`.
 */
const SDK_ENV = [
  "AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026",
  "AWS_LAMBDA_BENCHMARK_MODE",
  "AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA",
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
];

/** The permissions that a login needs beside those of its session. */
function signInNeeds(): Need[] {
  return SDK_ENV.map((value) => ({ kind: "env", value, why: PURPOSE }));
}

/**
 * Opens the service's client.
 *
 * @throws {LoginError} A permission is missing.
 */
export async function openSignIn(
  search: Search,
  { region, endpoint }: { readonly region: string; readonly endpoint: URL },
): Promise<SSOOIDC> {
  const missing = notGranted([netNeed(endpoint, PURPOSE), ...signInNeeds()]);
  if (missing.length > 0) throw new LoginError("failed", lacking(missing));
  const { SSOOIDC } = await import("@aws-sdk/client-sso-oidc");
  const service = new SSOOIDC({
    region,
    endpoint: endpoint.href,
    requestHandler: new SdkHttp(search, PURPOSE),
    defaultUserAgentProvider: SDK_USER_AGENT,
    // The pace is AWS's, and kept here.
    maxAttempts: 1,
    // What is not said it looks for in variables and files, by its own parser.
    retryMode: "standard",
    defaultsMode: "standard",
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    userAgentAppId: () => Promise.resolve(undefined),
    authSchemePreference: [],
  });
  // It would read a variable of AWS Lambda's.
  service.middlewareStack.remove("recursionDetectionMiddleware");
  return service;
}

function statusOf(error: unknown): number | undefined {
  const { $metadata } = isRecord(error) ? error : {};
  const { httpStatusCode } = isRecord($metadata) ? $metadata : {};
  return typeof httpStatusCode === "number" ? httpStatusCode : undefined;
}

/** `authorization_pending` and `AuthorizationPendingException` are one. */
export function errorName(error: unknown): string {
  const status = statusOf(error);
  // RFC 8628, 3.5: a connection that fails is tried again, more slowly.
  const isPassing = status === undefined || status >= 500 || status === 429;
  if (isPassing || !isRecord(error)) return "slowdown";
  const name = textIn(error, "error", "name") ?? "";
  return name.replace(/Exception$/, "").replaceAll("_", "").toLowerCase();
}

/** The error of a login that the service ended, or that did not reach it. */
export function refused(error: unknown): LoginError {
  const status = statusOf(error);
  if (status === undefined || !isRecord(error)) {
    return new LoginError("failed", messageOf(error));
  }
  const name = textIn(error, "error") ?? `HTTP ${status}`;
  const more = textIn(error, "error_description") ?? "";
  const said = more === "" ? name : `${name}: ${more}`;
  return new LoginError("failed", `the sign-in service refused: ${said}`);
}
