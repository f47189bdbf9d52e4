/**
 * The order in which sources are asked: environment keys, a role of the
 * profile, the environment's web identity, the rest of the shared files, the
 * container, the instance. The first that is configured decides; if it fails,
 * that is the error.
 *
 * A profile asked for outright comes before the keys and the web identity of
 * the environment; one that AWS_PROFILE names does not. Both as in the AWS CLI.
 *
 * @module
 */

import {
  type Choice,
  choiceOf,
  demandNoLess,
  NOT_OF_FILES,
  roleChoice,
} from "./choice.ts";
import {
  listProfiles,
  type Profile,
  readSharedFiles,
  type SharedFiles,
} from "../shared_files/shared_files.ts";
import { containerCredentials, type InstanceMetadata } from "./sources/host.ts";
import { environmentKeys, KEY_VARIABLES } from "./sources/keys.ts";
import { flagsFor, lacking, type Need } from "../../permissions.ts";
import {
  profileCredentials,
  profileWay,
  WAY_SETTINGS,
} from "./sources/profile.ts";
import { assumeRoleWithToken } from "./sources/role.ts";
import {
  type Attempt,
  demandEnv,
  nothingFound,
  notPermitted,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "./search.ts";
import {
  pathVariables,
  PROFILE_VARIABLES,
  profileName,
  profileOfEnv,
  sharedPaths,
} from "../shared_files/paths.ts";
import type { Settings } from "../shared_files/settings.ts";
import type { Credentials } from "./types.ts";

const WEB_IDENTITY_VARIABLES = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"];
const FILE_VARIABLES = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
const CONTAINER_VARIABLES = [
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/** The credentials, and whose they are. */
export interface Found {
  readonly credentials: Credentials;
  /** The variable, or the profile and the line, that they are from. */
  readonly origin: string;
  readonly choice: Choice;
}

/** What is known of the sources that had nothing. */
class Trail {
  readonly attempts: Attempt[] = [];
  readonly missing: Need[] = [];
  /** Whether a source is there that could not be used, or not be looked at. */
  isConfigured = false;

  add(source: string, outcome: string): void {
    this.attempts.push({ source, outcome });
  }

  /** A source that may not be looked at: nobody knows what is there. */
  addHidden(source: string, missing: readonly Need[]): void {
    this.add(source, lacking(missing));
    this.missing.push(...missing);
    this.isConfigured = true;
  }
}

/**
 * Asks the sources in their order.
 *
 * @param search What the search shares.
 * @param instance The metadata service, kept between searches.
 * @param earlier The source of an earlier search: it is not left for a later
 * one while a shared file is empty or cut.
 * @returns The credentials of the first that is configured.
 * @throws {CredentialsError} It failed, or none is configured.
 */
export async function findCredentials(
  search: Search,
  instance: InstanceMetadata,
  earlier?: Choice,
): Promise<Found> {
  const trail = new Trail();
  const isExplicit = search.profile !== undefined;
  const tell = (source: string, profile?: Profile): string => {
    search.log.debug("credentials found", { source });
    return originOf(search, source, profile);
  };
  if (!isExplicit) {
    const credentials = fromEnvironment(search, trail);
    if (credentials !== undefined) {
      const origin = tell("environment");
      return { credentials, origin, choice: NOT_OF_FILES };
    }
  }
  const files = await openFiles(search, trail);
  const name = profileName(search);
  const profile = files?.profiles.get(name);
  const settings = profile?.settings;
  const took = (
    source: string,
    credentials: Credentials,
    choice: Choice = NOT_OF_FILES,
  ): Found => ({ credentials, origin: tell(source, profile), choice });
  const isNamed = isAskedFor(search);
  const order = sourceOrder({ isExplicit, isNamed, profile });
  const isWebIdentity = order[0] === "web identity" &&
    hasWebIdentity(search);
  const choice = !isWebIdentity
    ? choiceOf(files, name)
    : search.env("AWS_ROLE_ARN") === undefined
    ? roleChoice(files, name)
    : NOT_OF_FILES;
  if (files !== undefined && earlier !== undefined) {
    demandNoLess(search, files, earlier, choice);
  }
  for (const source of order) {
    switch (source) {
      case "web identity": {
        const found = await fromWebIdentity(search, files, trail);
        if (found !== undefined) return took(source, found, choice);
        break;
      }
      case "profile": {
        if (files === undefined) break;
        const found = await fromProfile(search, files, instance, trail);
        if (found !== undefined) {
          return took(`profile "${name}"`, found, choice);
        }
        break;
      }
      case "container": {
        const found = await fromContainer(search, trail);
        if (found !== undefined) return took(source, found);
        break;
      }
      case "instance": {
        const found = await instance.credentials(search, settings);
        if ("accessKeyId" in found) return took(source, found);
        trail.add(source, found.outcome);
        break;
      }
    }
  }
  throw nothingFound(trail.attempts, advice(files), {
    configured: trail.isConfigured,
    ...trail.missing.length > 0 ? { flags: flagsFor(trail.missing) } : {},
  });
}

/** What names the source: the variable, or the profile's setting and line. */
function originOf(
  { env }: Search,
  source: string,
  profile: Profile | undefined,
): string {
  const variables = source === "environment"
    ? KEY_VARIABLES
    : source === "web identity"
    ? WEB_IDENTITY_VARIABLES
    : source === "container"
    ? CONTAINER_VARIABLES
    : [];
  const variable = variables.find((name) => env(name) !== undefined);
  if (variable !== undefined) return variable;
  const way = profile === undefined ? undefined : profileWay(profile);
  if (profile === undefined || way === undefined || source === "instance") {
    return source;
  }
  const names: readonly string[] = WAY_SETTINGS[way];
  const setting = names.find((name) => profile.settings.has(name));
  if (setting === undefined) return source;
  return `${source}, ${setting} (${profile.settings.origin(setting)})`;
}

/** A source below the keys of the environment. */
export type LowerSource = "web identity" | "profile" | "container" | "instance";

/**
 * The order below the keys of the environment, for whoever asks the sources and
 * whoever tells of them beforehand.
 *
 * @param known `isExplicit`: a profile was asked for outright; `isNamed`: by
 * that or by a variable; `profile`: it, if it is there.
 */
export function sourceOrder(
  { isExplicit, isNamed, profile }: {
    readonly isExplicit: boolean;
    readonly isNamed: boolean;
    readonly profile: Profile | undefined;
  },
): readonly LowerSource[] {
  const host = ["container", "instance"] as const;
  // A profile that was named has to be there, and its role comes first.
  const isFirst = profile === undefined
    ? isNamed
    : profileWay(profile) === "role";
  return isExplicit || isFirst
    ? ["profile", ...host]
    : ["web identity", "profile", ...host];
}

/** Whether somebody named the profile: then it has to be there. */
function isAskedFor(search: Search): boolean {
  return (search.profile ?? profileOfEnv(search.env)) !== undefined;
}

function fromEnvironment(
  search: Search,
  trail: Trail,
): Credentials | undefined {
  const keys = environmentKeys(search);
  if (keys !== undefined) return keys;
  const isHalf = search.env("AWS_SECRET_ACCESS_KEY") !== undefined;
  trail.add(
    "environment",
    isHalf
      ? "AWS_SECRET_ACCESS_KEY is set, AWS_ACCESS_KEY_ID is not"
      : "AWS_ACCESS_KEY_ID is not set",
  );
  trail.isConfigured = isHalf;
  return undefined;
}

async function openFiles(
  search: Search,
  trail: Trail,
): Promise<SharedFiles | undefined> {
  const source = "shared files";
  if (search.profile === undefined) {
    demandEnv(search, source, PROFILE_VARIABLES, "find the profile");
  }
  const isNamed = isAskedFor(search);
  const why = "find the shared AWS files";
  demandEnv(search, source, FILE_VARIABLES, why);
  demandEnv(search, source, pathVariables(search.env), why);
  const paths = sharedPaths(search.env);
  if (paths === undefined) {
    if (isNamed) throw sourceFailed(search, source, "HOME is not set");
    trail.add(source, "HOME is not set");
    return undefined;
  }
  const files = await readSharedFiles(paths, (path) => search.watch.see(path));
  const { missing } = files;
  if (missing.length === 0) return files;
  // One file alone could say less than both. Who allows neither leaves them out.
  const isOneReadable = missing.length < new Set(Object.values(paths)).size;
  if (isNamed || isOneReadable) throw notPermitted(search, source, missing);
  trail.addHidden(source, missing);
  return files;
}

async function fromProfile(
  search: Search,
  files: SharedFiles,
  instance: InstanceMetadata,
  trail: Trail,
): Promise<Credentials | undefined> {
  const source = "shared files";
  const name = profileName(search);
  const isNamed = isAskedFor(search);
  const { paths, ignored } = files;
  if (!isNamed && !files.profiles.has(name)) {
    if (files.missing.length === 0) {
      const where = files.present.length === 0
        ? `neither ${paths.config} nor ${paths.credentials} is there`
        : `no profile "default" in ${files.present.join(" and ")}`;
      trail.add(source, search.redactor.redact([where, ...ignored].join(", ")));
    }
    return undefined;
  }
  const found = await profileCredentials({ ...search, files, instance }, name);
  if (found !== undefined) return found;
  if (isNamed) trail.isConfigured = true;
  trail.add(
    source,
    search.redactor.redact(
      [`profile "${name}" says nothing of credentials`, ...ignored].join(", "),
    ),
  );
  return undefined;
}

/** What the environment does not say of a web identity, the profile may. */
export function webIdentity(
  { env }: SourceQuery,
  settings: Settings | undefined,
): { tokenFile: string | undefined; roleArn: string | undefined } {
  return {
    tokenFile: env("AWS_WEB_IDENTITY_TOKEN_FILE") ??
      (settings?.get("web_identity_token_file") || undefined),
    roleArn: env("AWS_ROLE_ARN") ?? (settings?.get("role_arn") || undefined),
  };
}

/** Whether the environment names a token; without it, it may be a profile. */
function hasWebIdentity(search: Search): boolean {
  demandEnv(
    search,
    "web identity",
    WEB_IDENTITY_VARIABLES,
    "find a web identity",
  );
  return search.env("AWS_WEB_IDENTITY_TOKEN_FILE") !== undefined;
}

async function fromWebIdentity(
  search: Search,
  files: SharedFiles | undefined,
  trail: Trail,
): Promise<Credentials | undefined> {
  const source = "web identity";
  const settings = files?.profiles.get(profileName(search))?.settings;
  const { tokenFile, roleArn } = webIdentity(search, settings);
  if (tokenFile === undefined) {
    trail.add(source, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    return undefined;
  }
  if (roleArn === undefined) {
    throw sourceFailed(
      search,
      source,
      "a web identity token file is set, AWS_ROLE_ARN and role_arn are not",
    );
  }
  const sessionName = search.env("AWS_ROLE_SESSION_NAME") ??
    settings?.get("role_session_name");
  return await assumeRoleWithToken(
    search,
    source,
    { roleArn, sessionName },
    tokenFile,
    { profile: settings, services: files?.services },
  );
}

async function fromContainer(
  search: Search,
  trail: Trail,
): Promise<Credentials | undefined> {
  const source = "container";
  demandEnv(search, source, CONTAINER_VARIABLES, "find the container");
  const found = await containerCredentials(search);
  if (found !== undefined) return found;
  trail.add(source, "no AWS_CONTAINER_CREDENTIALS_… variable is set");
  return undefined;
}

function advice(files: SharedFiles | undefined): string {
  const others = files !== undefined && files.profiles.size > 0 &&
      !files.profiles.has("default")
    ? `name a profile with --profile or AWS_PROFILE (${listProfiles(files)}), `
    : "";
  return `${others}run \`aws configure\`, \`aws sso login --profile NAME\` ` +
    "or `aws login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
}
