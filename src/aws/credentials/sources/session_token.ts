/**
 * The token that `aws sso login` or `aws login` keeps on disk, read, and saved
 * when it was renewed.
 */

import {
  isObject,
  type JsonRecord,
  parseRecord,
  textIn,
} from "../../../json.ts";
import {
  expandPath,
  followParents,
  OWN_HOME,
  pathNeed,
} from "../../shared_files/paths.ts";
import {
  lacking,
  type Need,
  netNeed,
  notGranted,
} from "../../../permissions.ts";
import type { ProfileQuery, Search, SourceQuery } from "../search.ts";
import { shellWords } from "../../shared_files/shell_words.ts";
import { limitedFile } from "../../../limited_text.ts";
import type { Credentials } from "../types.ts";
import type { HeldToken } from "../sso_login/logins.ts";
import { keysIn } from "./keys.ts";
import { parseTimestamp } from "./timestamp.ts";

/** A token that has no longer than this to live is renewed. */
const RENEWED_WITHIN_MS = 5 * 60_000;

/** What is secret in a token file: at its top, and in its `accessToken`. */
const SECRETS = [
  "accessToken",
  "refreshToken",
  "idToken",
  "clientSecret",
  "dpopKey",
  "secretAccessKey",
  "sessionToken",
];

/** The search of one session: what it is called, where its token is. */
export interface Session extends Search {
  readonly kind: string;
  readonly tokenFile: string;
  readonly login: string;
  /** Told of the errors that a login would fix. */
  readonly onLoginNeeded?: (error: Error) => void;
}

export interface SessionToken {
  readonly record: JsonRecord;
  readonly expiresAt: number;
}

/** Who keeps tokens, by the name of the directory. */
const KEEPERS = {
  sso: { kind: "SSO session", hash: "sha1", command: ["aws", "sso", "login"] },
  login: { kind: "login session", hash: "sha256", command: ["aws", "login"] },
};

type TokenKeeper = keyof typeof KEEPERS;

/** The search of a session, whose token is kept by a name: say, a start URL. */
export function sessionOf(
  search: Search & ProfileQuery,
  keeper: TokenKeeper,
  tokenName: string,
): Session {
  const directory = tokenDirectory(search, keeper);
  if (OWN_HOME.test(directory)) {
    const why = "find the session's token";
    search.demand([pathNeed({ kind: "read", value: directory, why })]);
    throw search.failed("there is no home to keep the session's token in");
  }
  const { kind, hash, command } = KEEPERS[keeper];
  const { createHash } = process.getBuiltinModule("node:crypto");
  const { join } = process.getBuiltinModule("node:path");
  const name = createHash(hash).update(tokenName).digest("hex");
  const tokenFile = join(directory, `${name}.json`);
  const login = shellWords([...command, "--profile", search.name]);
  return { ...search, kind, tokenFile, login };
}

function tokenDirectory({ env }: SourceQuery, keeper: TokenKeeper): string {
  const own = keeper === "login" && env("AWS_LOGIN_CACHE_DIRECTORY");
  return followParents(expandPath(own || `~/.aws/${keeper}/cache`, env));
}

/**
 * The permissions to use a session's token at services, and to keep the one
 * that is renewed. What is no URL is not asked.
 */
export function sessionNeeds(
  query: SourceQuery,
  keeper: TokenKeeper,
  services: readonly (URL | undefined)[],
): Need[] {
  const needs = services.filter((url) => url !== undefined)
    .map((url) => netNeed(url, "use the session's token"));
  const value = tokenDirectory(query, keeper);
  return [
    ...needs,
    pathNeed({ kind: "read", value, why: "read the session's token" }),
    pathNeed({ kind: "write", value, why: "keep the renewed token" }),
  ];
}

/** The token; what `renew` makes of it, if that is due and possible. */
export async function openSession(
  session: Session,
  isRenewable: (record: JsonRecord) => boolean,
  renew: (record: JsonRecord) => Promise<JsonRecord>,
): Promise<SessionToken> {
  const { kind, tokenFile: value } = session;
  session.demand([pathNeed({ kind: "read", value, why: `read the ${kind}` })]);
  await session.watch.see(value);
  const { held, ...token } = await currentToken(session);
  const left = token.expiresAt - session.now();
  if (!isRenewable(token.record)) {
    if (left > 0) return token;
    const end = new Date(token.expiresAt).toISOString();
    throw loginNeeded(session, `the ${kind} is over since ${end}`);
  }
  const isDue = left <= RENEWED_WITHIN_MS;
  const why = `save the ${kind} when it is renewed`;
  // One that is in no file is void for nobody when it is renewed.
  const missing = held ? [] : notGranted([{ kind: "write", value, why }]);
  if (missing.length > 0) {
    // Renewed but not saved, the token on disk could be void for everyone.
    if (isDue) throw session.notPermitted(missing);
    session.log.warn(`${session.source}: ${lacking(missing)}`);
  }
  if (!isDue) return token;
  try {
    const record = await renew(token.record);
    if (held) holdToken(session, { ...held, record });
    else await saveToken(session, record);
    return tokenIn(session, record);
  } catch (error) {
    // It is good for some minutes more, and may be renewed then.
    if (token.expiresAt > session.now()) return token;
    throw error;
  }
}

/** Keeps a token in memory, for the lack of a place to write it to. */
export function holdToken(session: Session, held: HeldToken): void {
  hideToken(session, held.record);
  session.logins?.held.set(session.tokenFile, held);
}

/**
 * Saves a token that was renewed, with what else stood in the file: whoever
 * reads meanwhile gets the old or the new one, if the directory may be written.
 */
export async function saveToken(
  session: Session,
  record: JsonRecord,
): Promise<void> {
  const { kind, tokenFile } = session;
  hideToken(session, record);
  const text = JSON.stringify(record, undefined, 2);
  const { dirname, join } = process.getBuiltinModule("node:path");
  const value = dirname(tokenFile);
  const why = `save the ${kind} when it is renewed`;
  const isInPlace = notGranted([
    { kind: "read", value, why },
    { kind: "write", value, why },
  ]).length > 0;
  const written = isInPlace
    ? tokenFile
    : join(value, `.${crypto.randomUUID()}.json`);
  try {
    await Deno.writeTextFile(written, text, { mode: 0o600 });
    if (!isInPlace) await Deno.rename(written, tokenFile);
  } catch (error) {
    if (!isInPlace) await Deno.remove(written).catch(() => {});
    throw error;
  }
  session.watch.accept(tokenFile);
}

/** A time as the AWS CLI writes it into a token file, four digits for the year. */
export function tokenTime(ms: number): string {
  const time = new Date(Math.max(0, Math.min(ms, Date.UTC(9999, 0))));
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** The error of a session that only a person can begin again. */
export function loginNeeded(
  session: Session,
  what = `the ${session.kind} is over or no longer accepted`,
  said = "",
): Error {
  const { login: run } = session;
  const more = said === "" ? "" : ` (${said})`;
  const outcome = `${what}: run \`${run}\`${more}`;
  const error = session.failed(outcome, { run });
  session.onLoginNeeded?.(error);
  return error;
}

/** The error of a token that may be half written. */
export function tokenUnclear(session: Session, what: string): Error {
  const { kind, login: run, tokenFile } = session;
  const outcome = `the ${kind} in ${tokenFile} ${what}: run \`${run}\``;
  return session.unclear(outcome, { run });
}

/** Keys as both services give them; none if a part is missing. */
export function sessionKeys(
  record: unknown,
  expiration: Date | undefined,
): Credentials | undefined {
  const names = ["accessKeyId", "secretAccessKey", "sessionToken"] as const;
  const keys = isObject(record) ? keysIn(record, names) : undefined;
  if (!keys?.sessionToken || expiration === undefined) return undefined;
  return { ...keys, expiration };
}

/** The token of the file; that in memory, until the file has another one. */
export async function currentToken(
  session: Session,
): Promise<SessionToken & { readonly held?: HeldToken }> {
  const { logins, tokenFile } = session;
  const held = logins?.held.get(tokenFile);
  session.watch.add(() => logins?.held.get(tokenFile) !== held);
  if (held === undefined) return await readToken(session);
  const there = await readToken(session).catch(() => undefined);
  const isNewer = there !== undefined &&
    textIn(there.record, "accessToken") !== held.onDisk;
  if (isNewer) return there;
  return { ...tokenIn(session, held.record), held };
}

export async function readToken(session: Session): Promise<SessionToken> {
  const { kind, tokenFile } = session;
  const text = await limitedFile(tokenFile).catch((error) => {
    const what = error instanceof Deno.errors.NotFound
      ? `there is no ${kind}`
      : `the ${kind} in ${tokenFile} cannot be read`;
    throw loginNeeded(session, what);
  });
  const record = parseRecord(text);
  if (record === undefined) throw tokenUnclear(session, "is no JSON");
  return tokenIn(session, record);
}

function tokenIn(session: Session, record: JsonRecord): SessionToken {
  hideToken(session, record);
  const { accessToken } = record;
  const inner = isObject(accessToken) ? accessToken.expiresAt : undefined;
  const expiresAt = parseTimestamp(record.expiresAt ?? inner)?.getTime();
  if (accessToken === undefined || expiresAt === undefined) {
    throw tokenUnclear(session, "is incomplete");
  }
  return { record, expiresAt };
}

function hideToken({ redactor }: Search, record: JsonRecord): void {
  const { accessToken } = record;
  for (const part of isObject(accessToken) ? [record, accessToken] : [record]) {
    for (const name of SECRETS) redactor.addCredential(textIn(part, name));
  }
}
