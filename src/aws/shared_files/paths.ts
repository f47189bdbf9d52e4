/** Where the shared files are, and which profile is meant. */

import { lacking, type Need, notGranted, readEnv } from "../../permissions.ts";
import { UnclearFilesError } from "./settings.ts";

/** Reads an environment variable; an empty one counts as not set. */
export type ReadEnv = (name: string) => string | undefined;

export function envReader(
  env?: (name: string) => string | undefined,
): ReadEnv {
  const read = env ?? ((name: string) => readEnv(name).value);
  return (name) => read(name) || undefined;
}

/** Tells which variables may not be read, where they are the process's own. */
export function hiddenEnvOf(
  env?: (name: string) => string | undefined,
): (names: readonly string[]) => string[] {
  return (names) =>
    env === undefined ? names.filter((name) => !readEnv(name).allowed) : [];
}

export interface SharedPaths {
  readonly config: string;
  readonly credentials: string;
}

/** The first that is set names the profile: the AWS CLI's order. */
export const PROFILE_VARIABLES: readonly string[] = [
  "AWS_DEFAULT_PROFILE",
  "AWS_PROFILE",
];

export const FILE_VARIABLES = [
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
] as const;

export function profileOfEnv(env: ReadEnv): string | undefined {
  return PROFILE_VARIABLES.map((name) => env(name)).find((name) => name);
}

/** The profile in use: the explicit one, that of a variable, `default`. */
export function profileName(
  { profile, env }: { readonly profile?: string; readonly env: ReadEnv },
): string {
  return profile ?? profileOfEnv(env) ?? "default";
}

/** The home directory, found as the AWS CLI finds it. */
export function homeDirectory(
  env: ReadEnv,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  const home = homeOfEnv(env, os);
  if (home !== undefined) return home;
  if (notGranted([HOME_NEED]).length > 0) return undefined;
  // Loaded where it is needed: most systems have HOME.
  return process.getBuiltinModule("node:os").homedir();
}

const HOME_NEED: Need = { kind: "sys", value: "homedir", why: "find the home" };

/** What finding it takes where no variable tells it. */
export function homeNeeds(env: ReadEnv): Need[] {
  return homeOfEnv(env, Deno.build.os) === undefined ? [HOME_NEED] : [];
}

/** The permission for a path; where it has no home, for finding that. */
export function pathNeed(need: Need): Need {
  return OWN_HOME.test(need.value) ? HOME_NEED : need;
}

function homeOfEnv(env: ReadEnv, os: string): string | undefined {
  const home = env("HOME") || undefined;
  if (os !== "windows") return home;
  const path = env("HOMEPATH");
  return env("USERPROFILE") || home ||
    (path ? `${env("HOMEDRIVE") || "C:\\"}${path}` : undefined);
}

/**
 * Where the shared files are. In the variables that name them `$NAME`, `${NAME}`
 * and a `~` count.
 */
export function sharedPaths(env: ReadEnv): SharedPaths {
  const [config, credentials] = ["~/.aws/config", "~/.aws/credentials"]
    .map((usual, at) => expandPath(env(FILE_VARIABLES[at]) || usual, env));
  return { config, credentials };
}

/** The variables that stand in the paths of the variables for the files. */
export function pathVariables(env: ReadEnv): string[] {
  return FILE_VARIABLES.flatMap((name) =>
    [...(env(name) ?? "").matchAll(VARIABLE)].map(variableName)
  );
}

/** As Python's `os.path.expandvars`: a variable that is not set stays. */
const VARIABLE = Deno.build.os === "windows"
  ? /\$(?:(\w+)|\{([^}]{0,256})\})|%([^%]+)%/g
  : /\$(?:(\w+)|\{([^}]{0,256})\})/g;

export const [OWN_HOME, FINAL_SLASH] = Deno.build.os === "windows"
  ? [/^~(?:$|[/\\])/, /(?<![/\\])[/\\]+$/]
  : [/^~(?:$|\/)/, /(?<!\/)\/+$/];

function variableName(match: readonly (string | undefined)[]): string {
  return match[1] ?? match[2] ?? match[3] ?? "";
}

/** A path with its variables in place, and its `~` if there is a home. */
export function expandPath(path: string, env: ReadEnv): string {
  const expanded = path.replace(
    VARIABLE,
    (text, ...groups) => env(variableName([text, ...groups])) ?? text,
  );
  if (!OWN_HOME.test(expanded)) return expanded;
  const home = homeDirectory(env)?.replace(FINAL_SLASH, "") ?? "~";
  return home + expanded.slice(1);
}

/**
 * A path whose `..` are followed as the system follows them, which after a link
 * is not the directory above in the text: Deno would take that.
 */
export function followParents(path: string): string {
  const parent = /(?<=^|\/)\.\.(?=\/|$)/.exec(path);
  if (parent === null || Deno.build.os === "windows") return path;
  const before = path.slice(0, parent.index) || ".";
  const why = `follow the .. in ${path}`;
  const missing = notGranted([{ kind: "read", value: before, why }]);
  if (missing.length > 0) {
    throw new UnclearFilesError("shared files", lacking(missing));
  }
  let real: string;
  try {
    real = Deno.realPathSync(before);
  } catch {
    const what = `${path}: ${before} cannot be followed: write the path out`;
    throw new UnclearFilesError("shared files", what);
  }
  const above = real.slice(0, real.lastIndexOf("/"));
  return followParents(above + path.slice(parent.index + 2));
}
