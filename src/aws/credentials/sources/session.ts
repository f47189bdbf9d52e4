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
import { type EndpointSettings, serviceUrl } from "./service_endpoint.ts";
import {
  askService,
  incompleteAnswer,
  isRecord,
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
  type SessionToken,
  tokenPath,
  tokenTime,
} from "./session_token.ts";
import { parseTimestamp } from "./timestamp.ts";

/** What SSO is asked for, and where. */
interface SsoRole {
  /** The `[sso-session]`; older profiles have none. */
  readonly sessionName: string | undefined;
  readonly startUrl: string;
  readonly region: string;
  readonly accountId: string;
  readonly roleName: string;
}

/**
 * Credentials of an IAM Identity Center role (`sso_session`, `sso_start_url`).
 *
 * @throws {CredentialsError} The profile is incomplete, nobody is signed in,
 * the session is over, or the role is not theirs.
 */
export async function ssoCredentials(
  search: Search,
  source: string,
  name: string,
  files: SharedFiles,
): Promise<Credentials> {
  const role = ssoRole(search, source, name, files);
  const session: Session = {
    source,
    kind: "SSO session",
    tokenFile: tokenPath(
      search,
      source,
      "sso",
      role.sessionName ?? role.startUrl,
    ),
    login: shellWords(["aws", "sso", "login", "--profile", name]),
  };
  const endpoints: EndpointSettings = {
    profile: files.profiles.get(name)?.settings,
    services: files.services,
  };
  const token = await openSession(
    search,
    session,
    (record) =>
      role.sessionName !== undefined &&
      textIn(record, "refreshToken") !== undefined,
  );
  try {
    const current = await freshToken(search, session, role, endpoints, token);
    return await askPortal(search, session, role, endpoints, current);
  } catch (error) {
    throw sessionFailed(search, session, error);
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

/** The access token, renewed if it is about to end. */
async function freshToken(
  search: Search,
  session: Session,
  { sessionName, region }: SsoRole,
  endpoints: EndpointSettings,
  { record, expiresAt }: SessionToken,
): Promise<string> {
  const accessToken = textIn(record, "accessToken") ?? "";
  const refreshToken = textIn(record, "refreshToken");
  const now = search.now();
  const isDue = expiresAt - now <= RENEWED_WITHIN_MS;
  if (!isDue || sessionName === undefined || refreshToken === undefined) {
    return accessToken;
  }
  const { clientId, clientSecret } = record;
  const url = urlOf(search, session.source, "SSO_OIDC", region, endpoints);
  url.pathname = url.pathname.replace(/\/?$/, "/token");
  try {
    const { body, error } = await askService(search, session.source, {
      url,
      purpose: "ask for the role's credentials",
      json: {
        clientId,
        clientSecret,
        refreshToken,
        grantType: "refresh_token",
      },
    });
    const renewed = textIn(body, "accessToken");
    const { expiresIn } = body;
    if (renewed === undefined || typeof expiresIn !== "number") {
      const what = `the ${session.kind} is over or no longer accepted`;
      throw loginNeeded(search, session, what, error);
    }
    await saveToken(search, session, {
      ...record,
      accessToken: renewed,
      expiresAt: tokenTime(now + expiresIn * 1000),
      refreshToken: textIn(body, "refreshToken") ?? refreshToken,
    });
    return renewed;
  } catch (error) {
    // It is good for some minutes more, and may be renewed then.
    if (expiresAt > now) return accessToken;
    throw error;
  }
}

async function askPortal(
  search: Search,
  session: Session,
  { region, accountId, roleName }: SsoRole,
  endpoints: EndpointSettings,
  accessToken: string,
): Promise<Credentials> {
  const { source, kind } = session;
  demandPlain(
    search,
    source,
    accessToken,
    `accessToken in ${session.tokenFile}`,
  );
  const url = urlOf(search, source, "SSO", region, endpoints);
  url.pathname = url.pathname.replace(/\/?$/, "/federation/credentials");
  url.searchParams.set("role_name", roleName);
  url.searchParams.set("account_id", accountId);
  const request: SessionRequest = {
    url,
    purpose: "ask for the role's credentials",
    headers: { "x-amz-sso_bearer_token": accessToken },
  };
  const { status, body, error } = await askService(search, source, request);
  if (status === 401) {
    const what = `the ${kind} is over or no longer accepted`;
    throw loginNeeded(search, session, what, error);
  }
  if (status === 403) {
    const what = "the role is not assigned to whoever signed in";
    throw sourceFailed(search, source, `${what}: ${error}`);
  }
  if (error !== "") {
    throw sourceFailed(search, source, `${url.host} refused: ${error}`);
  }
  const found = isRecord(body.roleCredentials) ? body.roleCredentials : {};
  const accessKeyId = textIn(found, "accessKeyId");
  const secretAccessKey = textIn(found, "secretAccessKey");
  const sessionToken = textIn(found, "sessionToken");
  const expiration = parseTimestamp(found.expiration);
  if (!accessKeyId || !secretAccessKey || !sessionToken || !expiration) {
    throw incompleteAnswer(search, source, request);
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

function urlOf(
  search: Search,
  source: string,
  service: "SSO" | "SSO_OIDC",
  region: string,
  endpoints: EndpointSettings,
): URL {
  try {
    return serviceUrl(search.env, service, region, endpoints);
  } catch {
    const what = `AWS_ENDPOINT_URL_${service} or sso_region is wrong: no URL`;
    throw sourceFailed(search, source, what);
  }
}

function ssoRole(
  search: Search,
  source: string,
  name: string,
  files: SharedFiles,
): SsoRole {
  const settings = files.profiles.get(name)?.settings;
  const sessionName = settings?.get("sso_session");
  const shared = sessionName === undefined
    ? undefined
    : files.ssoSessions.get(sessionName);
  const run = shellWords(["aws", "configure", "sso", "--profile", name]);
  if (sessionName !== undefined && shared === undefined) {
    throw profileUnclear(
      search,
      source,
      `there is no [sso-session ${sessionName}] in ${files.paths.config}`,
      { run },
    );
  }
  const missing: string[] = [];
  const need = (setting: string): string => {
    const from = shared?.has(setting) ? shared : settings;
    const value = from?.get(setting) || undefined;
    if (value === undefined) missing.push(setting);
    demandSame(search, source, setting, settings, shared);
    const place = `${setting} (${from?.origin(setting)})`;
    if (setting === "sso_region") demandPlain(search, source, value, place);
    return value ?? "";
  };
  const role: SsoRole = {
    sessionName,
    startUrl: need("sso_start_url"),
    region: need("sso_region"),
    accountId: need("sso_account_id"),
    roleName: need("sso_role_name"),
  };
  if (missing.length === 0) return role;
  throw profileUnclear(
    search,
    source,
    `SSO needs ${missing.join(", ")} too: run \`${run}\``,
    { run },
  );
}

/** As the AWS CLI has it: the two may repeat each other, and no more. */
function demandSame(
  search: Search,
  source: string,
  setting: string,
  profile: Settings | undefined,
  session: Settings | undefined,
): void {
  const [one, other] = [profile?.get(setting), session?.get(setting)];
  if (one === undefined || other === undefined || one === other) return;
  const places = `${profile?.origin(setting)} and ${session?.origin(setting)}`;
  throw sourceFailed(search, source, `${setting} differs: ${places}`);
}
