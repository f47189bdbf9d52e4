/**
 * A world for subcommands: variables and a home of its own, and an ear for
 * what is printed.
 */
import { credentialSource } from "../../src/aws/credentials/credentials.ts";
import {
  type CommandContext,
  createContext,
} from "../../src/commands/context.ts";
import { TEST_CREDENTIALS } from "../support/aws/test_identity.ts";
import type { Outcome } from "../support/program/outcome.ts";

/** A target whose host tells region and service. */
export const TARGET =
  "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp";

/** A shared file with a profile `work` that signs in by SSO. */
export const SSO_PROFILE = `[profile work]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = dev
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
`;

/** How a published program was started. */
export const PROGRAM = {
  command: "/usr/bin/deno",
  module: "jsr:@scope/sigv4-proxy@0.1.0",
};

/** Variables with keys that every test gate knows. */
export const TEST_KEYS: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
  AWS_SESSION_TOKEN: TEST_CREDENTIALS.sessionToken,
};

/** Variables; `undefined` takes one away. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A subcommand. */
export type Command = (
  args: readonly string[],
  context: CommandContext,
) => Promise<number>;

/** A temporary home directory with variables. */
export class CommandWorld implements AsyncDisposable {
  /** The home directory. */
  readonly home: string;
  readonly #variables: Variables;

  private constructor(
    home: string,
    variables: Variables,
  ) {
    this.home = home;
    this.#variables = {
      HOME: home,
      AWS_EC2_METADATA_DISABLED: "true",
      ...variables,
    };
  }

  static async make(variables: Variables = {}): Promise<CommandWorld> {
    const home = await Deno.realPath(await Deno.makeTempDir());
    return new CommandWorld(home, variables);
  }

  /** A path in the home directory. */
  path(name: string): string {
    return `${this.home}/${name}`;
  }

  /** Writes a file in the home directory. */
  async write(name: string, text: string): Promise<string> {
    const path = this.path(name);
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
    return path;
  }

  /** Looks a variable up. */
  env = (name: string): string | undefined => this.#variables[name];

  /** Runs a subcommand. */
  async run(
    command: Command,
    args: readonly string[],
    changes: Partial<CommandContext> = {},
  ): Promise<Outcome> {
    let stdout = "";
    let stderr = "";
    const context = createContext({
      env: this.env,
      write: (text) => {
        stdout += text;
        return Promise.resolve();
      },
      writeError: (text) => {
        stderr += text;
        return Promise.resolve();
      },
      useColor: false,
    });
    const code = await command(args, {
      ...context,
      profileRegion: () => Promise.resolve(undefined),
      createCredentialSource: (options, logins) =>
        credentialSource({ ...options, env: this.env }, logins),
      ...changes,
    });
    return { code, stdout, stderr };
  }

  /** Removes the home directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.home, { recursive: true });
  }
}
