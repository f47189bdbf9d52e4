/**
 * The variables of this machine that Deno and the system cannot do without.
 * All others could change what the program does, and what a test sees of it.
 */

const NAMES: readonly string[] = [
  "APPDATA",
  "COMSPEC",
  "DENO_DIR",
  "DENO_JOBS",
  "HOME",
  "LANG",
  "LOCALAPPDATA",
  "PATH",
  "PATHEXT",
  "SYSTEMROOT",
  "TEMP",
  "TMP",
  "TMPDIR",
  "USERPROFILE",
  "XDG_CACHE_HOME",
];

/** Those of them that are set. */
export function systemVariables(): Record<string, string> {
  const values = NAMES.map((name) => [name, Deno.env.get(name)]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}
