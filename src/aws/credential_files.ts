/**
 * The shared files, `~/.aws/config` and `~/.aws/credentials`: where they are
 * and what is in them.
 *
 * The format: AWS SDKs and Tools Reference Guide, "Shared config and
 * credentials files".
 *
 * @module
 */

import { homedir } from "node:os";
import { join } from "node:path";
import { type Need, notGranted } from "./credential_permissions.ts";
import type { ReadEnv } from "./credential_search.ts";

/** The settings of one section, names in lower case. */
export type Settings = ReadonlyMap<string, string>;

/** A profile as the two files make it up. */
export interface Profile {
  /** Both files' settings; the credentials file wins. */
  readonly settings: Settings;
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
  /** What could not be read or understood, a sentence each, no content. */
  readonly faults: readonly string[];
  /** Permissions without which a file could not be looked at. */
  readonly missing: readonly Need[];
}

type Sections = Map<string, Map<string, string>>;

const NOTHING: Settings = new Map();

/** The home directory, found as the AWS SDK finds it. */
export function homeDirectory(env: ReadEnv): string | undefined {
  const home = env("HOME") ?? env("USERPROFILE");
  if (home !== undefined) return home;
  const path = env("HOMEPATH");
  if (path !== undefined) return `${env("HOMEDRIVE") ?? "C:\\"}${path}`;
  const need: Need = { kind: "sys", value: "homedir", why: "find the home" };
  return notGranted([need]).length === 0 ? homedir() : undefined;
}

/** Where the shared files are, or `undefined` if there is no home to look in. */
export function sharedPaths(env: ReadEnv): SharedPaths | undefined {
  const config = env("AWS_CONFIG_FILE");
  const credentials = env("AWS_SHARED_CREDENTIALS_FILE");
  if (config !== undefined && credentials !== undefined) {
    return {
      config: expand(config, env),
      credentials: expand(credentials, env),
    };
  }
  const home = homeDirectory(env);
  if (home === undefined) return undefined;
  return {
    config: expand(config ?? join(home, ".aws", "config"), env),
    credentials: expand(credentials ?? join(home, ".aws", "credentials"), env),
  };
}

function expand(path: string, env: ReadEnv): string {
  if (!path.startsWith("~/")) return path;
  const home = homeDirectory(env);
  return home === undefined ? path : join(home, path.slice(2));
}

/**
 * Reads both files, as far as they are there and may be read.
 *
 * @param paths Where they are.
 * @param see Told of each file before it is read.
 * @returns What they say. Never fails: what went wrong is in `faults`.
 */
export async function readSharedFiles(
  paths: SharedPaths,
  see: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<SharedFiles> {
  const present: string[] = [];
  const faults: string[] = [];
  const missing: Need[] = [];
  const read = async (path: string): Promise<Sections> => {
    const need: Need = {
      kind: "read",
      value: path,
      why: "read the shared AWS files",
    };
    if (notGranted([need]).length > 0) {
      missing.push(need);
      return new Map();
    }
    await see(path);
    try {
      const { sections, badLines } = parseIni(await Deno.readTextFile(path));
      present.push(path);
      if (badLines.length > 0) {
        faults.push(
          `${path}: cannot make sense of line ${badLines.join(", ")}`,
        );
      }
      return sections;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        const name = error instanceof Error ? error.name : "Error";
        faults.push(`${path}: cannot be read (${name})`);
      }
      return new Map();
    }
  };
  const [config, credentials] = await Promise.all([
    read(paths.config),
    read(paths.credentials),
  ]);
  const named = sortSections(config, paths.config, faults);
  const profiles = new Map<string, Profile>();
  for (const name of [...named.profiles.keys(), ...credentials.keys()]) {
    const inCredentials = credentials.get(name) ?? NOTHING;
    const inConfig = named.profiles.get(name) ?? NOTHING;
    const settings = new Map([...inConfig, ...inCredentials]);
    profiles.set(name, { settings, inCredentials });
  }
  return {
    paths,
    profiles,
    ssoSessions: named.ssoSessions,
    services: named.services,
    present,
    faults,
    missing,
  };
}

/** The config file's sections by kind: `[profile x]`, `[sso-session x]`, … */
function sortSections(
  sections: Sections,
  path: string,
  faults: string[],
): Record<"profiles" | "ssoSessions" | "services", Map<string, Settings>> {
  const kinds = {
    profiles: new Map<string, Settings>(),
    ssoSessions: new Map<string, Settings>(),
    services: new Map<string, Settings>(),
  };
  for (const [title, settings] of sections) {
    const [, kind, name] = /^(\S+)\s+["']?(.+?)["']?$/.exec(title) ?? [];
    if (title === "default") kinds.profiles.set(title, settings);
    else if (kind === "profile") kinds.profiles.set(name, settings);
    else if (kind === "sso-session") kinds.ssoSessions.set(name, settings);
    else if (kind === "services") kinds.services.set(name, settings);
    else if (kind === undefined) {
      faults.push(
        `${path}: [${title}] is no profile there, write [profile ${title}]`,
      );
    }
  }
  return kinds;
}

/**
 * Splits a file into sections. A setting inside a nested block is named
 * `block.setting`.
 */
export function parseIni(
  text: string,
): { sections: Sections; badLines: number[] } {
  const sections: Sections = new Map();
  const badLines: number[] = [];
  let section: Map<string, string> | undefined;
  let block: string | undefined;
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    // A comment starts a line or follows white space.
    const content = line.replace(/(^|\s)[#;].*$/, "").trim();
    if (content === "") continue;
    const title = /^\[\s*(.+?)\s*\]$/.exec(content)?.[1];
    if (title !== undefined) {
      section = sections.get(title) ?? new Map();
      sections.set(title, section);
      block = undefined;
      continue;
    }
    const isIndented = /^\s/.test(line);
    const equals = content.indexOf("=");
    if (section === undefined || (equals < 1 && !isIndented)) {
      badLines.push(index + 1);
      continue;
    }
    if (equals < 1) continue;
    const name = content.slice(0, equals).trim().toLowerCase();
    const value = content.slice(equals + 1).trim();
    if (!isIndented) block = value === "" ? name : undefined;
    if (value === "") continue;
    section.set(
      isIndented && block !== undefined ? `${block}.${name}` : name,
      value,
    );
  }
  return { sections, badLines };
}
