/**
 * Credentials: who is asking. Found in the order of the AWS CLI, kept in
 * memory, renewed before they expire.
 */

import {
  type AssumeRoleOptions,
  type Credentials,
  type CredentialSource,
  isSameCredentials,
  type RoleSession,
} from "./types.ts";
import { CredentialsError, messageOf } from "../../errors.ts";
import { type Naming, OPTION_NAMES } from "../../naming.ts";
import { type Log, SILENT_LOG } from "../../log/log.ts";
import { checkOptions } from "../../shape/shape.ts";
import { maskAccessKeyId, Redactor } from "../../redact/redact.ts";
import { CredentialCache } from "./cache.ts";
import type { Choice } from "./choice.ts";
import { environmentKeys } from "./sources/keys.ts";
import type { Logins } from "./sso_login/logins.ts";
import { noRole, type Search, SEARCH_STEPS } from "./search.ts";
import { demandSendable } from "./text.ts";
import { envReader, hiddenEnvOf } from "../shared_files/paths.ts";

/** What {@linkcode createCredentialSource} is handed. */
export interface CredentialSourceOptions {
  /** The profile asked for outright: beats environment keys. */
  readonly profile?: string;
  /** Reads an environment variable. Default: `Deno.env.get`. */
  readonly env?: (name: string) => string | undefined;
  /** Where warnings and details go. */
  readonly log?: Log;
  /** Told every secret as soon as it is known. */
  readonly redactor?: Redactor;
  /** Milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
  /** A role to assume over whatever credentials are found. */
  readonly assumeRole?: AssumeRoleOptions;
  /** Whose credentials it is assumed with, in place of those of this machine. */
  readonly base?: CredentialSource;
  /**
   * What the session of the last role that is assumed is bound to: that of
   * `assumeRole`, else the profile's or the web identity's. Where there is none,
   * there are no credentials.
   */
  readonly session?: RoleSession;
  /** The region for STS where neither profile nor role names one. */
  readonly region?: string;
  /**
   * Told, at each load, which variable, or which profile, setting and line, the
   * credentials are from.
   */
  readonly onFound?: (origin: string) => void;
  /** How STS, SSO and sign-in are reached. Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * The credentials of this machine: environment keys, the shared files, a web
 * identity, the container, the instance, in the order of the AWS CLI.
 *
 * Nothing is read before the first {@linkcode CredentialSource.get}. Failures
 * are not kept, but for those that took seconds: these are repeated to whoever
 * asks within the next moments, unless a file changes.
 *
 * The AWS SDK, which STS goes through, reads the environment of the process,
 * whatever `env` says.
 *
 * @param options What to look for and what to use.
 * @returns A source that loads at the first question and then keeps itself
 * fresh.
 * @throws {ConfigError} An option is unknown, or has a wrong value.
 *
 * @example
 * ```ts
 * import { createCredentialSource } from "@scope/sigv4-proxy";
 *
 * const variables = new Map([
 *   ["AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"],
 *   ["AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"],
 * ]);
 * const source = createCredentialSource({ env: (name) => variables.get(name) });
 * const { accessKeyId } = await source.get();
 * if (accessKeyId !== "AKIDEXAMPLE") throw new Error("the environment's keys");
 * ```
 */
export function createCredentialSource(
  options: CredentialSourceOptions = {},
): CredentialSource {
  checkOptions(options, "source");
  return credentialSource(options, { names: OPTION_NAMES });
}

/** What the program adds to them. */
export interface CredentialSourceRun extends Naming {
  /** The logins that it can begin. */
  readonly logins?: Logins;
}

/** The same, for the program itself. */
export function credentialSource(
  options: CredentialSourceOptions,
  { logins, names }: CredentialSourceRun,
): CredentialSource {
  const log = options.log ?? SILENT_LOG;
  const redactor = options.redactor ?? new Redactor();
  const now = options.now ?? Date.now;
  const read = envReader(options.env);
  const start = {
    ...SEARCH_STEPS,
    source: "environment",
    env(name: string) {
      const why = "read what says whose credentials are used";
      start.demandEnv([name], why);
      return read(name);
    },
    hiddenEnv: hiddenEnvOf(options.env),
    // A program without types says so what it leaves out.
    profile: options.profile ?? undefined,
    region: options.region,
    session: options.assumeRole === undefined ? options.session : undefined,
    fetch: options.fetch ?? globalThis.fetch,
    now,
    log,
    redactor,
    logins,
    names,
    instance: {},
  };
  let choice: Choice | undefined;
  const find = async (search: Search): Promise<Credentials> => {
    const { source, profile } = search;
    const keys = profile === undefined ? environmentKeys(search) : undefined;
    if (typeof keys === "object") {
      if (search.session !== undefined) throw noRole(search);
      log.debug("credentials found", { source });
      options.onFound?.("AWS_ACCESS_KEY_ID");
      return keys;
    }
    const attempts = keys === undefined ? [] : [{ source, outcome: keys }];
    // Loaded where more is to be asked than the environment.
    const { findBelowEnvironment } = await import("./chain.ts");
    const found = await findBelowEnvironment(search, attempts, choice);
    choice = found.choice;
    options.onFound?.(found.origin);
    return found.credentials;
  };
  const load = async (search: Search): Promise<Credentials> => {
    const base = await (options.base?.get() ?? find(search));
    demandSendable({ ...search, source: "credentials" }, base);
    if (options.assumeRole === undefined) return onlyCredentials(base);
    const source = `role over ${maskAccessKeyId(base.accessKeyId)}`;
    const { assumeRole } = await import("./sources/role.ts");
    // What the profile in use says of STS counts, where it can be read.
    const { lookUp } = await import("../shared_files/shared_files.ts");
    const found = await lookUp(search.profile, search.env)
      .catch(() => undefined);
    const over = { ...search, source, ...found };
    const { region, session } = options;
    const role = { region, ...options.assumeRole, session };
    const assumed = await assumeRole(over, role, base).catch(async (error) => {
      const isOver = error instanceof CredentialsError &&
        /^(?:ExpiredToken|InvalidClientTokenId)/.test(`${error.data.awsError}`);
      const fresh = isOver && await options.base?.get({ refresh: base });
      if (!fresh || isSameCredentials(fresh, base)) throw error;
      return await assumeRole(over, role, demandSendable(over, fresh));
    });
    return onlyCredentials(demandSendable(over, assumed));
  };
  return new CredentialCache(async (watch) => {
    const search = { ...start, watch };
    try {
      return await load(search);
    } catch (error) {
      if (error instanceof CredentialsError) throw error;
      throw { ...search, source: "search" }.failed(messageOf(error));
    }
  }, { now, log, redactor });
}

/** Without what else the SDK hangs onto its credentials. */
function onlyCredentials(found: Credentials): Credentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = found;
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}
