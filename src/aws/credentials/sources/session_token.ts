/**
 * The token that `aws sso login` or `aws login` keeps on disk, read, and saved
 * when it was renewed.
 *
 * @module
 */

import {
  expandPath,
  followParents,
  homeDirectory,
} from "../../shared_files/paths.ts";
import { lacking } from "../../../permissions.ts";
import { type Need, netNeed, notGranted } from "../../../permissions.ts";
import {
  demand,
  notPermitted,
  profileUnclear,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { limitedFile } from "./limited_text.ts";
import {
  isRecord,
  type JsonRecord,
  parseRecord,
  textIn,
  UnreachedError,
} from "./session_request.ts";
import { parseTimestamp } from "./timestamp.ts";

/** A token that has no longer than this to live is renewed. */
export const RENEWED_WITHIN_MS = 5 * 60_000;

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

/** One session: what it is called, where its token is, how to begin it. */
export interface Session {
  readonly source: string;
  readonly kind: string;
  readonly tokenFile: string;
  readonly login: string;
}

/** A token as the file has it. */
export interface SessionToken {
  readonly record: JsonRecord;
  readonly expiresAt: number;
}

/** Who keeps a token: `aws sso login` or `aws login`. */
export type TokenKeeper = "sso" | "login";

/**
 * Where the token of a session or a start URL is.
 *
 * @throws {CredentialsError} There is no home to look in.
 */
export function tokenPath(
  search: Search,
  source: string,
  keeper: TokenKeeper,
  name: string,
): string {
  const directory = tokenDirectory(search, keeper);
  if (directory === undefined) {
    throw notPermitted(search, source, [
      { kind: "sys", value: "homedir", why: "find the session's token" },
    ]);
  }
  const algorithm = keeper === "sso" ? "sha1" : "sha256";
  const { createHash } = process.getBuiltinModule("node:crypto");
  const { join } = process.getBuiltinModule("node:path");
  const hash = createHash(algorithm).update(name).digest("hex");
  return join(directory, `${hash}.json`);
}

function tokenDirectory(
  { env }: SourceQuery,
  keeper: TokenKeeper,
): string | undefined {
  const given = keeper === "login"
    ? env("AWS_LOGIN_CACHE_DIRECTORY")
    : undefined;
  const directory = given === undefined ? undefined : expandPath(given, env);
  if (directory !== undefined) return followParents(directory);
  const home = homeDirectory(env);
  if (home === undefined) return undefined;
  const { join } = process.getBuiltinModule("node:path");
  return join(followParents(home), ".aws", keeper, "cache");
}

/**
 * The permissions for a session: to use its token at a service, and to keep the
 * one that is renewed.
 *
 * @param services Finds the URL of each; what is none is not asked.
 */
export function sessionNeeds(
  query: SourceQuery,
  keeper: TokenKeeper,
  services: readonly (() => URL)[],
): Need[] {
  const needs = services.flatMap((find): Need[] => {
    try {
      return [netNeed(find(), "use the session's token")];
    } catch {
      return [];
    }
  });
  const value = tokenDirectory(query, keeper);
  if (value === undefined) return needs;
  return [
    ...needs,
    { kind: "read", value, why: "read the session's token" },
    { kind: "write", value, why: "keep the renewed token" },
  ];
}

/**
 * Reads the token, and makes sure that it can be used or renewed.
 *
 * @param isRenewable Whether what the file says is enough to renew it.
 * @throws {CredentialsError} Nobody is signed in, or the session is over.
 */
export async function openSession(
  search: Search,
  session: Session,
  isRenewable: (record: JsonRecord) => boolean,
): Promise<SessionToken> {
  const { source, kind, tokenFile } = session;
  const why = `read the ${kind}`;
  demand(search, source, [{ kind: "read", value: tokenFile, why }]);
  await search.watch.see(tokenFile);
  const token = await readToken(search, session);
  const left = token.expiresAt - search.now();
  if (!isRenewable(token.record)) {
    if (left > 0) return token;
    const end = new Date(token.expiresAt).toISOString();
    throw loginNeeded(search, session, `the ${kind} is over since ${end}`);
  }
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
  return token;
}

/**
 * Saves a token that was renewed, with what else stood in the file: whoever
 * reads meanwhile gets the old or the new one, if the directory may be written.
 */
export async function saveToken(
  search: Search,
  { kind, tokenFile }: Session,
  record: JsonRecord,
): Promise<void> {
  hideToken(search, record);
  const text = JSON.stringify(record, undefined, 2);
  const { dirname, join } = process.getBuiltinModule("node:path");
  const directory = dirname(tokenFile);
  const why = `save the ${kind} when it is renewed`;
  const isInPlace = notGranted([
    { kind: "read", value: directory, why },
    { kind: "write", value: directory, why },
  ]).length > 0;
  const written = isInPlace
    ? tokenFile
    : join(directory, `.${crypto.randomUUID()}.json`);
  try {
    await Deno.writeTextFile(written, text, { mode: 0o600 });
    if (!isInPlace) await Deno.rename(written, tokenFile);
  } catch (error) {
    if (!isInPlace) await Deno.remove(written).catch(() => {});
    throw error;
  }
  search.watch.accept(tokenFile);
}

/** A time as the AWS CLI writes it into a token file. */
export function tokenTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The error of a session that only a person can begin again. */
export function loginNeeded(
  search: Search,
  { source, login }: Session,
  what: string,
  said = "",
): Error {
  const more = said === "" ? "" : ` (${said})`;
  const outcome = `${what}: run \`${login}\`${more}`;
  return sourceFailed(search, source, outcome, { run: login });
}

/** The error of a session whose service was not reached; others as they are. */
export function sessionFailed(
  search: Search,
  { source, kind }: Session,
  error: unknown,
): unknown {
  if (!(error instanceof UnreachedError)) return error;
  const what = `the ${kind} could not be used: ${error.message}`;
  return sourceFailed(search, source, what);
}

async function readToken(
  search: Search,
  session: Session,
): Promise<SessionToken> {
  const { kind, login, source, tokenFile } = session;
  const fail = (what: string) => loginNeeded(search, session, what);
  // It may be half written.
  const unclear = (what: string) =>
    profileUnclear(
      search,
      source,
      `the ${kind} in ${tokenFile} ${what}: run \`${login}\``,
      { run: login },
    );
  let text: string;
  try {
    text = await limitedFile(tokenFile);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw fail(`there is no ${kind}`);
    }
    throw fail(`the ${kind} in ${tokenFile} cannot be read`);
  }
  const record = parseRecord(text);
  if (record === undefined) {
    throw unclear("is no JSON");
  }
  hideToken(search, record);
  const { accessToken } = record;
  const inner = isRecord(accessToken) ? accessToken.expiresAt : undefined;
  const expiresAt = parseTimestamp(record.expiresAt ?? inner)?.getTime();
  if (accessToken === undefined || expiresAt === undefined) {
    throw unclear("is incomplete");
  }
  return { record, expiresAt };
}

function hideToken({ redactor }: Search, record: JsonRecord): void {
  const { accessToken } = record;
  for (const part of isRecord(accessToken) ? [record, accessToken] : [record]) {
    for (const name of SECRETS) redactor.addCredential(textIn(part, name));
  }
}
