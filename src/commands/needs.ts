/**
 * The Deno permissions that the proxy needs for one target and one source of
 * credentials, and no more.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { type LowerSource, sourceOrder } from "../aws/credentials/chain.ts";
import { SDK_ENV_PATTERN } from "../aws/credentials/environment.ts";
import {
  expandPath,
  homeDirectory,
  pathVariables,
  profileOfEnv,
  readSharedFiles,
  type Settings,
  type SharedFiles,
  type SharedPaths,
  sharedPaths,
} from "../aws/shared_files/shared_files.ts";
import { environmentDecides } from "../aws/credentials/sources/keys.ts";
import { flagsFor, type Need } from "../aws/credentials/permissions.ts";
import { splitCommand } from "../aws/credentials/sources/process.ts";
import { profileWay } from "../aws/credentials/sources/profile.ts";
import { UnclearFilesError } from "../aws/credentials/search.ts";
import { oneRegion, partitionOf } from "../aws/partition.ts";
import {
  type EndpointSettings,
  serviceUrl,
} from "../aws/credentials/sources/service_endpoint.ts";
import type { Config } from "../config/config.ts";
import { PROXY_VARIABLES } from "../net/proxy_variables.ts";
import type { CommandContext } from "./context.ts";
import { listenNeeds } from "../http/listen_needs.ts";
import { hostAndPort } from "./caller.ts";

/** What the proxy itself reads of the environment. */
const ENV_NAMES: readonly string[] = [
  "AWS_*",
  "MCP_*",
  "HOME",
  ...PROXY_VARIABLES,
];

/** Where Windows has the home directory. */
const WINDOWS_ENV_NAMES: readonly string[] = [
  "USERPROFILE",
  "HOMEPATH",
  "HOMEDRIVE",
];

const METADATA_HOST = "169.254.169.254:80";

/** How many profiles a chain of roles is followed through. */
const MAX_CHAIN = 10;

type Where = Pick<CommandContext, "env" | "os">;

/**
 * Finds what the proxy needs.
 *
 * @param config What it is to do.
 * @param where Whose environment and system it runs in.
 * @param options `hereOnly`: leave out the shared files if the keys are in
 * this very environment, which another one may not have.
 * @returns The permissions, each with what it is wanted for. Files that may
 * not be read are taken to say nothing.
 */
export async function findNeeds(
  config: Config,
  where: Where,
  { hereOnly = false }: { hereOnly?: boolean } = {},
): Promise<Need[]> {
  const { env, os } = where;
  const needs: Need[] = [
    net(hostAndPort(config.targetUrl), "reach the target"),
    ...envNeeds([
      ...ENV_NAMES,
      ...(os === "windows" ? WINDOWS_ENV_NAMES : []),
      ...config.variables.filter((name) => !/^(?:AWS|MCP)_/.test(name)),
      ...pathVariables(env).filter((name) => !name.startsWith("AWS_")),
    ]),
    ...optionFiles(config),
    ...(config.listen ? await listenNeeds(config.listen, where) : []),
  ];
  if (config.assumeRole !== undefined) {
    needs.push(...stsNeeds(env, config.region));
  }
  const paths = sharedPaths(env);
  if (
    paths !== undefined &&
    !(hereOnly && environmentDecides(config.profile, env))
  ) {
    needs.push(...fileNeeds(paths));
  }
  const profiles = config.profiles.length > 0
    ? config.profiles
    : [config.profile];
  for (const profile of profiles) {
    needs.push(...await sourceNeeds({ ...config, profile }, env, paths));
  }
  return unique(needs);
}

/** The files that options name. */
function optionFiles(config: Config): Need[] {
  const { headerFile, caCert, caBundle, clientCert, clientKey } = config;
  return [headerFile, caCert, caBundle, clientCert, clientKey]
    .filter((path) => path !== undefined)
    .map((path) => ({
      kind: "read",
      value: resolve(path),
      why: "read the files that options name",
    }));
}

/**
 * The command line flags that grant permissions.
 *
 * @param needs The permissions.
 * @returns Flags for `deno run`, one a kind, with `--no-prompt` before them.
 * What they cannot name exactly, {@linkcode commaNotes} tells.
 */
export function permissionFlags(needs: readonly Need[]): string[] {
  const kinds: readonly Need["kind"][] = [
    "net",
    "env",
    "read",
    "write",
    "run",
    "sys",
  ];
  const ordered = kinds.flatMap((kind) =>
    needs.filter((need) => need.kind === kind)
  );
  return ["--no-prompt", ...flagsFor(ordered)];
}

/** What the first source needs that is configured, in the program's order. */
async function sourceNeeds(
  config: Config,
  env: Where["env"],
  paths: SharedPaths | undefined,
): Promise<Need[]> {
  if (environmentDecides(config.profile, env)) return [];
  const name = config.profile ?? profileOfEnv(env);
  try {
    const files = paths === undefined
      ? undefined
      : await readSharedFiles(paths);
    const order = sourceOrder({
      isExplicit: config.profile !== undefined,
      isNamed: name !== undefined,
      profile: files?.profiles.get(name ?? "default"),
    });
    for (const source of order) {
      const found = neededBy[source](config, env, files);
      if (found !== undefined) return found;
    }
    return [];
  } catch (error) {
    // The proxy gets no further than to read them.
    if (error instanceof UnclearFilesError) return [];
    throw error;
  }
}

type NeededBy = (
  config: Config,
  env: Where["env"],
  files: SharedFiles | undefined,
) => Need[] | undefined;

/** What each source needs; `undefined`: it is not configured. */
const neededBy: Readonly<Record<LowerSource, NeededBy>> = {
  "web identity"(config, env, files) {
    // What the environment does not say of it, the profile may.
    const name = config.profile ?? profileOfEnv(env) ?? "default";
    const settings = files?.profiles.get(name)?.settings;
    const tokenFile = env("AWS_WEB_IDENTITY_TOKEN_FILE") ||
      settings?.get("web_identity_token_file");
    const region = settings?.get("region") || config.region;
    return tokenFile ? tokenNeeds(env, region, tokenFile) : undefined;
  },
  profile(config, env, files) {
    const name = config.profile ?? profileOfEnv(env) ?? "default";
    return files && profileNeeds(config, env, files, name);
  },
  container: (_config, env) => containerNeeds(env),
  instance: (_config, env) => instanceNeeds(env),
};

/** `undefined`: the profile says nothing of credentials. */
function profileNeeds(
  config: Config,
  env: Where["env"],
  files: SharedFiles,
  name: string,
  depth = 0,
): Need[] | undefined {
  const profile = files.profiles.get(name);
  if (profile === undefined || depth > MAX_CHAIN) return undefined;
  const { settings } = profile;
  const text = (setting: string) => settings.get(setting) ?? "";
  const region = settings.get("region") || config.region;
  switch (profileWay(profile, depth > 0)) {
    case "role": {
      const from = settings.get("source_profile");
      const base = from === undefined
        ? credentialSourceNeeds(settings.get("credential_source"), env)
        : profileNeeds(config, env, files, from, depth + 1);
      return [...stsNeeds(env, region), ...base ?? []];
    }
    case "web identity":
      return tokenNeeds(env, region, text("web_identity_token_file"));
    case "SSO":
      return ssoNeeds(settings, files, env, config.region);
    case "login":
      return loginNeeds(settings, files, env, region);
    case "credential process":
      return programNeeds(text("credential_process"));
    case "credentials file":
    case "config file":
      return [];
    case undefined:
      return undefined;
  }
}

function credentialSourceNeeds(
  kind: string | undefined,
  env: Where["env"],
): Need[] {
  if (kind === "EcsContainer") return containerNeeds(env) ?? [];
  return kind === "Ec2InstanceMetadata" ? instanceNeeds(env) : [];
}

function ssoNeeds(
  settings: Settings,
  files: SharedFiles,
  env: Where["env"],
  fallback: string,
): Need[] {
  const session = settings.get("sso_session");
  const shared = session === undefined
    ? undefined
    : files.ssoSessions.get(session);
  const region = shared?.get("sso_region") ?? settings.get("sso_region") ??
    fallback;
  const endpoints = { profile: settings, services: files.services };
  return [
    ...serviceNeeds(env, "SSO", region, endpoints),
    ...serviceNeeds(env, "SSO_OIDC", region, endpoints),
    ...cacheNeeds(inHome(env, "sso", "cache")),
  ];
}

function loginNeeds(
  settings: Settings,
  files: SharedFiles,
  env: Where["env"],
  region: string,
): Need[] {
  const given = env("AWS_LOGIN_CACHE_DIRECTORY");
  const cache = given ? expandPath(given, env) : inHome(env, "login", "cache");
  const endpoints = { profile: settings, services: files.services };
  return [
    ...serviceNeeds(env, "SIGNIN", oneRegion(region), endpoints),
    ...cacheNeeds(cache),
  ];
}

function serviceNeeds(
  env: Where["env"],
  service: "SSO" | "SSO_OIDC" | "SIGNIN",
  region: string,
  endpoints: EndpointSettings,
): Need[] {
  try {
    const url = serviceUrl(env, service, region, endpoints);
    return [net(hostAndPort(url), "use the session's token")];
  } catch {
    // The proxy gets no further than to say that it is no URL.
    return [];
  }
}

function cacheNeeds(cache: string | undefined): Need[] {
  if (cache === undefined) return [];
  return [
    { kind: "read", value: cache, why: "read the session's token" },
    { kind: "write", value: cache, why: "keep the renewed token" },
  ];
}

function programNeeds(command: string): Need[] {
  const [program] = wordsOf(command);
  if (program === undefined || program === "") return [];
  return [
    {
      kind: "run",
      value: program,
      why: "run the profile's credential_process",
    },
  ];
}

/** Nothing is run that cannot be split. */
function wordsOf(command: string): string[] {
  try {
    return splitCommand(command);
  } catch {
    return [];
  }
}

function tokenNeeds(
  env: Where["env"],
  region: string,
  tokenFile: string,
): Need[] {
  return [
    { kind: "read", value: tokenFile, why: "read the web identity token" },
    ...stsNeeds(env, region),
  ];
}

function stsNeeds(env: Where["env"], region: string): Need[] {
  const usual = `sts.${oneRegion(region)}.${partitionOf(region).domain}`;
  return [
    ...sdkNeeds(),
    net(hostOf(env, "AWS_ENDPOINT_URL_STS", usual), "assume the role"),
  ];
}

/** `undefined`: the program runs in no container that says so. */
function containerNeeds(env: Where["env"]): Need[] | undefined {
  const full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const url = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    ? URL.parse("http://169.254.170.2/")
    : URL.parse(full ?? "");
  if (url === null) return undefined;
  const tokenFile = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  return [
    net(hostAndPort(url), "ask the container's endpoint"),
    ...(tokenFile
      ? [
        {
          kind: "read",
          value: tokenFile,
          why: "ask the container's endpoint",
        } as const,
      ]
      : []),
  ];
}

function instanceNeeds(env: Where["env"]): Need[] {
  if (env("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true") return [];
  const given = URL.parse(env("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "");
  const host = given === null ? METADATA_HOST : hostAndPort(given);
  return [net(host, "ask the instance's metadata service")];
}

/** What the AWS SDK reads as soon as a source goes through it. */
function sdkNeeds(): Need[] {
  return envNeeds(SDK_ENV_PATTERN.split(","));
}

function envNeeds(names: readonly string[]): Need[] {
  return names.map((value) => ({
    kind: "env",
    value,
    why: "read the configuration",
  }));
}

function fileNeeds({ config, credentials }: SharedPaths): Need[] {
  return [config, credentials].filter((path) => path !== "").map((path) => ({
    kind: "read",
    // A flag that is kept is read in another directory.
    value: resolve(path),
    why: "read the shared AWS files",
  }));
}

function hostOf(env: Where["env"], variable: string, usual: string): string {
  const given = URL.parse(env(variable) || env("AWS_ENDPOINT_URL") || "");
  return given === null ? `${usual}:443` : hostAndPort(given);
}

function net(value: string, why: string): Need {
  return { kind: "net", value, why };
}

function inHome(env: Where["env"], ...parts: string[]): string | undefined {
  const home = homeDirectory(env);
  return home === undefined ? undefined : join(home, ".aws", ...parts);
}

function unique(needs: readonly Need[]): Need[] {
  const seen = new Map<string, Need>();
  for (const need of needs) {
    const key = `${need.kind} ${need.value}`;
    if (!seen.has(key)) seen.set(key, need);
  }
  return [...seen.values()];
}
