/**
 * Credentials of an IAM Identity Center role: the token of `aws sso login`,
 * traded at the portal, and renewed as long as the session lasts.
 *
 * The names are those that our own parser found. The AWS SDK would look them up
 * once more, by a parser that knows no blanks, quotes or `'` in them.
 */

import { isObject, type JsonRecord, textIn } from "../../../json.ts";
import { shellWords } from "../../shared_files/shell_words.ts";
import type { Need } from "../../../permissions.ts";
import type { ProfileQuery, Search } from "../search.ts";
import { demandPlain } from "../text.ts";
import type { Credentials } from "../types.ts";
import { askService, demandUrl, serviceUrl } from "./service.ts";
import { beginSession, checkLogin } from "../sso_login/device_grant.ts";
import type { SessionLogin } from "../sso_login/logins.ts";
import {
  loginNeeded,
  openSession,
  type Session,
  sessionKeys,
  sessionNeeds,
  sessionOf,
  tokenTime,
} from "./session_token.ts";
import { parseTimestamp } from "./timestamp.ts";

type SsoRole = ReturnType<typeof ssoRole>;

const PURPOSE = "ask for the role's credentials";

export async function ssoCredentials(
  search: Search & ProfileQuery,
): Promise<Credentials> {
  const role = ssoRole(search);
  const { sessionName, startUrl } = role;
  // The token that the portal was asked with: if it takes none, another.
  let used = "";
  const session: Session = {
    ...sessionOf(search, "sso", sessionName ?? startUrl),
    onLoginNeeded: (error) => search.logins?.offer(error, login),
  };
  const { tokenFile: key } = session;
  const login: SessionLogin = {
    key,
    begin: (show, signal) =>
      beginSession({ session, grant: role, signal }, used, show),
    check: (signal) => checkLogin({ session, grant: role, signal }),
  };
  search.logins?.known.set(key, login);
  const { record } = await openSession(
    session,
    (record) =>
      sessionName !== undefined &&
      textIn(record, "refreshToken") !== undefined,
    (record) => renew(session, role, record),
  );
  used = textIn(record, "accessToken") ?? "";
  const other = textIn(record, "startUrl");
  const isOther = other !== undefined && !isSamePage(other, startUrl);
  const whose = isOther
    ? `the SSO session is of ${other}, and the profile of ${startUrl}`
    : undefined;
  return await askPortal(session, role, used, whose);
}

export function ssoNeeds(query: ProfileQuery): Need[] {
  const { files, settings } = query;
  const shared = files.ssoSessions.get(settings.get("sso_session") ?? "");
  const from = shared?.has("sso_region") ? shared : settings;
  const region = from.get("sso_region") || query.region || "";
  const urls = (["SSO", "SSO_OIDC"] as const).map((service) =>
    serviceUrl(query, service, region)
  );
  return sessionNeeds(query, "sso", urls);
}

async function renew(
  session: Session,
  { urlOf }: SsoRole,
  record: JsonRecord,
): Promise<JsonRecord> {
  const { clientId, clientSecret, refreshToken } = record;
  const now = session.now();
  const url = urlOf("SSO_OIDC", "/token");
  const grantType = "refresh_token";
  const json = { clientId, clientSecret, refreshToken, grantType };
  const asked = askService(session, PURPOSE, url, { json });
  const { status, body, error } = await asked;
  if (status >= 400) throw loginNeeded(session, undefined, error);
  const accessToken = textIn(body, "accessToken");
  const { expiresIn } = body;
  if (accessToken === undefined || typeof expiresIn !== "number") {
    throw session.failed(`${url.host} gave no credentials`);
  }
  return {
    ...record,
    accessToken,
    expiresAt: tokenTime(now + expiresIn * 1000),
    refreshToken: textIn(body, "refreshToken") ?? refreshToken,
  };
}

/** `https://corp.awsapps.com/start#/` and `…/start` are one. */
function isSamePage(one: string, other: string): boolean {
  const [a, b] = [one, other].map((url) => url.replace(/(?<![/#])[/#]+$/, ""));
  return a.toLowerCase() === b.toLowerCase();
}

async function askPortal(
  session: Session,
  { urlOf, accountId, roleName }: SsoRole,
  accessToken: string,
  isOfAnother: string | undefined,
): Promise<Credentials> {
  demandPlain(session, accessToken, `accessToken in ${session.tokenFile}`);
  const url = urlOf("SSO", "/federation/credentials");
  url.searchParams.set("role_name", roleName);
  url.searchParams.set("account_id", accountId);
  const headers = { "x-amz-sso_bearer_token": accessToken };
  const asked = askService(session, PURPOSE, url, { headers });
  const { status, body, error } = await asked;
  if (status === 401 || status === 403 && isOfAnother !== undefined) {
    throw loginNeeded(session, isOfAnother, error);
  }
  if (status === 403) {
    const what = "the role is not assigned to whoever signed in";
    throw session.failed(`${what}: ${error}`);
  }
  if (error !== "") {
    throw session.failed(`${url.host} refused: ${error}`);
  }
  const { roleCredentials: keys } = body;
  const expiration = isObject(keys) ? keys.expiration : undefined;
  const found = sessionKeys(keys, parseTimestamp(expiration));
  if (found !== undefined) return found;
  throw session.failed(`${url.host} gave no credentials`);
}

/** What SSO is asked for, and where. */
function ssoRole(search: Search & ProfileQuery) {
  const { name, files, settings: profile } = search;
  const sessionName = profile.get("sso_session");
  const shared = sessionName === undefined
    ? undefined
    : files.ssoSessions.get(sessionName);
  const run = shellWords(["aws", "configure", "sso", "--profile", name]);
  if (sessionName !== undefined && shared === undefined) {
    const what = `there is no [sso-session ${sessionName}] in`;
    throw search.unclear(`${what} ${files.paths.config}`, { run });
  }
  const missing: string[] = [];
  const need = (setting: string): string => {
    const from = shared?.has(setting) ? shared : profile;
    const value = from.get(setting) || undefined;
    if (value === undefined) missing.push(setting);
    // As the AWS CLI has it: the two may repeat each other, and no more.
    if (profile.has(setting) && from.get(setting) !== profile.get(setting)) {
      const places = [profile, from].map((one) => one.origin(setting));
      const what = `${setting} differs: ${places.join(" and ")}`;
      throw search.failed(what);
    }
    const place = `${setting} (${from.origin(setting)})`;
    if (setting === "sso_region") demandPlain(search, value, place);
    return value ?? "";
  };
  const startUrl = need("sso_start_url");
  const region = need("sso_region");
  const accountId = need("sso_account_id");
  const roleName = need("sso_role_name");
  if (missing.length > 0) {
    const what = `SSO needs ${missing.join(", ")} too: run \`${run}\``;
    throw search.unclear(what, { run });
  }
  const urlOf = (service: "SSO" | "SSO_OIDC", path: string): URL => {
    const url = demandUrl(search, service, region);
    url.pathname = url.pathname.replace(/\/?$/, path);
    return url;
  };
  const scopes = (shared?.get("sso_registration_scopes") ?? "")
    .split(",").map((scope) => scope.trim()).filter((scope) => scope !== "");
  const asked = { startUrl, region, scopes, accountId, roleName };
  return { sessionName, ...asked, urlOf };
}
