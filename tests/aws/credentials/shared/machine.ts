/**
 * A home directory with shared files, and beside it a container that would
 * gladly give its own keys.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createCredentialSource } from "../../../../src/aws/credentials/credentials.ts";
import { CredentialsError } from "../../../../src/errors.ts";
import type { Log } from "../../../../src/log/log.ts";
import { SECRETS_SEEN } from "../../../support/aws/secrets_seen.ts";
import {
  ContainerPeer,
  StsPeer,
} from "../../../support/aws/credential_peers.ts";
import { keySection, World } from "../world.ts";
import type { CredentialSource } from "../../../../src/aws/credentials/types.ts";

/** A profile's keys, as lines. */
export function keys(name: string): string {
  return keySection(name).replace("[default]\n", "");
}

/** The default profile with its keys. */
export const DEFAULT = keySection("default");

/** A profile that is the source of roles. */
export const BASE = keySection("base", "base");

/** A role of the default profile, assumed with another's credentials. */
export function role(name: string, source = "base"): string {
  return `[default]\nrole_arn = arn:aws:iam::123456789012:role/${name}\n` +
    `source_profile = ${source}\n`;
}

/** A role with a session's name. */
export const SESSION = "[profile app]\nsource_profile = base\n" +
  "role_arn = arn:aws:iam::123456789012:role/app\n" +
  "role_session_name = old\n";

/** A home directory with a container and an STS beside it. */
export class Machine extends World {
  readonly container = new ContainerPeer();
  readonly sts = new StsPeer();
  readonly warnings: string[] = [];

  constructor(files: { config?: string; credentials?: string } = {}) {
    super();
    for (const [name, text] of Object.entries(files)) {
      this.write(`.aws/${name}`, text);
    }
  }

  /** The program's source of credentials. */
  source(
    { profile, variables, now }: {
      profile?: string;
      variables?: Record<string, string>;
      now?: () => number;
    } = {},
  ): CredentialSource {
    const warn = (message: string) => this.warnings.push(message);
    const log: Log = { debug() {}, info() {}, warn, error: warn };
    return createCredentialSource({
      profile,
      env: this.all(variables),
      now,
      log,
    });
  }

  /** Everything that a process here sees. */
  all(variables: Record<string, string> = {}): ReturnType<World["env"]> {
    return this.env({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: this.container.url,
      AWS_ENDPOINT_URL_STS: this.sts.url,
      ...variables,
    });
  }

  /** Whose keys are found, or the error's message. */
  async found(
    profile?: string,
    variables?: Record<string, string>,
  ): Promise<string> {
    return await outcome(this.source({ profile, variables }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.container[Symbol.asyncDispose]();
    await this.sts[Symbol.asyncDispose]();
    this[Symbol.dispose]();
  }
}

/** Whose keys a source has, or the message of its error. */
export async function outcome(source: CredentialSource): Promise<string> {
  try {
    return (await source.get()).accessKeyId;
  } catch (error) {
    assert(error instanceof CredentialsError, String(error));
    SECRETS_SEEN.check(error.message);
    return error.message;
  }
}

/** What defined the identity is gone: neither it nor another one signs. */
export async function assertGone(source: CredentialSource): Promise<void> {
  const gone = "its credentials are no longer in";
  assertStringIncludes(await outcome(source), gone);
}

/** An error that names the file and the line, and asks nobody else. */
export function assertRefused(
  machine: Machine,
  file: "config" | "credentials",
  line: number,
  found: string,
): void {
  assertStringIncludes(
    found,
    `${machine.path(".aws", file)} line ${line}: `,
  );
  assertEquals(machine.container.requests, []);
}

/** A program that prints keys, and writes its arguments into a file. */
export function program(machine: Machine, name = "c.sh"): string {
  const path = machine.write(
    name,
    `#!/bin/sh
printf '%s\\n' "$@" > "$0.args"
printf '{"Version":1,"AccessKeyId":"AKIAPROGRAM","SecretAccessKey":"s"}'
`,
  );
  Deno.chmodSync(path, 0o755);
  return path;
}
