/**
 * The Deno permissions that the proxy needs for one target and one source of
 * credentials, and no more.
 */

import { resolve } from "node:path";
import { credentialNeeds } from "../aws/credentials/chain.ts";
import { flagsFor, type Need, netNeed } from "../permissions.ts";
import { KEY_VARIABLES } from "../aws/credentials/sources/keys.ts";
import { PROFILE_VARIABLES } from "../aws/shared_files/paths.ts";
import type { Config } from "../config/config.ts";
import { type Option, variablesOf } from "../config/option.ts";
import { isAccountFile, isPolicyFile, OPTIONS } from "../config/options.ts";
import { listenNeeds } from "../http/listen.ts";
import { PROXY_VARIABLES } from "../net/proxy_variables.ts";
import { recordingNeeds } from "../recorder/recording_file.ts";
import { stsUrl } from "./caller.ts";
import type { CommandContext } from "./context.ts";
import { credentialOptions } from "./target.ts";

/** Variables that name files, or the profile, and hold no secret. */
export const FILE_VARIABLES: readonly string[] = [
  ...PROFILE_VARIABLES,
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
];

/** What the proxy itself reads of the environment. */
const ENV_NAMES: readonly string[] = [
  ...KEY_VARIABLES,
  ...FILE_VARIABLES,
  ...Object.values<Option>(OPTIONS).flatMap(variablesOf)
    .filter((name) => name.startsWith("MCP_")),
  "HOME",
  ...PROXY_VARIABLES,
];

/** Where Windows has the home directory. */
const WINDOWS_ENV_NAMES = ["USERPROFILE", "HOMEPATH", "HOMEDRIVE"];

/**
 * Finds what the proxy needs: the permissions, each once and with what it is
 * wanted for. Files that may not be read are taken to say nothing.
 *
 * @param options `hereOnly`: leave out the shared files if the keys are in
 * this very environment, which another one may not have.
 */
export async function findNeeds(
  config: Config,
  where: Pick<CommandContext, "env" | "os">,
  options: { hereOnly?: boolean } = {},
): Promise<Need[]> {
  const needs: Need[] = [
    netNeed(config.targetUrl, "reach the target"),
    ...[
      ...ENV_NAMES,
      ...(where.os === "windows" ? WINDOWS_ENV_NAMES : []),
      ...config.variables,
    ].map((value): Need => ({
      kind: "env",
      value,
      why: "read the configuration",
    })),
    ...optionFiles(config),
    ...(config.record === undefined ? [] : recordingNeeds(config.record)),
    ...(config.listen ? await listenNeeds(config.listen, where) : []),
  ];
  const { profile, profiles } = config;
  const sts = config.receipt ? await stsUrl(config, where) : undefined;
  if (sts instanceof URL) needs.push(netNeed(sts, "ask STS who answered"));
  const { assumeRole, writeRole, accounts } = config;
  const roles = [assumeRole, writeRole, accounts?.template]
    .filter((role) => role !== undefined);
  const queryFor = (name: string | undefined) => ({
    ...credentialOptions(config, name),
    roles,
    env: (name: string) => where.env(name) || undefined,
  });
  for (const name of profiles.length > 0 ? profiles : [profile]) {
    needs.push(...await credentialNeeds(queryFor(name), options));
  }
  const byName = new Map<string, Need>();
  for (const need of needs) {
    // A flag that is kept is read in another directory.
    const isPath = need.kind === "read" || need.kind === "write";
    const value = isPath ? resolve(need.value) : need.value;
    byName.getOrInsert(`${need.kind} ${value}`, { ...need, value });
  }
  return [...byName.values()];
}

function optionFiles(config: Config): Need[] {
  const { headerFile, caCert, caBundle, clientCert, clientKey } = config;
  const lists = [
    ...config.sessionPolicy.filter(isPolicyFile),
    ...config.allowAccount.filter(isAccountFile),
  ];
  return [headerFile, caCert, caBundle, clientCert, clientKey, ...lists]
    .filter((value) => value !== undefined)
    .map((value) => ({
      kind: "read",
      value,
      why: "read the files that options name",
    }));
}

const KINDS = ["net", "env", "read", "write", "run", "sys"] as const;

/**
 * The flags for `deno run` that grant permissions, one a kind, with
 * `--no-prompt` before them. What they cannot name exactly, `commaNotes` tells.
 */
export function permissionFlags(needs: readonly Need[]): string[] {
  const ordered = KINDS.flatMap((kind) =>
    needs.filter((need) => need.kind === kind).map((need) => {
      // One pattern for all of AWS's variables, and one for the proxy's own.
      const prefix = kind === "env" && /^(?:AWS|MCP)_/.exec(need.value);
      return prefix ? { ...need, value: `${prefix[0]}*` } : need;
    })
  );
  return ["--no-prompt", ...flagsFor(ordered)];
}
