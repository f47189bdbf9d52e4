/**
 * Credentials from a person's session: `aws sso login`, `aws login`. The CLI
 * keeps a token on disk; the SDK turns it into credentials and renews it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { homeDirectory, type SharedFiles } from "./credential_files.ts";
import { loadSdk, SdkHttp } from "./credential_http.ts";
import { type Need, notGranted } from "./credential_permissions.ts";
import {
  demand,
  lacking,
  notPermitted,
  type Search,
  sourceFailed,
} from "./credential_search.ts";
import type { Credentials } from "./credentials.ts";
import { parseTimestamp } from "./timestamp.ts";

/** The SDK renews a token that has no longer than this to live. */
const RENEWED_WITHIN_MS = 5 * 60_000;

/** Needed where no variable says where the token is. */
const HOME: Need = {
  kind: "sys",
  value: "homedir",
  why: "find the session's token",
};

/** What is secret in a token file: at its top, and in its `accessToken`. */
const SECRETS = [
  "accessToken",
  "refreshToken",
  "idToken",
  "clientSecret",
  "dpopKey",
];
const ACCESS_SECRETS = ["secretAccessKey", "sessionToken"];

/** One session: what it is called, where its token is, how to begin it. */
interface Session {
  readonly source: string;
  readonly kind: string;
  readonly tokenFile: string;
  readonly login: string;
}

/** The little that is read of a token file. */
interface Token {
  readonly expiresAt: number;
  readonly isRenewable: boolean;
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
  const sso = ssoSettings(search, source, name, files);
  const home = homeDirectory(search.env);
  if (home === undefined) throw notPermitted(search, source, [HOME]);
  const key = sso.ssoSession ?? sso.ssoStartUrl;
  const session: Session = {
    source,
    kind: "SSO session",
    tokenFile: join(home, ".aws", "sso", "cache", `${hash("sha1", key)}.json`),
    login: `aws sso login --profile ${name}`,
  };
  await openSession(search, session, sso.ssoSession !== undefined);
  const sdk = await loadSdk(search, source);
  const http = new SdkHttp(search, source, "ask for the role's credentials");
  const credentials = await askSession(
    search,
    session,
    http,
    sdk.fromSSO({
      ...sso,
      profile: name,
      filepath: files.paths.credentials,
      configFilepath: files.paths.config,
      ignoreCache: true,
      clientConfig: http.clientConfig,
    }),
  );
  return credentials;
}

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
    tokenFile: join(
      loginCache(search, source),
      `${hash("sha256", loginSession)}.json`,
    ),
    login: `aws login --profile ${name}`,
  };
  await openSession(search, session, true);
  const sdk = await loadSdk(search, source);
  const http = new SdkHttp(search, source, "renew the session");
  return await askSession(
    search,
    session,
    http,
    sdk.fromLoginCredentials({
      profile: name,
      filepath: files.paths.credentials,
      configFilepath: files.paths.config,
      ignoreCache: true,
      clientConfig: http.clientConfig,
    }),
  );
}

function ssoSettings(
  search: Search,
  source: string,
  name: string,
  files: SharedFiles,
): {
  ssoSession?: string;
  ssoStartUrl: string;
  ssoRegion: string;
  ssoAccountId: string;
  ssoRoleName: string;
} {
  const settings = files.profiles.get(name)?.settings;
  const ssoSession = settings?.get("sso_session");
  const shared = ssoSession === undefined
    ? undefined
    : files.ssoSessions.get(ssoSession);
  if (ssoSession !== undefined && shared === undefined) {
    throw sourceFailed(
      search,
      source,
      `there is no [sso-session ${ssoSession}] in ${files.paths.config}`,
      { run: `aws configure sso --profile ${name}` },
    );
  }
  const missing: string[] = [];
  const need = (setting: string): string => {
    const value = shared?.get(setting) ?? settings?.get(setting);
    if (value === undefined) missing.push(setting);
    return value ?? "";
  };
  const found = {
    ssoSession,
    ssoStartUrl: need("sso_start_url"),
    ssoRegion: need("sso_region"),
    ssoAccountId: need("sso_account_id"),
    ssoRoleName: need("sso_role_name"),
  };
  if (missing.length === 0) return found;
  const run = `aws configure sso --profile ${name}`;
  throw sourceFailed(
    search,
    source,
    `SSO needs ${missing.join(", ")} too: run \`${run}\``,
    { run },
  );
}

/** Where `aws login` keeps its tokens: as the SDK finds it. */
function loginCache(search: Search, source: string): string {
  const directory = search.env("AWS_LOGIN_CACHE_DIRECTORY");
  if (directory !== undefined) return directory;
  demand(search, source, [HOME]);
  return join(homedir(), ".aws", "login", "cache");
}

/** Makes sure that there is a session that can be used or renewed. */
async function openSession(
  search: Search,
  session: Session,
  canRenew: boolean,
): Promise<void> {
  const { source, kind, tokenFile, login } = session;
  demand(search, source, [{
    kind: "read",
    value: tokenFile,
    why: `read the ${kind}`,
  }]);
  await search.watch.see(tokenFile);
  const token = await readToken(search, session);
  const left = token.expiresAt - search.now();
  const isRenewable = canRenew && token.isRenewable;
  if (left <= 0 && !isRenewable) {
    throw sourceFailed(
      search,
      source,
      `the ${kind} is over since ${
        new Date(token.expiresAt).toISOString()
      }: run \`${login}\``,
      { run: login },
    );
  }
  if (!isRenewable) return;
  const save: Need = {
    kind: "write",
    value: tokenFile,
    why: `save the ${kind} when it is renewed`,
  };
  // Renewed but not saved, the token on disk could be void for everyone.
  if (left <= RENEWED_WITHIN_MS) demand(search, source, [save]);
  else if (notGranted([save]).length > 0) {
    search.log.warn(`${source}: ${lacking([save])}`);
  }
}

async function readToken(search: Search, session: Session): Promise<Token> {
  const { source, kind, tokenFile, login } = session;
  const fail = (what: string) =>
    sourceFailed(search, source, `${what}: run \`${login}\``, { run: login });
  let text: string;
  try {
    text = await Deno.readTextFile(tokenFile);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw fail(`there is no ${kind}`);
    }
    throw fail(`the ${kind} in ${tokenFile} cannot be read`);
  }
  let token: unknown;
  try {
    token = JSON.parse(text);
  } catch {
    throw fail(`the ${kind} in ${tokenFile} is no JSON`);
  }
  redactToken(search, token);
  const access = field(token, "accessToken");
  const expiresAt = parseTimestamp(
    field(token, "expiresAt") ?? field(access, "expiresAt"),
  )?.getTime();
  if (access === undefined || expiresAt === undefined) {
    throw fail(`the ${kind} in ${tokenFile} is incomplete`);
  }
  const isRenewable = typeof field(token, "refreshToken") === "string";
  return { expiresAt, isRenewable };
}

async function askSession(
  search: Search,
  session: Session,
  http: SdkHttp,
  provider: () => Promise<Credentials>,
): Promise<Credentials> {
  const { source, kind, tokenFile, login } = session;
  try {
    const credentials = await provider();
    search.watch.accept(tokenFile);
    // It may have been renewed: the new one is a secret too.
    await readToken(search, session).catch(() => {});
    return credentials;
  } catch (error) {
    if (http.refusal !== undefined) throw http.refusal;
    const message = error instanceof Error ? error.message : String(error);
    if (http.unreached !== undefined) {
      throw sourceFailed(
        search,
        source,
        `the ${kind} could not be used: ${http.unreached}`,
      );
    }
    if (/Forbidden|No access/.test(message)) {
      throw sourceFailed(
        search,
        source,
        `the role is not assigned to whoever signed in: ${message}`,
      );
    }
    throw sourceFailed(
      search,
      source,
      `the ${kind} is over or no longer accepted: run \`${login}\` (${message})`,
      { run: login },
    );
  }
}

function redactToken({ redactor }: Search, token: unknown): void {
  const access = field(token, "accessToken");
  const secrets = [
    ...SECRETS.map((name) => field(token, name)),
    ...ACCESS_SECRETS.map((name) => field(access, name)),
  ];
  for (const secret of secrets) {
    if (typeof secret === "string") redactor.addCredential(secret);
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Reflect.get(value, name);
}

function hash(algorithm: "sha1" | "sha256", text: string): string {
  return createHash(algorithm).update(text).digest("hex");
}
