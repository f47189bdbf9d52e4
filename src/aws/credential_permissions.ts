/**
 * The Deno permissions that sources of credentials need: asked for by name
 * before anything is touched, so that nothing prompts and nothing fails for a
 * reason that it does not give.
 *
 * @module
 */

import { SDK_ENV_PATTERN } from "./credential_env.ts";

/** A permission and what it is wanted for. */
export interface Need {
  readonly kind: "read" | "write" | "net" | "run" | "env" | "sys";
  /** The path, host, program, variable or fact. */
  readonly value: string;
  /** Completes "to …". */
  readonly why: string;
}

/** A kind of source. */
export type SourceKind =
  | "environment"
  | "shared files"
  | "role"
  | "credential process"
  | "SSO"
  | "login"
  | "web identity"
  | "container"
  | "instance";

const SDK_ENV_FLAG = `--allow-env=${SDK_ENV_PATTERN}`;
const FILES_FLAG = "--allow-read=$HOME/.aws/config,$HOME/.aws/credentials";
const STS_FLAG = "--allow-net=sts.<region>.amazonaws.com";

/**
 * The flags that each source of credentials needs, beside the target's own. A
 * role over another source needs the flags of both.
 */
export const SOURCE_FLAGS: Readonly<
  Record<SourceKind, readonly string[]>
> = {
  "environment": ["--allow-env=AWS_*"],
  "shared files": ["--allow-env=AWS_*,HOME", FILES_FLAG],
  "role": [SDK_ENV_FLAG, FILES_FLAG, STS_FLAG],
  "credential process": [
    "--allow-env=AWS_*,HOME",
    FILES_FLAG,
    "--allow-run=<program>",
  ],
  "SSO": [
    SDK_ENV_FLAG,
    `${FILES_FLAG},$HOME/.aws/sso/cache`,
    "--allow-write=$HOME/.aws/sso/cache",
    "--allow-net=portal.sso.<region>.amazonaws.com,oidc.<region>.amazonaws.com",
  ],
  "login": [
    SDK_ENV_FLAG,
    `${FILES_FLAG},$HOME/.aws/login/cache`,
    "--allow-write=$HOME/.aws/login/cache",
    "--allow-sys=homedir",
    "--allow-net=<region>.signin.aws.amazon.com",
  ],
  "web identity": [SDK_ENV_FLAG, "--allow-read=<token file>", STS_FLAG],
  "container": [SDK_ENV_FLAG, "--allow-net=169.254.170.2"],
  "instance": [SDK_ENV_FLAG, "--allow-net=169.254.169.254"],
};

/** The needs that are not granted. Never prompts. */
export function notGranted(needs: readonly Need[]): Need[] {
  return needs.filter((need) =>
    Deno.permissions.querySync(descriptor(need)).state !== "granted"
  );
}

/** The command line flags that grant the needs, one a kind. */
export function flagsFor(needs: readonly Need[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const { kind, value } of needs) {
    const known = values.get(kind);
    if (known !== undefined) known.add(value);
    else values.set(kind, new Set([value]));
  }
  return [...values].map(([kind, of]) => `--allow-${kind}=${[...of].join()}`);
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

/** What became of reading an environment variable. */
export type EnvReading = { readonly allowed: boolean; readonly value?: string };

/** Reads a variable without a prompt, telling "not set" from "not allowed". */
export function readEnv(variable: string): EnvReading {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "prompt") return { allowed: false };
  try {
    // "denied" may stand for `--ignore-env`: such a variable reads as unset.
    return { allowed: true, value: Deno.env.get(variable) };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return { allowed: false };
    throw error;
  }
}
