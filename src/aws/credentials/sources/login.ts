/**
 * Credentials of a console session: the token of `aws login`, which holds them,
 * and is renewed with a proof that its key is at hand (RFC 9449).
 */

import { type JsonRecord, textIn } from "../../../json.ts";
import type { Need } from "../../../permissions.ts";
import type { ProfileQuery, Search, SourceQuery } from "../search.ts";
import type { Credentials } from "../types.ts";
import { askService, demandUrl, serviceRegion, serviceUrl } from "./service.ts";
import {
  loginNeeded,
  openSession,
  type Session,
  sessionKeys,
  sessionNeeds,
  sessionOf,
  tokenTime,
  tokenUnclear,
} from "./session_token.ts";

const USUAL_REGION = "us-east-1";

/** What a token file must have to be renewed. */
const RENEWAL_PARTS = ["refreshToken", "clientId", "dpopKey"];

export async function loginCredentials(
  search: Search & ProfileQuery,
): Promise<Credentials> {
  const loginSession = search.settings.get("login_session") ?? "";
  const session = sessionOf(search, "login", loginSession);
  const { record, expiresAt } = await openSession(
    session,
    (record) => RENEWAL_PARTS.every((part) => textIn(record, part)),
    (record) => renew(session, record),
  );
  const keys = sessionKeys(record.accessToken, new Date(expiresAt));
  if (keys === undefined) throw tokenUnclear(session, "is incomplete");
  return keys;
}

/** The permissions for that, as far as the token's own region is not known. */
export function loginNeeds(query: SourceQuery): Need[] {
  const url = serviceUrl(query, "SIGNIN", signInRegion(query));
  return sessionNeeds(query, "login", [url]);
}

function signInRegion(query: SourceQuery, own?: string): string {
  return serviceRegion(query, own) ?? USUAL_REGION;
}

async function renew(
  session: Session,
  record: JsonRecord,
): Promise<JsonRecord> {
  const region = signInRegion(session, textIn(record, "signInRegion"));
  const url = demandUrl(session, "SIGNIN", region);
  url.pathname = url.pathname.replace(/\/?$/, "/v1/token");
  const { clientId, refreshToken } = record;
  const now = session.now();
  const headers = { DPoP: proofOf(session, record, url) };
  const json = { clientId, refreshToken, grantType: "refresh_token" };
  const why = "renew the session";
  const asked = askService(session, why, url, { headers, json });
  const { body, error, status } = await asked;
  if (status >= 400) {
    const why = textIn(body, "error") ?? "";
    const said = error.includes(why) ? error : `${error}, ${why}`;
    throw loginNeeded(session, undefined, said);
  }
  const seconds = typeof body.expiresIn === "number" ? body.expiresIn : 900;
  const end = now + seconds * 1000;
  if (sessionKeys(body.accessToken, new Date(end)) === undefined) {
    throw session.failed(`${url.host} gave no credentials`);
  }
  return {
    ...record,
    accessToken: {
      ...Object(record.accessToken),
      ...Object(body.accessToken),
      expiresAt: tokenTime(end),
    },
    refreshToken: textIn(body, "refreshToken") ?? refreshToken,
  };
}

/** A JWT for this one request, signed by the key that it carries. */
function proofOf(
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
    const iat = Math.floor(session.now() / 1000);
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
    throw loginNeeded(session, what);
  }
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
