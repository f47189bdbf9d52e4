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

import { CredentialsError, LoginError, messageOf } from "../../../errors.ts";
import { isLoopback } from "../../../net/address.ts";
import { delay, orAborted } from "../../../time.ts";
import { isRecord, type JsonRecord, textIn } from "../../json.ts";
import { askService, type SessionAnswer } from "../sources/http.ts";
import {
  currentToken,
  holdToken,
  readToken,
  saveToken,
  type Session,
  tokenTime,
} from "../sources/session_token.ts";
import { FileWatch } from "../watch.ts";
import { lockUnless } from "./lock.ts";
import type { LoginPage, ShowPage } from "./logins.ts";

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

/** What a login asks for. */
export interface DeviceGrant {
  readonly startUrl: string;
  readonly region: string;
  readonly scopes: readonly string[];
  urlOf(service: "SSO_OIDC", path: string): URL;
}

/** A login that is asked for. */
export interface LoginRequest {
  readonly session: Session;
  readonly grant: DeviceGrant;
  /** A token that is refused, whatever its file says; empty if there is none. */
  readonly used: string;
  readonly show: ShowPage;
  readonly signal: AbortSignal;
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
  const path = session.tokenFile.replace(/\.json$/, ".login.lock");
  await using lock = await lockUnless(isThere, path, LOGIN_LIMIT_MS, signal);
  if (lock !== undefined) await logIn({ ...request, session });
}

/** What AWS gave for the page, to ask for the token with. */
interface Authorization {
  readonly client: JsonRecord;
  readonly deviceCode: string;
  readonly endsAt: number;
  readonly paceMs: number;
}

async function logIn(request: LoginRequest): Promise<void> {
  const { session, grant: { scopes, startUrl }, show, signal } = request;
  const client = await askFor(request, "/client/register", {
    clientName: CLIENT_NAME,
    clientType: "public",
    ...(scopes.length > 0 && { scopes }),
  }, ["clientId", "clientSecret"]);
  const { clientId, clientSecret } = client;
  const given = await askFor(request, "/device_authorization", {
    clientId,
    clientSecret,
    startUrl,
  }, ["deviceCode", "userCode", "verificationUriComplete"]);
  const limitMs = Math.min(
    msIn(given, "expiresIn") ?? Infinity,
    LOGIN_LIMIT_MS,
  );
  const refusal = new AbortController();
  show(pageOf(session, given)).catch((error) => refusal.abort(error));
  const token = await poll(request, {
    client,
    deviceCode: textIn(given, "deviceCode") ?? "",
    endsAt: performance.now() + limitMs,
    paceMs: msIn(given, "interval") ?? USUAL_PACE_MS,
  }, AbortSignal.any([signal, refusal.signal]));
  await keep(request, client, token);
}

/** The page to open, if it is one that a person should be sent to. */
function pageOf(session: Session, given: JsonRecord): LoginPage {
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
  const message =
    `Sign in to AWS for ${session.source}: open the page, check that it shows ` +
    `the code ${code}, and allow ${CLIENT_NAME} to go on. If it shows another ` +
    "code, close it.";
  return { url: url.href, message };
}

/** Asks for the token until it is there, or never will be. */
async function poll(
  request: LoginRequest,
  { client, deviceCode, endsAt, paceMs }: Authorization,
  signal: AbortSignal,
): Promise<JsonRecord> {
  const { clientId, clientSecret } = client;
  const json = { clientId, clientSecret, grantType: GRANT_TYPE, deviceCode };
  const [least, most] = PACE_MS;
  for (let pause = paceMs;;) {
    await delay(Math.min(Math.max(pause, least), most), signal);
    if (performance.now() >= endsAt) throw expired();
    const answer = await ask(request, "/token", json, signal)
      .catch((error) => {
        if (error instanceof LoginError) throw error;
        // RFC 8628, 3.5: a connection that fails is tried again, more slowly.
        return undefined;
      });
    const isToken = answer?.error === "" &&
      textIn(answer.body, "accessToken") !== undefined &&
      msIn(answer.body, "expiresIn") !== undefined;
    if (answer !== undefined && isToken) return answer.body;
    const isOver = answer === undefined || answer.status >= 500 ||
      answer.status === 429;
    switch (isOver ? "slowdown" : errorName(answer)) {
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
        throw refused(request, answer?.error || "gave no token");
    }
  }
}

/** `authorization_pending` and `AuthorizationPendingException` are one. */
function errorName({ body, error }: SessionAnswer): string {
  const name = textIn(body, "error") ?? error.split(":")[0];
  return name.replace(/Exception$/, "").replaceAll("_", "").toLowerCase();
}

function expired(): LoginError {
  return new LoginError("expired", "nobody signed in while the code was good");
}

function refused({ grant }: LoginRequest, error: string): LoginError {
  const { host } = grant.urlOf("SSO_OIDC", "/");
  return new LoginError("failed", `${host} refused: ${error}`);
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
  const expiresAt = new Date(now + (msIn(token, "expiresIn") ?? 0));
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

/** What AWS answers, with texts that must be in it. */
async function askFor(
  request: LoginRequest,
  path: string,
  json: JsonRecord,
  wanted: readonly string[],
): Promise<JsonRecord> {
  const { session: { redactor }, signal } = request;
  const { body, error } = await ask(request, path, json, signal)
    .catch((error) => {
      throw error instanceof CredentialsError
        ? new LoginError("failed", outcomeOf(error))
        : error;
    });
  for (const name of ["clientSecret", "deviceCode"]) {
    redactor.addCredential(textIn(body, name));
  }
  if (error !== "") throw refused(request, error);
  const missing = wanted.find((name) => textIn(body, name) === undefined);
  if (missing === undefined) return body;
  throw refused(request, `gave no ${missing}`);
}

async function ask(
  { session, grant }: LoginRequest,
  path: string,
  json: JsonRecord,
  signal: AbortSignal,
): Promise<SessionAnswer> {
  const url = grant.urlOf("SSO_OIDC", path);
  const asked = { url, purpose: "begin the session", json };
  return await orAborted(askService(session, asked), signal);
}

/** What an error says, without what was tried. */
function outcomeOf({ data: { sources }, message }: CredentialsError): string {
  const [tried]: unknown[] = Array.isArray(sources) ? sources : [];
  return isRecord(tried) && textIn(tried, "outcome") || message;
}

function msIn(record: JsonRecord, name: string): number | undefined {
  const value = record[name];
  return typeof value === "number" && value > 0 ? value * 1000 : undefined;
}
