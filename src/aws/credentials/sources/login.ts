/**
 * Credentials of a console session: the token of `aws login`, which holds them,
 * and is renewed with a proof that its key is at hand (RFC 9449).
 *
 * @module
 */

import { shellWords } from "../../../shell_words.ts";
import type { SharedFiles } from "../../shared_files/shared_files.ts";
import type { Need } from "../../../permissions.ts";
import { type Search, sourceFailed, type SourceQuery } from "../search.ts";
import type { Settings } from "../../shared_files/settings.ts";
import type { Credentials } from "../types.ts";
import { serviceUrl } from "./service_endpoint.ts";
import {
  askService,
  incompleteAnswer,
  isRecord,
  type JsonRecord,
  type SessionRequest,
  textIn,
} from "./session_request.ts";
import {
  loginNeeded,
  openSession,
  RENEWED_WITHIN_MS,
  saveToken,
  type Session,
  sessionFailed,
  sessionNeeds,
  tokenPath,
  tokenTime,
} from "./session_token.ts";

/** Where nothing names a region. */
const USUAL_REGION = "us-east-1";

/** What a token file must have to be renewed. */
const RENEWAL_PARTS = ["refreshToken", "clientId", "dpopKey"];

/**
 * Credentials of a console session (`login_session`).
 *
 * @throws {CredentialsError} Nobody is signed in, or the session is over.
 */
export async function loginCredentials(
  search: Search,
  source: string,
  name: string,
  loginSession: string,
  files: SharedFiles,
): Promise<Credentials> {
  const session: Session = {
    source,
    kind: "login session",
    tokenFile: tokenPath(search, source, "login", loginSession),
    login: shellWords(["aws", "login", "--profile", name]),
  };
  const { record, expiresAt } = await openSession(
    search,
    session,
    (record) => RENEWAL_PARTS.every((part) => textIn(record, part)),
  );
  const held = credentialsIn(record, expiresAt);
  if (held === undefined) {
    const what = `the ${session.kind} in ${session.tokenFile} is incomplete`;
    throw loginNeeded(search, session, what);
  }
  if (expiresAt - search.now() > RENEWED_WITHIN_MS) return held;
  try {
    return await renew(search, session, record, urlOf());
  } catch (error) {
    if (expiresAt > search.now()) return held;
    throw sessionFailed(search, session, error);
  }

  function urlOf(): URL {
    const profile = files.profiles.get(name)?.settings;
    try {
      return signInUrl(search, record, profile, files);
    } catch {
      throw sourceFailed(search, source, "AWS_ENDPOINT_URL_SIGNIN is no URL");
    }
  }
}

/** The permissions for that, as far as the token's own region is not known. */
export function loginNeeds(
  query: SourceQuery,
  profile: Settings,
  files: SharedFiles,
): Need[] {
  const url = () => signInUrl(query, {}, profile, files);
  return sessionNeeds(query, "login", [url]);
}

function signInUrl(
  { env, region }: SourceQuery,
  record: JsonRecord,
  profile: Settings | undefined,
  { services }: SharedFiles,
): URL {
  // A region set is none that one can sign in to.
  const named = [
    textIn(record, "signInRegion"),
    profile?.get("region"),
    region,
    env("AWS_REGION"),
    env("AWS_DEFAULT_REGION"),
  ].find((one) => one !== undefined && /^[\w-]+$/.test(one)) ?? USUAL_REGION;
  return serviceUrl(env, "SIGNIN", named, { profile, services });
}

async function renew(
  search: Search,
  session: Session,
  record: JsonRecord,
  url: URL,
): Promise<Credentials> {
  url.pathname = url.pathname.replace(/\/?$/, "/v1/token");
  const { clientId, refreshToken } = record;
  const now = search.now();
  const request: SessionRequest = {
    url,
    purpose: "renew the session",
    headers: { DPoP: proofOf(search, session, record, url) },
    json: { clientId, refreshToken, grantType: "refresh_token" },
  };
  const answer = await askService(search, session.source, request);
  const { body, error, status } = answer;
  if (status >= 400 && status < 500) {
    const why = textIn(body, "error");
    const said = why === undefined || error.includes(why)
      ? error
      : `${error}, ${why}`;
    const what = `the ${session.kind} is over or no longer accepted`;
    throw loginNeeded(search, session, what, said);
  }
  if (error !== "") {
    throw sourceFailed(search, session.source, `${url.host} failed: ${error}`);
  }
  const seconds = typeof body.expiresIn === "number" ? body.expiresIn : 900;
  const expiresAt = now + seconds * 1000;
  const fresh = isRecord(body.accessToken) ? body.accessToken : {};
  const old = isRecord(record.accessToken) ? record.accessToken : {};
  const renewed: JsonRecord = {
    ...record,
    accessToken: { ...old, ...fresh, expiresAt: tokenTime(expiresAt) },
    refreshToken: textIn(body, "refreshToken") ?? refreshToken,
  };
  const credentials = credentialsIn({ accessToken: fresh }, expiresAt);
  if (credentials === undefined) {
    throw incompleteAnswer(search, session.source, request);
  }
  await saveToken(search, session, renewed);
  return credentials;
}

function credentialsIn(
  { accessToken }: JsonRecord,
  expiresAt: number,
): Credentials | undefined {
  if (!isRecord(accessToken)) return undefined;
  const accessKeyId = textIn(accessToken, "accessKeyId");
  const secretAccessKey = textIn(accessToken, "secretAccessKey");
  const sessionToken = textIn(accessToken, "sessionToken");
  if (!accessKeyId || !secretAccessKey || !sessionToken) return undefined;
  const expiration = new Date(expiresAt);
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

/** A JWT for this one request, signed by the key that it carries. */
function proofOf(
  search: Search,
  session: Session,
  record: JsonRecord,
  url: URL,
): string {
  const { createPrivateKey, createPublicKey, sign } = process.getBuiltinModule(
    "node:crypto",
  );
  try {
    const key = createPrivateKey(textIn(record, "dpopKey") ?? "");
    const { kty, crv, x, y } = createPublicKey(key).export({ format: "jwk" });
    const jwk = { kty, crv, x, y };
    const header = { typ: "dpop+jwt", alg: "ES256", jwk };
    const iat = Math.floor(search.now() / 1000);
    const jti = crypto.randomUUID();
    const payload = { htm: "POST", htu: url.href, iat, jti };
    const signed = [header, payload].map((part) =>
      base64url(new TextEncoder().encode(JSON.stringify(part)))
    ).join(".");
    const signature = sign("sha256", new TextEncoder().encode(signed), {
      key,
      dsaEncoding: "ieee-p1363",
    });
    return `${signed}.${base64url(signature)}`;
  } catch {
    const what = `the key of the ${session.kind} cannot be used`;
    throw loginNeeded(search, session, what);
  }
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
