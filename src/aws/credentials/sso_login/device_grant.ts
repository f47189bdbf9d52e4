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

import type { SSOOIDC } from "@aws-sdk/client-sso-oidc";
import { messageOf } from "../../../errors.ts";
import { LoginError, type LoginPage, type ShowPage } from "../../../login.ts";
import { isLoopback } from "../../../net/address.ts";
import { delay, orAborted } from "../../../time.ts";
import { type JsonRecord, textIn } from "../../json.ts";
import { partitionOf } from "../../partition.ts";
import {
  currentToken,
  holdToken,
  readToken,
  saveToken,
  type Session,
  tokenTime,
} from "../sources/session_token.ts";
import { FileWatch } from "../watch.ts";
import { canLock, lockUnless } from "./lock.ts";
import { errorName, openSignIn, refused } from "./sign_in_service.ts";

/** What the page says who asks: the CLI's own name would be somebody else's. */
const CLIENT_NAME = "sigv4-proxy";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";

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
export interface Asker {
  readonly session: Session;
  readonly grant: DeviceGrant;
  readonly signal: AbortSignal;
}

export interface LoginRequest extends Asker {
  /** A token that is refused, whatever its file says; empty if there is none. */
  readonly used: string;
  readonly show: ShowPage;
}

/**
 * Begins the session, or waits until another program has.
 *
 * @throws {LoginError} It came to nothing.
 */
export async function beginSession(request: LoginRequest): Promise<void> {
  const { session: failed, used, signal } = request;
  // What the load has read is no longer of interest.
  const session: Session = {
    ...failed,
    watch: new FileWatch(),
    onLoginNeeded: undefined,
  };
  const isThere = async (): Promise<boolean> => {
    const token = await currentToken(session).catch(() => undefined);
    return token !== undefined && token.expiresAt > session.now() &&
      textIn(token.record, "accessToken") !== used;
  };
  const path = lockFileOf(session);
  await using lock = await lockUnless(isThere, path, LOGIN_LIMIT_MS, signal);
  if (lock !== undefined) await logIn({ ...request, session }, isThere);
}

/**
 * Makes of a login what asks nobody.
 *
 * @returns The file for its token; `undefined`: it would stay in memory.
 * @throws {LoginError} It could not begin.
 */
export async function checkLogin(asker: Asker): Promise<string | undefined> {
  await register(asker);
  const { session } = asker;
  return await canLock(lockFileOf(session)) ? session.tokenFile : undefined;
}

function lockFileOf({ tokenFile }: Session): string {
  return tokenFile.replace(/\.json$/, ".login.lock");
}

async function register(
  asker: Asker,
): Promise<{ service: SSOOIDC; client: JsonRecord }> {
  const { session, grant: { scopes, region, urlOf } } = asker;
  const endpoint = urlOf("SSO_OIDC", "/");
  const service = await openSignIn(session, { region, endpoint });
  const registered = service.registerClient({
    clientName: CLIENT_NAME,
    clientType: "public",
    ...(scopes.length > 0 && { scopes: [...scopes] }),
  });
  const wanted = ["clientId", "clientSecret"];
  return { service, client: await answerOf(asker, registered, wanted) };
}

async function logIn(
  request: LoginRequest,
  isThere: () => Promise<boolean>,
): Promise<void> {
  const { grant: { startUrl }, show, signal } = request;
  const { service, client } = await register(request);
  const clientId = textIn(client, "clientId");
  const clientSecret = textIn(client, "clientSecret");
  const given = await answerOf(
    request,
    service.startDeviceAuthorization({ clientId, clientSecret, startUrl }),
    ["deviceCode", "userCode", "verificationUriComplete"],
  );
  const refusal = new AbortController();
  show(pageOf(request, given)).catch((error) => refusal.abort(error));
  const token = await poll(
    request,
    () =>
      service.createToken({
        clientId,
        clientSecret,
        grantType: GRANT_TYPE,
        deviceCode: textIn(given, "deviceCode"),
      }),
    given,
    isThere,
    AbortSignal.any([signal, refusal.signal]),
  );
  if (token !== undefined) await keep(request, client, token);
}

/** The page to open, if it is one that a person should be sent to. */
function pageOf(
  { session, grant }: LoginRequest,
  given: JsonRecord,
): LoginPage {
  const text = textIn(given, "verificationUriComplete") ?? "";
  const code = textIn(given, "userCode") ?? "";
  const url = URL.parse(text);
  // A name before the host looks like one: https://aws.amazon.com@example.com.
  const isSafe = url !== null && url.username + url.password === "" &&
    (url.protocol === "https:" ||
      url.protocol === "http:" && isLoopback(url.hostname));
  if (!isSafe || !/^[\w-]{1,64}$/.test(code)) {
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
  { expiresIn, interval }: JsonRecord,
  isThere: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<JsonRecord | undefined> {
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
      throw gaveNo(request, "token");
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

/** What AWS gives, with texts that must be in it. */
async function answerOf(
  request: Asker,
  asked: Promise<object>,
  wanted: readonly string[],
): Promise<JsonRecord> {
  const { session: { redactor }, signal } = request;
  const given: JsonRecord = {
    ...await orAborted(asked, signal).catch((error) => {
      throw error instanceof LoginError ? error : refused(error);
    }),
  };
  for (const name of ["clientSecret", "deviceCode"]) {
    redactor.addCredential(textIn(given, name));
  }
  const missing = wanted.find((name) => textIn(given, name) === undefined);
  if (missing === undefined) return given;
  throw gaveNo(request, missing);
}

function gaveNo({ grant }: Asker, what: string): LoginError {
  const { host } = grant.urlOf("SSO_OIDC", "/");
  return new LoginError("failed", `${host} gave no ${what}`);
}

function expired(): LoginError {
  return new LoginError("expired", "nobody signed in while the code was good");
}

/** Saves the token where and as the AWS CLI does, or keeps it in memory. */
async function keep(
  { session, grant: { startUrl, region } }: LoginRequest,
  client: JsonRecord,
  token: JsonRecord,
): Promise<void> {
  const now = session.now();
  const { clientId, clientSecret, clientSecretExpiresAt } = client;
  const { accessToken } = token;
  const refreshToken = textIn(token, "refreshToken");
  const expiresAt = new Date(now + (msOf(token.expiresIn) ?? 0));
  const registered = typeof clientSecretExpiresAt === "number"
    ? new Date(clientSecretExpiresAt * 1000)
    : expiresAt;
  const record = {
    startUrl,
    region,
    accessToken,
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
