/**
 * The shared files, `~/.aws/config` and `~/.aws/credentials`: where they are
 * and what is in them.
 *
 * The format: AWS SDKs and Tools Reference Guide, "Shared config and
 * credentials files".
 *
 * @module
 */

import {
  ConfigSyntaxError,
  type Option,
  parseConfig,
  type Section,
} from "./config_parser.ts";
import { type Need, notGranted } from "../../permissions.ts";
import {
  lacking,
  type ReadEnv,
  UnclearFilesError,
} from "../credentials/search.ts";
import { shellSplit } from "./shell_split.ts";

/** A setting, and where it stands. */
export interface Setting extends Option {
  /** The file. */
  readonly path: string;
}

/** The settings of a profile or another section, names in lower case. */
export class Settings {
  readonly #settings: ReadonlyMap<string, Setting>;

  constructor(settings: Iterable<readonly [string, Setting]> = []) {
    this.#settings = new Map(settings);
  }

  /** A setting with its place. */
  find(name: string): Setting | undefined {
    return this.#settings.get(name);
  }

  /** Whether it is set, be it to nothing. */
  has(name: string): boolean {
    return this.#settings.has(name);
  }

  /**
   * What a setting says, be it nothing.
   *
   * @throws {UnclearFilesError} It has settings of its own in place of a text.
   */
  get(name: string): string | undefined {
    const setting = this.#settings.get(name);
    if (setting === undefined) return undefined;
    const { value } = setting;
    if (typeof value === "string") return value;
    throw new UnclearFilesError(
      "shared files",
      `${placeOf(setting)}: ${name} has settings indented under it where its ` +
        "value belongs",
    );
  }

  /** The settings nested in one (`s3 =`), names as they are written. */
  nested(name: string): ReadonlyMap<string, string> | undefined {
    const value = this.#settings.get(name)?.value;
    return typeof value === "string" ? undefined : value;
  }

  /** Where a setting stands: the file and the line. */
  origin(name: string): string | undefined {
    const setting = this.#settings.get(name);
    return setting === undefined ? undefined : placeOf(setting);
  }

  /** These, with another's before them. */
  under(other: Settings): Settings {
    return new Settings([...this.#settings, ...other.#settings]);
  }

  /** The names of all of them. */
  names(): string[] {
    return [...this.#settings.keys()];
  }
}

/** A profile as the two files make it up. */
export interface Profile {
  /** Both files' settings; the credentials file wins. */
  readonly settings: Settings;
  /** The settings that stand in the config file. */
  readonly inConfig: Settings;
  /** The settings that stand in the credentials file. */
  readonly inCredentials: Settings;
}

/** Where the shared files are. */
export interface SharedPaths {
  readonly config: string;
  readonly credentials: string;
}

/** What the shared files say. */
export interface SharedFiles {
  readonly paths: SharedPaths;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly ssoSessions: ReadonlyMap<string, Settings>;
  readonly services: ReadonlyMap<string, Settings>;
  /** The files that are there. */
  readonly present: readonly string[];
  /** Sections of the config file that are none of these, a sentence each. */
  readonly ignored: readonly string[];
  /** Permissions without which a file could not be looked at. */
  readonly missing: readonly Need[];
}

const NOTHING = new Settings();

/**
 * Variables that name the profile. The first that is set counts: the AWS CLI's
 * order.
 */
export const PROFILE_VARIABLES: readonly string[] = [
  "AWS_DEFAULT_PROFILE",
  "AWS_PROFILE",
];

/** The profile that a variable names. */
export function profileOfEnv(env: ReadEnv): string | undefined {
  return PROFILE_VARIABLES.map((name) => env(name)).find((name) => name);
}

/** The home directory, found as the AWS CLI finds it. */
export function homeDirectory(
  env: ReadEnv,
  os: typeof Deno.build.os = Deno.build.os,
): string | undefined {
  if (os === "windows") {
    const home = env("USERPROFILE") ?? env("HOME");
    if (home !== undefined) return home;
    const path = env("HOMEPATH");
    if (path !== undefined) return `${env("HOMEDRIVE") ?? "C:\\"}${path}`;
  } else {
    const home = env("HOME");
    if (home !== undefined) return home;
  }
  const need: Need = { kind: "sys", value: "homedir", why: "find the home" };
  if (notGranted([need]).length > 0) return undefined;
  // Loaded where it is needed: most systems have HOME.
  return process.getBuiltinModule("node:os").homedir();
}

/**
 * Where the shared files are, or `undefined` if there is no home to look in.
 * In the variables that name them `$NAME`, `${NAME}` and a `~` count.
 */
export function sharedPaths(env: ReadEnv): SharedPaths | undefined {
  const config = expandPath(env("AWS_CONFIG_FILE") ?? "~/.aws/config", env);
  const credentials = expandPath(
    env("AWS_SHARED_CREDENTIALS_FILE") ?? "~/.aws/credentials",
    env,
  );
  return config === undefined || credentials === undefined
    ? undefined
    : { config, credentials };
}

/** The variables that stand in the paths of the variables for the files. */
export function pathVariables(env: ReadEnv): string[] {
  const paths = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
  return paths.flatMap((name) =>
    [...(env(name) ?? "").matchAll(VARIABLE)].map(variableName)
  );
}

/** As Python's `os.path.expandvars`: a variable that is not set stays. */
const VARIABLE = Deno.build.os === "windows"
  ? /\$(?:(\w+)|\{([^}]{0,256})\})|%([^%]+)%/g
  : /\$(?:(\w+)|\{([^}]{0,256})\})/g;

const [OWN_HOME, FINAL_SLASH] = Deno.build.os === "windows"
  ? [/^~(?:$|[/\\])/, /(?<![/\\])[/\\]+$/]
  : [/^~(?:$|\/)/, /(?<!\/)\/+$/];

function variableName(match: readonly (string | undefined)[]): string {
  return match[1] ?? match[2] ?? match[3] ?? "";
}

/** A path with its variables and its `~` in place; none without a home. */
export function expandPath(path: string, env: ReadEnv): string | undefined {
  const expanded = path.replace(
    VARIABLE,
    (text, ...groups) => env(variableName([text, ...groups])) ?? text,
  );
  if (!OWN_HOME.test(expanded)) return expanded;
  const home = homeDirectory(env)?.replace(FINAL_SLASH, "");
  return home === undefined ? undefined : home + expanded.slice(1);
}

/**
 * A path whose `..` are followed as the system follows them, which after a link
 * is not the directory above in the text: Deno would take that.
 *
 * @throws {UnclearFilesError} What is before a `..` may not be read, or is not
 * there.
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
  let above: string;
  try {
    const real = Deno.realPathSync(before);
    above = real.slice(0, real.lastIndexOf("/"));
  } catch {
    const what = `${path}: ${before} cannot be followed: write the path out`;
    throw new UnclearFilesError("shared files", what);
  }
  return followParents(above + path.slice(parent.index + 2));
}

/**
 * Reads both files, as far as they are there and may be read.
 *
 * @param paths Where they are.
 * @param see Told of each file before it is read.
 * @returns What they say.
 * @throws {UnclearFilesError} One is there that cannot be read or understood.
 */
export async function readSharedFiles(
  { config: configPath, credentials: credentialsPath }: SharedPaths,
  see: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<SharedFiles> {
  const paths: SharedPaths = {
    config: followParents(configPath),
    credentials: followParents(credentialsPath),
  };
  const missing = notGranted(fileNeeds(paths));
  const read = async (path: string): Promise<Sections | undefined> => {
    if (missing.some(({ value }) => value === path)) return undefined;
    await see(path);
    return await readSections(path);
  };
  const [config, credentials] = await Promise.all([
    read(paths.config),
    read(paths.credentials),
  ]);
  const sorted = sortSections(config ?? new Map(), paths.config);
  const profiles = new Map<string, Profile>();
  const own = new Map(
    [...credentials ?? []].map((
      [name, section],
    ) => [name, settingsOf(section, paths.credentials)]),
  );
  for (const name of [...sorted.profiles.keys(), ...own.keys()]) {
    const inConfig = sorted.profiles.get(name) ?? NOTHING;
    const inCredentials = own.get(name) ?? NOTHING;
    const settings = inConfig.under(inCredentials);
    profiles.set(name, { settings, inConfig, inCredentials });
  }
  return {
    paths,
    profiles,
    ssoSessions: sorted.ssoSessions,
    services: sorted.services,
    present: [
      ...config === undefined ? [] : [paths.config],
      ...credentials === undefined ? [] : [paths.credentials],
    ],
    ignored: sorted.ignored,
    missing,
  };
}

/** The permissions for that. */
export function fileNeeds({ config, credentials }: SharedPaths): Need[] {
  const why = "read the shared AWS files";
  return [...new Set([config, credentials].map(followParents))]
    .map((value) => ({ kind: "read", value, why }));
}

type Sections = ReadonlyMap<string, Section>;

/** What is no file counts as not there, as for the AWS CLI. */
async function readSections(path: string): Promise<Sections | undefined> {
  if (path.startsWith("~")) {
    throw new UnclearFilesError(
      "shared files",
      `${path}: the home of another user is not looked up: write it out`,
    );
  }
  try {
    if (!(await Deno.stat(path)).isFile) return undefined;
    return parseConfig(await Deno.readFile(path));
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isAbsent) return undefined;
    const [line, what] = error instanceof ConfigSyntaxError
      ? [` line ${error.line}`, error.message]
      : [
        "",
        `cannot be read (${error instanceof Error ? error.name : "Error"})`,
      ];
    throw new UnclearFilesError("shared files", `${path}${line}: ${what}`);
  }
}

/** The config file's sections by kind: `[profile x]`, `[sso-session x]`, … */
function sortSections(
  sections: Sections,
  path: string,
): Record<"profiles" | "ssoSessions" | "services", Map<string, Settings>> & {
  ignored: string[];
} {
  const kinds = {
    profiles: new Map<string, Settings>(),
    ssoSessions: new Map<string, Settings>(),
    services: new Map<string, Settings>(),
  };
  const ignored: string[] = [];
  for (const [title, section] of sections) {
    const settings = settingsOf(section, path);
    const kind = title.startsWith("profile")
      ? "profiles"
      : title.startsWith("sso-session")
      ? "ssoSessions"
      : title.startsWith("services")
      ? "services"
      : undefined;
    const name = kind === undefined ? undefined : nameIn(title);
    if (title === "default") kinds.profiles.set(title, settings);
    else if (kind !== undefined && name !== undefined) {
      kinds[kind].set(name, settings);
    } else {
      ignored.push(
        `${path} line ${section.line}: [${title}] is no profile there, write ` +
          `[profile ${kind === "profiles" ? "'NAME'" : title}]`,
      );
    }
  }
  return { ...kinds, ignored };
}

/** The name in `profile NAME`; quotes count as in a shell. */
function nameIn(title: string): string | undefined {
  try {
    const words = shellSplit(title);
    return words.length === 2 ? words[1] : undefined;
  } catch {
    return undefined;
  }
}

function settingsOf({ options }: Section, path: string): Settings {
  return new Settings(
    [...options].map(([name, option]) => [name, { ...option, path }]),
  );
}

function placeOf({ path, line }: Setting): string {
  return `${path} line ${line}`;
}
