/**
 * Begins a session of IAM Identity Center as `aws sso login` does: AWS's own
 * device authorization (RFC 8628), in which nothing that the client says counts.
 *
 * 1. One login at a time: whoever comes second waits for the first one's token.
 * 2. RegisterClient, then StartDeviceAuthorization, which gives the page and the
 *    code that it must show.
 * 3. While somebody signs in there, CreateToken is asked at AWS's pace.
 * 4. The token goes where the AWS CLI looks for it; if it may not be written
 *    there, it stays in memory.
 */

import type {
  RegisterClientResponse,
  SSOOIDC,
  StartDeviceAuthorizationResponse as DeviceCode,
} from "@aws-sdk/client-sso-oidc";
import { messageOf } from "../../../errors.ts";
import { asObject, type JsonRecord, textIn } from "../../../json.ts";
import { LoginError, type LoginPage, type ShowPage } from "../../../login.ts";
import { isLoopback } from "../../../net/address.ts";
import { lacking, netNeed, notGranted } from "../../../permissions.ts";
import { delay, orAborted } from "../../../time.ts";
import { partitionOf } from "../../partition.ts";
import { SDK_SETTINGS, SdkHttp } from "../sources/sdk.ts";
import {
  currentToken,
  holdToken,
  readToken,
  saveToken,
  type Session,
  tokenTime,
} from "../sources/session_token.ts";
import { FileWatch } from "../cache.ts";
import { canLock, lockUnless } from "./lock.ts";

/** What the page says who asks: the CLI's own name would be somebody else's. */
const CLIENT_NAME = "sigv4-proxy";

/** The longest that a login may take, whatever AWS says. */
const LOGIN_LIMIT_MS = 15 * 60_000;

/** RFC 8628, 3.2 and 3.5: the pace where none is said, and what slows it. */
const USUAL_PACE_MS = 5_000;
const SLOW_DOWN_MS = 5_000;

/** The least and the most that is waited between two questions. */
const PACE_MS = [100, 60_000] as const;

export interface DeviceGrant {
  readonly startUrl: string;
  readonly region: string;
  /** Older profiles have none. */
  readonly scopes: readonly string[];
  urlOf(service: "SSO_OIDC", path: string): URL;
}

/** Who asks the sign-in service, and for what. */
export interface LoginRequest {
  readonly session: Session;
  readonly grant: DeviceGrant;
  readonly signal: AbortSignal;
}

/**
 * Begins the session, or waits until another program has.
 *
 * @param used A token that is refused, whatever its file says.
 */
export async function beginSession(
  request: LoginRequest,
  used: string,
  show: ShowPage,
): Promise<void> {
  // What the load has read is no longer of interest.
  const anew = { watch: new FileWatch(), onLoginNeeded: undefined };
  const session: Session = { ...request.session, ...anew };
  const isThere = async (): Promise<boolean> => {
    const token = await currentToken(session).catch(() => undefined);
    return token !== undefined && token.expiresAt > session.now() &&
      textIn(token.record, "accessToken") !== used;
  };
  const { signal } = request;
  const { tokenFile } = session;
  const limitMs = LOGIN_LIMIT_MS;
  await using lock = await lockUnless(isThere, tokenFile, limitMs, signal);
  if (lock !== undefined) await logIn({ ...request, session }, isThere, show);
}

/** Makes of a login what asks nobody, for {@linkcode SessionLogin.check}. */
export async function checkLogin(
  request: LoginRequest,
): Promise<string | undefined> {
  await register(request);
  const { tokenFile } = request.session;
  return await canLock(tokenFile) ? tokenFile : undefined;
}

async function register(request: LoginRequest) {
  const { scopes } = request.grant;
  const service = await openSignIn(request);
  const registered = service.registerClient({
    clientName: CLIENT_NAME,
    clientType: "public",
    ...(scopes.length > 0 && { scopes: [...scopes] }),
  });
  return { service, client: await answerOf(request, registered) };
}

async function logIn(
  request: LoginRequest,
  isThere: () => Promise<boolean>,
  show: ShowPage,
): Promise<void> {
  const { service, client } = await register(request);
  const { clientId, clientSecret } = client;
  const { startUrl } = request.grant;
  const given = await answerOf(
    request,
    service.startDeviceAuthorization({ clientId, clientSecret, startUrl }),
  );
  const refusal = new AbortController();
  show(pageOf(request, given)).catch((error) => refusal.abort(error));
  const { deviceCode } = given;
  const grantType = "urn:ietf:params:oauth:grant-type:device_code";
  const asked = { clientId, clientSecret, grantType, deviceCode };
  const token = await poll(
    { ...request, signal: AbortSignal.any([request.signal, refusal.signal]) },
    () => service.createToken(asked),
    given,
    isThere,
  );
  if (token !== undefined) await keep(request, client, token);
}

/** The page to open, if it is one that a person should be sent to. */
function pageOf(
  { session, grant }: LoginRequest,
  { verificationUriComplete = "", userCode: code = "", deviceCode }: DeviceCode,
): LoginPage {
  const url = URL.parse(verificationUriComplete);
  // A name before the host looks like one: https://aws.amazon.com@example.com.
  const isSafe = url !== null && url.username + url.password === "" &&
    (url.protocol === "https:" ||
      url.protocol === "http:" && isLoopback(url.hostname));
  const isCode = /^[\w-]{1,64}$/.test(code) && typeof deviceCode === "string";
  if (!isSafe || !isCode) {
    const what = "the sign-in service gave no page and code to sign in with";
    throw new LoginError("failed", what);
  }
  const doubt = isOfAws(url, grant)
    ? ""
    : ` ${url.host} is no host of AWS that is known: go on only if you know it.`;
  const message =
    `Sign in to AWS for ${session.source}: open the page at ${url.host}, ` +
    `check that it shows the code ${code}, and allow ${CLIENT_NAME} to go on. ` +
    `If it shows another code, close it.${doubt}`;
  return { url: url.href, message };
}

/**
 * Whether AWS has its pages there: that of a device, and access portals (IAM
 * Identity Center User Guide, "Allowlist domains").
 */
function isOfAws(
  { protocol, host }: URL,
  { startUrl, region }: DeviceGrant,
): boolean {
  const device = `device.sso.${region}.${partitionOf(region).domain}`;
  return protocol === "https:" &&
    (host === device || host === URL.parse(startUrl)?.host ||
      /\.(?:awsapps\.com|awsapps\.cn|app\.aws)$/.test(host));
}

/** Asks for the token until it is there, or another one, or never will be. */
async function poll(
  request: LoginRequest,
  askForToken: () => Promise<object>,
  { expiresIn, interval }: DeviceCode,
  isThere: () => Promise<boolean>,
): Promise<JsonRecord | undefined> {
  const { signal } = request;
  const limitMs = Math.min(msOf(expiresIn) ?? Infinity, LOGIN_LIMIT_MS);
  const endsAt = performance.now() + limitMs;
  const [least, most] = PACE_MS;
  for (let pause = msOf(interval) ?? USUAL_PACE_MS;;) {
    await delay(Math.min(Math.max(pause, least), most), signal);
    // `aws sso login` may have begun the session meanwhile.
    if (await isThere()) return undefined;
    if (performance.now() >= endsAt) throw expired();
    try {
      const token: JsonRecord = { ...await orAborted(askForToken(), signal) };
      if (textIn(token, "accessToken") && msOf(token.expiresIn)) return token;
      throw new LoginError("failed", "the sign-in service gave no token");
    } catch (error) {
      if (error instanceof LoginError) throw error;
      switch (errorName(error)) {
        case "authorizationpending":
          break;
        case "slowdown":
          pause += SLOW_DOWN_MS;
          break;
        case "expiredtoken":
          throw expired();
        case "accessdenied":
          throw new LoginError("denied", "the sign-in was denied");
        default:
          throw refused(error);
      }
    }
  }
}

/** What AWS gives, its secrets hidden. */
async function answerOf<Given extends object>(
  request: LoginRequest,
  asked: Promise<Given>,
): Promise<Given> {
  const { session: { redactor }, signal } = request;
  const given = await orAborted(asked, signal).catch((error) => {
    throw error instanceof LoginError ? error : refused(error);
  });
  const texts = asObject(given);
  for (const name of ["clientSecret", "deviceCode"]) {
    redactor.addCredential(textIn(texts, name));
  }
  return given;
}

function expired(): LoginError {
  return new LoginError("expired", "nobody signed in while the code was good");
}

/** Saves the token where and as the AWS CLI does, or keeps it in memory. */
async function keep(
  { session, grant: { startUrl, region } }: LoginRequest,
  client: RegisterClientResponse,
  token: JsonRecord,
): Promise<void> {
  const { clientId, clientSecret, clientSecretExpiresAt: end } = client;
  const refreshToken = textIn(token, "refreshToken");
  const expiresAt = session.now() + (msOf(token.expiresIn) ?? 0);
  const registered = typeof end === "number" ? end * 1000 : expiresAt;
  const record = {
    startUrl,
    region,
    accessToken: token.accessToken,
    expiresAt: tokenTime(expiresAt),
    clientId,
    clientSecret,
    registrationExpiresAt: tokenTime(registered),
    ...(refreshToken !== undefined && { refreshToken }),
  };
  try {
    await saveToken(session, record);
  } catch (error) {
    const { source, log, redactor } = session;
    log.warn(`${source}: the SSO session is kept in memory alone`, {
      error: redactor.redact(messageOf(error)),
    });
    const onDisk = await readToken(session)
      .then(({ record }) => textIn(record, "accessToken"), () => undefined);
    holdToken(session, { record, onDisk });
  }
}

function msOf(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds > 0
    ? seconds * 1000
    : undefined;
}

const PURPOSE = "begin the session";

/**
 * The variables that the client reads, whatever it is told. Found with
 * `DENO_AUDIT_PERMISSIONS`.
 */
const CLIENT_ENV = [
  "AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026",
  "AWS_LAMBDA_BENCHMARK_MODE",
  "AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA",
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
];

/** @throws {LoginError} A permission is missing. */
async function openSignIn({ session, grant }: LoginRequest): Promise<SSOOIDC> {
  const endpoint = grant.urlOf("SSO_OIDC", "/");
  const missing = notGranted([
    netNeed(endpoint, PURPOSE),
    ...CLIENT_ENV
      .map((value) => ({ kind: "env", value, why: PURPOSE } as const)),
  ]);
  if (missing.length > 0) throw new LoginError("failed", lacking(missing));
  const { SSOOIDC } = await import("@aws-sdk/client-sso-oidc");
  const service = new SSOOIDC({
    ...SDK_SETTINGS,
    region: grant.region,
    endpoint: endpoint.href,
    requestHandler: new SdkHttp(session, PURPOSE),
    // The pace is AWS's, and kept here.
    maxAttempts: 1,
  });
  // It would read a variable of AWS Lambda's.
  service.middlewareStack.remove("recursionDetectionMiddleware");
  return service;
}

function statusOf(error: unknown): number | undefined {
  const { httpStatusCode } = asObject(asObject(error).$metadata);
  return typeof httpStatusCode === "number" ? httpStatusCode : undefined;
}

/** `authorization_pending` and `AuthorizationPendingException` are one. */
function errorName(error: unknown): string {
  const status = statusOf(error);
  // RFC 8628, 3.5: a connection that fails is tried again, more slowly.
  const isPassing = status === undefined || status >= 500 || status === 429;
  if (isPassing) return "slowdown";
  const name = textIn(asObject(error), "error", "name") ?? "";
  return name.replace(/Exception$/, "").replaceAll("_", "").toLowerCase();
}

/** The error of a login that the service ended, or that did not reach it. */
function refused(error: unknown): LoginError {
  const status = statusOf(error);
  if (status === undefined) return new LoginError("failed", messageOf(error));
  const [name = `HTTP ${status}`, more] = ["error", "error_description"]
    .map((part) => textIn(asObject(error), part));
  const said = more === undefined ? name : `${name}: ${more}`;
  return new LoginError("failed", `the sign-in service refused: ${said}`);
}
