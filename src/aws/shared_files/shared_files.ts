/**
 * The shared files, `~/.aws/config` and `~/.aws/credentials`: where they are
 * and what is in them.
 *
 * The format: AWS SDKs and Tools Reference Guide, "Shared config and
 * credentials files".
 */

import { type Need, notGranted } from "../../permissions.ts";
import { parseConfig, type Section } from "./config_parser.ts";
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
 * Reads both files, as far as they are there and may be read. `see` is told of
 * each before.
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
  const ignored: string[] = [];
  const kinds: Record<string, Map<string, Settings>> = {
    profile: new Map(),
    "sso-session": new Map(),
    services: new Map(),
  };
  for (const [title, { settings, line }] of config ?? []) {
    const isDefault = title === "default";
    const kind = isDefault
      ? "profile"
      : Object.keys(kinds).find((kind) => title.startsWith(kind));
    const name = isDefault ? title : nameIn(title);
    if (kind !== undefined && name !== undefined) {
      kinds[kind].set(name, settings);
      continue;
    }
    ignored.push(
      `${paths.config} line ${line}: [${title}] is no profile there, write ` +
        `[profile ${kind === "profile" ? "'NAME'" : title}]`,
    );
  }
  const profiles = new Map<string, Profile>();
  const own = credentials ?? new Map<string, Section>();
  for (const name of [...kinds.profile.keys(), ...own.keys()]) {
    const inConfig = kinds.profile.get(name) ?? NOTHING;
    const inCredentials = own.get(name)?.settings ?? NOTHING;
    const settings = inConfig.under(inCredentials);
    profiles.set(name, { settings, inConfig, inCredentials });
  }
  return {
    paths,
    profiles,
    ssoSessions: kinds["sso-session"],
    services: kinds.services,
    present: [
      ...config === undefined ? [] : [paths.config],
      ...credentials === undefined ? [] : [paths.credentials],
    ],
    ignored,
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
  const fail = (what: string) => new UnclearFilesError("shared files", what);
  if (path.startsWith("~")) {
    const what = "the home of another user is not looked up: write it out";
    throw fail(`${path}: ${what}`);
  }
  try {
    if (!(await Deno.stat(path)).isFile) return undefined;
    return parseConfig(await Deno.readFile(path), path);
  } catch (error) {
    if (error instanceof UnclearFilesError) throw error;
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isAbsent) return undefined;
    const name = error instanceof Error ? error.name : "Error";
    throw fail(`${path}: cannot be read (${name})`);
  }
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
