/**
 * A world to look for credentials in: a home directory of its own, and
 * processes with an environment and permissions of their own.
 */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { SOURCE_FLAGS, type SourceKind } from "./source_flags.ts";
import type { CredentialSourceOptions } from "../../../src/aws/credentials/credentials.ts";
import { SECRETS_SEEN } from "../../support/aws/secrets_seen.ts";
import { keysOf } from "../../support/aws/credential_peers.ts";
import { asker } from "./probe.ts";
import { denoDir } from "../../support/program/launch.ts";
import { keySettings } from "../../support/aws/test_identity.ts";

/** What a process that asked for credentials printed. */
export interface Probed {
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
    readonly expiration?: string;
  };
  /** The secret and the token, after the redactor. */
  readonly masked?: string;
  readonly message?: string;
  readonly stack?: string;
  readonly data?: {
    readonly configured: boolean;
    readonly sources: readonly { source: string; outcome: string }[];
    readonly run?: string;
    readonly flags?: readonly string[];
    readonly awsError?: string;
  };
  readonly lines: readonly string[];
}

/** How a process asks. */
export interface Probing {
  /** Beside HOME and what keeps it off this machine's metadata service. */
  readonly env?: Record<string, string>;
  /** Its permissions; without, the test's own process asks. */
  readonly flags?: readonly string[];
  readonly options?: CredentialSourceOptions;
}

/** A section of a shared file with the keys of that name. */
export function keySection(name: string, section = "default"): string {
  const { accessKeyId, secretAccessKey } = keysOf(name);
  return `[${section}]\n${keySettings({ accessKeyId, secretAccessKey })}`;
}

const PROBE = new URL("./probe.ts", import.meta.url);

/** A temporary home directory. */
export class World {
  readonly home: string;

  constructor() {
    // Permissions are compared with the path as the system resolves it.
    this.home = Deno.realPathSync(Deno.makeTempDirSync());
  }

  /** The path of a file in the home directory. */
  path(...parts: string[]): string {
    return join(this.home, ...parts);
  }

  /** Writes a file in the home directory, and the directories above it. */
  write(name: string, text: string): string {
    const path = this.path(name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, text);
    return path;
  }

  /** Reads variables: HOME, and those given. */
  env(variables: Record<string, string> = {}): (name: string) =>
    | string
    | undefined {
    const all: Record<string, string> = { ...this.#defaults(), ...variables };
    return (name) => all[name];
  }

  /** Asks for credentials once. */
  async probe(probing: Probing): Promise<Probed> {
    await using asking = await this.start(probing);
    return await asking.ask();
  }

  /** Begins what asks for credentials when it is told to. */
  async start({ env, flags, options }: Probing): Promise<Asking> {
    if (flags === undefined) {
      const ask = asker({ ...options, env: this.env(env) });
      return {
        ask: async () => shown(JSON.stringify(await ask())),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    }
    const command = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--frozen",
        "--cached-only",
        "--quiet",
        ...flags,
        PROBE.href,
        JSON.stringify(options ?? {}),
      ],
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        DENO_DIR: await denoDir(),
        ...this.#defaults(),
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    return new ProbeProcess(command.spawn());
  }

  #defaults(): Record<string, string> {
    return {
      HOME: this.home,
      AWS_EC2_METADATA_DISABLED: "true",
      // A peer of a test may be late on a machine that is busy.
      AWS_METADATA_SERVICE_TIMEOUT: "60",
    };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.home, { recursive: true });
  }
}

/** Asks for credentials each time that it is told to. */
export interface Asking extends AsyncDisposable {
  ask(): Promise<Probed>;
}

/** What was printed, which has no secret but where keys are to be. */
function shown(line: string): Probed {
  const probed: Probed = JSON.parse(line);
  const { credentials: _asked, ...others } = probed;
  SECRETS_SEEN.check(JSON.stringify(others));
  return probed;
}

/** A process that asks for credentials. */
class ProbeProcess implements Asking {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  #text = "";

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
    this.#stdout = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    this.#stderr = new Response(child.stderr).text();
  }

  /** Has it ask, and reads what came of it. */
  async ask(): Promise<Probed> {
    await this.#stdin.write(new TextEncoder().encode("\n"));
    while (!this.#text.includes("\n")) {
      const { done, value } = await this.#stdout.read();
      if (done) throw new Error(await this.#stderr);
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return shown(line);
  }

  /** Ends it. Nothing may have reached its stderr. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stdin.close().catch(() => {});
    await this.#stdout.cancel();
    await this.#child.status;
    const stderr = await this.#stderr;
    if (stderr !== "") throw new Error(stderr);
  }
}

/** The flags of a source of the table, with this world's places in them. */
export function flagsOf(
  source: SourceKind,
  world: World,
  places: { host?: string; program?: string; tokenFile?: string } = {},
): string[] {
  return SOURCE_FLAGS[source].map((flag) =>
    flag.startsWith("--allow-net=")
      ? `--allow-net=${places.host}`
      : flag.replaceAll("$HOME", world.home)
        .replace("<program>", places.program ?? "")
        .replace("<token file>", places.tokenFile ?? "")
  );
}

/** The keys of that name were found, and are kept out of texts. */
export function assertKeys(probed: Probed, name: string): void {
  assertEquals(probed.message, undefined);
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf(name);
  assertEquals(probed.credentials?.accessKeyId, accessKeyId);
  assertEquals(probed.credentials?.secretAccessKey, secretAccessKey);
  assertEquals(probed.credentials?.sessionToken, sessionToken);
  assertEquals(probed.masked, "[redacted] [redacted]");
}
