/**
 * Credentials of an IAM Identity Center role: the token of `aws sso login`,
 * traded at the portal, and renewed as long as the session lasts.
 *
 * The names are those that our own parser found. The AWS SDK would look them up
 * once more, by a parser that knows no blanks, quotes or `'` in them.
 *
 * @module
 */

import { shellWords } from "../../../shell_words.ts";
import type { SharedFiles } from "../../shared_files/shared_files.ts";
import type { Need } from "../../../permissions.ts";
import {
  profileUnclear,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { demandPlain } from "../text.ts";
import type { Settings } from "../../shared_files/settings.ts";
import type { Credentials } from "../types.ts";
import { serviceUrl } from "./service_endpoint.ts";
import { isRecord, type JsonRecord, textIn } from "../../json.ts";
import { askService } from "./http.ts";
import {
  loginNeeded,
  openSession,
  RENEWED_WITHIN_MS,
  saveToken,
  type Session,
  sessionFailed,
  sessionKeys,
  sessionNeeds,
  type SessionToken,
  tokenPath,
  tokenTime,
  urlOf,
} from "./session_token.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What SSO is asked for, and where. */
interface SsoRole {
  /** The `[sso-session]`; older profiles have none. */
  readonly sessionName: string | undefined;
  readonly startUrl: string;
  readonly accountId: string;
  readonly roleName: string;
  /** @throws {CredentialsError} What is configured is no URL. */
  urlOf(service: "SSO" | "SSO_OIDC", path: string): URL;
}

/**
 * Credentials of an IAM Identity Center role (`sso_session`, `sso_start_url`).
 *
 * @throws {CredentialsError} The profile is incomplete, nobody is signed in,
 * the session is over, or the role is not theirs.
 */
export async function ssoCredentials(
  search: Search,
  name: string,
  files: SharedFiles,
): Promise<Credentials> {
  const role = ssoRole(search, name, files);
  const session: Session = {
    ...search,
    kind: "SSO session",
    tokenFile: tokenPath(search, "sso", role.sessionName ?? role.startUrl),
    login: shellWords(["aws", "sso", "login", "--profile", name]),
  };
  const isRenewable = (record: JsonRecord) =>
    role.sessionName !== undefined &&
    textIn(record, "refreshToken") !== undefined;
  const token = await openSession(session, isRenewable);
  try {
    const isDue = token.expiresAt - search.now() <= RENEWED_WITHIN_MS;
    const accessToken = isDue && isRenewable(token.record)
      ? await renewed(session, role, token)
      : textIn(token.record, "accessToken") ?? "";
    return await askPortal(session, role, accessToken);
  } catch (error) {
    throw sessionFailed(session, error);
  }
}

/** The permissions for that. */
export function ssoNeeds(
  query: SourceQuery,
  profile: Settings,
  { ssoSessions, services }: SharedFiles,
): Need[] {
  const shared = ssoSessions.get(profile.get("sso_session") ?? "");
  const from = shared?.has("sso_region") ? shared : profile;
  const region = from.get("sso_region") || query.region || "";
  return sessionNeeds(
    query,
    "sso",
    (["SSO", "SSO_OIDC"] as const).map((service) => () =>
      serviceUrl(query.env, service, region, { profile, services })
    ),
  );
}

/** The renewed access token, or the old one while it is good. */
async function renewed(
  session: Session,
  { urlOf }: SsoRole,
  { record, expiresAt }: SessionToken,
): Promise<string> {
  const { clientId, clientSecret, refreshToken } = record;
  const now = session.now();
  const url = urlOf("SSO_OIDC", "/token");
  try {
    const { body, error } = await askService(session, {
      url,
      purpose: "ask for the role's credentials",
      json: {
        clientId,
        clientSecret,
        refreshToken,
        grantType: "refresh_token",
      },
    });
    const accessToken = textIn(body, "accessToken");
    const { expiresIn } = body;
    if (accessToken === undefined || typeof expiresIn !== "number") {
      const what = `the ${session.kind} is over or no longer accepted`;
      throw loginNeeded(session, what, error);
    }
    await saveToken(session, {
      ...record,
      accessToken,
      expiresAt: tokenTime(new Date(now + expiresIn * 1000)),
      refreshToken: textIn(body, "refreshToken") ?? refreshToken,
    });
    return accessToken;
  } catch (error) {
    // It is good for some minutes more, and may be renewed then.
    if (expiresAt > now) return textIn(record, "accessToken") ?? "";
    throw error;
  }
}

async function askPortal(
  session: Session,
  { urlOf, accountId, roleName }: SsoRole,
  accessToken: string,
): Promise<Credentials> {
  demandPlain(session, accessToken, `accessToken in ${session.tokenFile}`);
  const url = urlOf("SSO", "/federation/credentials");
  url.searchParams.set("role_name", roleName);
  url.searchParams.set("account_id", accountId);
  const { status, body, error } = await askService(session, {
    url,
    purpose: "ask for the role's credentials",
    headers: { "x-amz-sso_bearer_token": accessToken },
  });
  if (status === 401) {
    const what = `the ${session.kind} is over or no longer accepted`;
    throw loginNeeded(session, what, error);
  }
  if (status === 403) {
    const what = "the role is not assigned to whoever signed in";
    throw sourceFailed(session, `${what}: ${error}`);
  }
  if (error !== "") {
    throw sourceFailed(session, `${url.host} refused: ${error}`);
  }
  const { roleCredentials: keys } = body;
  const expiration = isRecord(keys) ? keys.expiration : undefined;
  const found = sessionKeys(keys, parseTimestamp(expiration));
  if (found !== undefined) return found;
  throw sourceFailed(session, `${url.host} gave no credentials`);
}

function ssoRole(
  search: Search,
  name: string,
  files: SharedFiles,
): SsoRole {
  const profile = files.profiles.get(name)?.settings;
  const sessionName = profile?.get("sso_session");
  const shared = sessionName === undefined
    ? undefined
    : files.ssoSessions.get(sessionName);
  const run = shellWords(["aws", "configure", "sso", "--profile", name]);
  if (sessionName !== undefined && shared === undefined) {
    throw profileUnclear(
      search,
      `there is no [sso-session ${sessionName}] in ${files.paths.config}`,
      { run },
    );
  }
  const missing: string[] = [];
  const need = (setting: string): string => {
    const from = shared?.has(setting) ? shared : profile;
    const value = from?.get(setting) || undefined;
    if (value === undefined) missing.push(setting);
    demandSame(search, setting, profile, shared);
    const place = `${setting} (${from?.origin(setting)})`;
    if (setting === "sso_region") demandPlain(search, value, place);
    return value ?? "";
  };
  const { services } = files;
  const startUrl = need("sso_start_url");
  const region = need("sso_region");
  const role: SsoRole = {
    sessionName,
    startUrl,
    accountId: need("sso_account_id"),
    roleName: need("sso_role_name"),
    urlOf(service, path) {
      const settings = { profile, services };
      const what = `AWS_ENDPOINT_URL_${service} or sso_region is wrong: no URL`;
      return urlOf(
        search,
        () => serviceUrl(search.env, service, region, settings),
        path,
        what,
      );
    },
  };
  if (missing.length === 0) return role;
  const names = missing.join(", ");
  throw profileUnclear(search, `SSO needs ${names} too: run \`${run}\``, {
    run,
  });
}

/** As the AWS CLI has it: the two may repeat each other, and no more. */
function demandSame(
  search: Search,
  setting: string,
  profile: Settings | undefined,
  session: Settings | undefined,
): void {
  const [one, other] = [profile?.get(setting), session?.get(setting)];
  if (one === undefined || other === undefined || one === other) return;
  const places = `${profile?.origin(setting)} and ${session?.origin(setting)}`;
  throw sourceFailed(search, `${setting} differs: ${places}`);
}
