/**
 * The order in which sources are asked after the keys of the environment: a
 * role of the profile, the environment's web identity, the rest of the shared
 * files, the container, the instance. The first that is configured decides; if
 * it fails, that is the error.
 *
 * A profile asked for outright comes before the keys and the web identity of
 * the environment; one that AWS_PROFILE names does not. Both as in the AWS CLI.
 */

import { CredentialsError } from "../../errors.ts";
import { flagsFor, lacking, type Need } from "../../permissions.ts";
import type { Naming } from "../../naming.ts";
import {
  FILE_VARIABLES,
  homeNeeds,
  pathVariables,
  PROFILE_VARIABLES,
  profileName,
  profileOfEnv,
  sharedPaths,
} from "../shared_files/paths.ts";
import { FAILED } from "../shared_files/settings.ts";
import {
  fileNeeds,
  listProfiles,
  type Profile,
  readSharedFiles,
  type SharedFiles,
} from "../shared_files/shared_files.ts";
import { type Choice, choiceOf, demandNoLess } from "./choice.ts";
import { type Found, noRole, type Search, type SourceQuery } from "./search.ts";
import {
  CONTAINER_VARIABLES,
  containerCredentials,
  containerNeeds,
  instanceCredentials,
  instanceNeeds,
} from "./sources/machine.ts";
import { environmentDecides } from "./sources/keys.ts";
import {
  profileCredentials,
  profileNeeds,
  profileWay,
  WAYS,
} from "./sources/profile.ts";
import { assumeRole, roleNeeds, TOKEN_SAYS } from "./sources/role.ts";
import type { Credentials } from "./types.ts";

const SOURCE_VARIABLES = {
  "web identity": ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"],
  "container": CONTAINER_VARIABLES,
} as const;

/** The sources there: how each is asked, and the permissions for that. */
const LOWER_SOURCES = {
  "web identity": { load: fromWebIdentity, needs: webIdentityNeeds },
  "profile": {
    load: fromProfile,
    needs: (query: SourceQuery) =>
      query.files && profileNeeds(query, query.files, profileName(query)),
  },
  "container": { load: containerCredentials, needs: containerNeeds },
  "instance": { load: instanceCredentials, needs: instanceNeeds },
};

interface Attempt {
  readonly source: string;
  readonly outcome: string;
}

/**
 * Asks the sources below the keys of the environment in their order.
 *
 * @param attempts What was asked before; it is told if nothing is found.
 * @param earlier The source of an earlier search: it is not left for another
 * one while a shared file is empty or cut.
 */
export async function findBelowEnvironment(
  search: Search,
  attempts: Attempt[],
  earlier?: Choice,
): Promise<{ credentials: Credentials; origin: string; choice: Choice }> {
  const files = await openFiles({ ...search, source: "shared files" });
  const { missing } = files;
  if (missing.length > 0) {
    attempts.push({ source: "shared files", outcome: lacking(missing) });
  }
  const name = profileName(search);
  const profile = files.profiles.get(name);
  const order = sourceOrder(search, profile);
  const isWeb = order[0] === "web identity" && hasWebIdentity(search);
  const choice = choiceOf(files, name, isWeb ? search.env : undefined);
  if (earlier !== undefined) {
    const source = `profile "${name}"`;
    demandNoLess({ ...search, source }, files, earlier, choice);
  }

  const here = { ...search, files, settings: profile?.settings };
  for (const source of order) {
    const of = { ...here, source };
    const found = await LOWER_SOURCES[source].load(of);
    if (typeof found === "object") {
      demandRole(of, profile);
      return { credentials: found, origin: originOf(of, profile), choice };
    }
    const told = source === "profile" ? "shared files" : source;
    if (found !== undefined) attempts.push({ source: told, outcome: found });
  }
  // Of files that may not be read, nobody knows what is there.
  const configured = isNamed(search) || missing.length > 0 ||
    search.env("AWS_SECRET_ACCESS_KEY") !== undefined;
  const tried = attempts.map(({ source, outcome }) => `${source}: ${outcome}`);
  const flags = missing.length > 0 && { flags: flagsFor(missing) };
  throw new CredentialsError(
    `${FAILED}: none found (${tried.join("; ")}); ${advice(files, search)}`,
    { data: { sources: attempts, configured, ...flags } },
  );
}

/** What is to be bound is the session of a role that is assumed here. */
function demandRole(search: Search, profile?: Profile): void {
  if (search.session === undefined) return;
  const ways = [search.source, profile && profileWay(profile)];
  const isRole = ways.includes("role") || ways.includes("web identity");
  if (!isRole) throw noRole(search);
}

/** What names the source: the variable, or the profile's setting and line. */
function originOf(search: Search, profile?: Profile): string {
  const isProfile = search.source === "profile";
  const source = isProfile ? `profile "${profileName(search)}"` : search.source;
  search.log.debug("credentials found", { source });
  const variable = Object.entries(SOURCE_VARIABLES)
    .find(([name]) => name === source)?.[1]
    .find((name) => search.env(name) !== undefined);
  if (variable !== undefined) return variable;
  const way = profile && profileWay(profile);
  const setting = way &&
    WAYS[way].settings.find((name) => profile.settings.has(name));
  return setting === undefined
    ? source
    : `${source}, ${setting} (${profile?.settings.origin(setting)})`;
}

function sourceOrder(
  query: SourceQuery,
  profile: Profile | undefined,
): readonly (keyof typeof LOWER_SOURCES)[] {
  const host = ["container", "instance"] as const;
  // A profile that was named has to be there, and its role comes first.
  const isFirst = profile === undefined
    ? isNamed(query)
    : profileWay(profile) === "role";
  return query.profile !== undefined || isFirst
    ? ["profile", ...host]
    : ["web identity", "profile", ...host];
}

/** Whether somebody named the profile: then it has to be there. */
function isNamed({ profile, env }: SourceQuery): boolean {
  return (profile ?? profileOfEnv(env)) !== undefined;
}

async function openFiles(search: Search): Promise<SharedFiles> {
  if (search.profile === undefined) {
    search.demandEnv(PROFILE_VARIABLES, "find the profile");
  }
  const why = "find the shared AWS files";
  search.demandEnv(FILE_VARIABLES, why);
  search.demandEnv(pathVariables(search.env), why);
  const paths = sharedPaths(search.env);
  const files = await readSharedFiles(paths, (path) => search.watch.see(path));
  const { missing } = files;
  if (missing.length === 0) return files;
  // One file alone could say less than both. Who allows neither leaves them
  // out, unless a variable names one.
  const isOneReadable = missing.length < new Set(Object.values(paths)).size;
  const isMeant = isNamed(search) || FILE_VARIABLES.some(search.env);
  if (isMeant || isOneReadable) throw search.notPermitted(missing);
  return files;
}

async function fromProfile(search: Search): Promise<Found | undefined> {
  const { files } = search;
  if (files === undefined || files.missing.length > 0) return undefined;
  const name = profileName(search);
  const { paths, present, ignored } = files;
  const none = (what: string) =>
    search.redactor.redact([what, ...ignored].join(", "));
  if (!isNamed(search) && !files.profiles.has(name)) {
    return none(
      present.length === 0
        ? `neither ${paths.config} nor ${paths.credentials} is there`
        : `no profile "default" in ${present.join(" and ")}`,
    );
  }
  return await profileCredentials({ ...search, files }, name) ??
    none(`profile "${name}" says nothing of credentials`);
}

/** What the environment does not say of a web identity, the profile may. */
function webIdentity({ env, settings }: SourceQuery) {
  const [tokenFile, roleArn] = ["web_identity_token_file", "role_arn"].map(
    (name) =>
      env(`AWS_${name.toUpperCase()}`) ?? (settings?.get(name) || undefined),
  );
  return { tokenFile, roleArn };
}

/** Whether the environment names a token; without it, it may be a profile. */
function hasWebIdentity(search: Search): boolean {
  const of = { ...search, source: "web identity" };
  of.demandEnv(SOURCE_VARIABLES["web identity"], "find a web identity");
  return search.env("AWS_WEB_IDENTITY_TOKEN_FILE") !== undefined;
}

async function fromWebIdentity(search: Search): Promise<Found> {
  const { tokenFile, roleArn } = webIdentity(search);
  if (tokenFile === undefined) return "AWS_WEB_IDENTITY_TOKEN_FILE is not set";
  if (roleArn === undefined) {
    const what = "a web identity token file is set, AWS_ROLE_ARN and role_arn";
    throw search.failed(`${what} are not`);
  }
  const sessionName = search.env("AWS_ROLE_SESSION_NAME") ??
    search.settings?.get("role_session_name");
  const { session } = search;
  return await assumeRole(search, { roleArn, sessionName, session }, tokenFile);
}

/**
 * Why who stands behind a session cannot be told to AWS: a web identity comes
 * first. What cannot be read of the shared files is left to the search.
 */
export async function namingFault(
  query: SourceQuery,
): Promise<string | undefined> {
  if (environmentDecides(query.profile, query.env)) return undefined;
  const { way, order: [first] } = await orderOf(query)
    .catch(() => ({ way: undefined, order: [] }));
  const isFirst = first === "web identity" &&
    query.env("AWS_WEB_IDENTITY_TOKEN_FILE") !== undefined;
  return isFirst || way === "web identity" ? TOKEN_SAYS : undefined;
}

/** The order in which sources come, by the files as they are. */
async function orderOf(query: SourceQuery) {
  const files = await readSharedFiles(sharedPaths(query.env));
  const profile = files.profiles.get(profileName(query));
  const order = sourceOrder(query, profile);
  const way = profile && profileWay(profile);
  return { files, settings: profile?.settings, order, way };
}

function webIdentityNeeds(query: SourceQuery): Need[] | undefined {
  const { tokenFile, roleArn = "" } = webIdentity(query);
  return tokenFile === undefined
    ? undefined
    : roleNeeds(query, { roleArn }, tokenFile);
}

function advice(
  files: SharedFiles,
  { names: { profile } }: Naming,
): string {
  const hasOthers = files.profiles.size > 0 && !files.profiles.has("default");
  const others = hasOthers
    ? `name a profile with ${profile} or AWS_PROFILE (${listProfiles(files)}), `
    : "";
  return `${others}run \`aws configure\`, \`aws sso login --profile NAME\` ` +
    "or `aws login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
}

/**
 * The permissions that credentials need: those of the first source that is
 * configured. Nothing is asked for them, and files that may not be read are
 * taken to say nothing.
 *
 * @param options `hereOnly`: leave out the shared files if the keys are in
 * this very environment, which another one may not have.
 */
export async function credentialNeeds(
  query: SourceQuery & { readonly roles?: readonly string[] },
  { hereOnly = false }: { hereOnly?: boolean } = {},
): Promise<Need[]> {
  const { env, profile, region, roles = [] } = query;
  const isDecided = environmentDecides(profile, env);
  const needs = pathVariables(env).map((value): Need => (
    { kind: "env", value, why: "find the shared AWS files" }
  ));
  // The proxy gets no further than to read them.
  const nothing = () => undefined;
  const { files, settings, order = [] } = await orderOf(query).catch(nothing) ??
    {};
  const saysWhere = roles.length > 0 && settings !== undefined;
  if (!hereOnly || !isDecided || saysWhere) {
    needs.push(...homeNeeds(env), ...fileNeeds(sharedPaths(env)));
  }
  const here = { ...query, files, settings };
  const sources = isDecided ? [] : order.values();
  const own = await Promise.try(() => [
    ...roles.flatMap((roleArn) => roleNeeds(here, { roleArn, region })),
    ...sources.map((source) => LOWER_SOURCES[source].needs(here))
      .find((needs) => needs !== undefined) ?? [],
  ]).catch(nothing);
  return [...needs, ...own ?? []];
}
