/**
 * What Deno lets the program do: asked for by name before anything is touched,
 * so that nothing prompts and nothing fails for a reason that it does not give.
 */

/** A permission and what it is wanted for. */
export interface Need {
  readonly kind: "read" | "write" | "net" | "run" | "env" | "sys";
  /** The path, host, program, variable or fact. */
  readonly value: string;
  /** Completes "to …". */
  readonly why: string;
}

/** The needs that are not granted. Never prompts. */
export function notGranted(needs: readonly Need[]): Need[] {
  return needs.filter((need) =>
    Deno.permissions.querySync(descriptor(need)).state !== "granted"
  );
}

/**
 * The command line flags that grant the needs, one a kind. What no flag can
 * name is left out; {@linkcode commaNotes} says so.
 */
export function flagsFor(needs: readonly Need[]): string[] {
  const named = needs.filter((need) => flagValue(need) !== undefined);
  return [...Map.groupBy(named, ({ kind }) => kind)].map(([kind, of]) =>
    `--allow-${kind}=${[...new Set(of.map(flagValue))].join()}`
  );
}

/** What a person has to know of the flags, for paths with a comma. */
export function commaNotes(needs: readonly Need[]): string[] {
  const inexact = needs.filter((need) => flagValue(need) !== need.value);
  const byFlag = Map.groupBy(inexact, (need) => flagsFor([need]).at(0));
  const unnamed = byFlag.get(undefined) ?? [];
  byFlag.delete(undefined);
  return [
    ...unnamed.map(({ why, value }) =>
      `no flag of Deno's allows to ${why}: none can name '${value}', which ` +
      "has a comma; move it to a path without one"
    ),
    ...byFlag.entries().map(([flag, of]) =>
      `${flag} allows more than ${of.map(quoted).join(" and ")}: no flag of ` +
      "Deno's can name a path with a comma, so it names a directory above"
    ),
  ];
}

const quoted = ({ value }: Need) => `'${value}'`;

/**
 * Set by the command of the npm package to the package and its version: that
 * command finds the permissions at each start, and takes no flag for them.
 */
export const NPM_PACKAGE_VARIABLE = "MCP_NPM_PACKAGE";

/** What to do so that the needs are granted. */
export function permissionAdvice(needs: readonly Need[]): string {
  const flags = flagsFor(needs).join(" ");
  const isFoundAtStart = Boolean(readEnv(NPM_PACKAGE_VARIABLE).value);
  const advice = isFoundAtStart
    ? `start the proxy again, which then finds that it needs ${flags}`
    : `add ${flags}`;
  return [...flags === "" ? [] : [advice], ...commaNotes(needs)].join("; ");
}

/**
 * The narrowest that a flag can name. A comma begins another value there, and
 * nothing escapes it, so that a path which has one is allowed by a directory
 * above. A root would be everything, and a program's directory allows no
 * program.
 */
function flagValue({ kind, value }: Need): string | undefined {
  if (!value.includes(",")) return value;
  if (kind !== "read" && kind !== "write") return undefined;
  // Loaded where it is needed: few paths have a comma.
  const { dirname } = process.getBuiltinModule("node:path");
  let directory = dirname(value);
  while (directory.includes(",")) directory = dirname(directory);
  return directory === dirname(directory) && directory !== "."
    ? undefined
    : directory;
}

function descriptor({ kind, value }: Need): Deno.PermissionDescriptor {
  switch (kind) {
    case "read":
    case "write":
      return { name: kind, path: value };
    case "net":
      return { name: kind, host: value };
    case "run":
      return { name: kind, command: value };
    case "env":
      return { name: kind, variable: value };
    case "sys":
      if (value !== "homedir") throw new TypeError(`unknown fact ${value}`);
      return { name: kind, kind: value };
  }
}

/** The port of a URL, be it the usual one. */
export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}

/** The permission to connect to the host of a URL. */
export function netNeed(url: URL, why: string): Need {
  return { kind: "net", value: `${url.hostname}:${portOf(url)}`, why };
}

/** Reads a variable without a prompt, telling "not set" from "not allowed". */
export function readEnv(
  variable: string,
): { readonly allowed: boolean; readonly value?: string } {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "prompt") return { allowed: false };
  try {
    // "denied" may stand for `--ignore-env`: such a variable reads as unset.
    return { allowed: true, value: Deno.env.get(variable) };
  } catch {
    return { allowed: false };
  }
}

/** Says which permissions are missing, what for, and the flags. */
export function lacking(missing: readonly Need[]): string {
  const purposes = [...new Set(missing.map(({ why }) => `to ${why}`))];
  return `no permission ${purposes.join(" and ")}: ${
    permissionAdvice(missing)
  }`;
}
