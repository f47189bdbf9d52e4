/**
 * The shared files, `~/.aws/config` and `~/.aws/credentials`: where they are
 * and what is in them.
 *
 * The format: AWS SDKs and Tools Reference Guide, "Shared config and
 * credentials files".
 *
 * @module
 */

import { type Need, notGranted } from "../../permissions.ts";
import {
  ConfigSyntaxError,
  parseConfig,
  type Section,
} from "./config_parser.ts";
import { followParents, type SharedPaths } from "./paths.ts";
import { Settings, UnclearFilesError } from "./settings.ts";
import { shellSplit } from "./shell_split.ts";

/** A profile as the two files make it up. */
export interface Profile {
  /** Both files' settings; the credentials file wins. */
  readonly settings: Settings;
  /** The settings that stand in the config file. */
  readonly inConfig: Settings;
  /** The settings that stand in the credentials file. */
  readonly inCredentials: Settings;
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

/** How many profiles an error lists. */
const MAX_LISTED = 20;

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

/** Where a profile is not, and which there are; completes "it is …". */
export function whereNot(files: SharedFiles): string {
  const { paths, ignored } = files;
  return [
    `neither in ${paths.config} nor in ${paths.credentials}`,
    listProfiles(files),
    ...ignored,
  ].join("; ");
}

/** Which profiles there are, for a person who named another. */
export function listProfiles({ profiles }: SharedFiles): string {
  const names = [...profiles.keys()].sort();
  if (names.length === 0) return "there are no profiles";
  const more = names.length - MAX_LISTED;
  return `there are: ${names.slice(0, MAX_LISTED).join(", ")}${
    more > 0 ? ` and ${more} more` : ""
  }`;
}
