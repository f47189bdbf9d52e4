/**
 * The command line, the permissions and the environment under which tests run
 * the program.
 */

import { SECRETS_SEEN } from "../aws/secrets_seen.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../aws/test_identity.ts";
import { outcomeOf } from "./outcome.ts";

/** What the program may do beyond the usual. */
export interface ExtraPermissions {
  /** `host:port` each. */
  readonly net?: readonly string[];
  /** Names of environment variables. */
  readonly env?: readonly string[];
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly run?: readonly string[];
  readonly sys?: readonly string[];
}

/** How the program is started. */
export interface LaunchOptions {
  /** The MCP endpoint that it is to reach. */
  readonly target: URL;
  /** More arguments, after target, region and service. */
  readonly args?: readonly string[];
  /** All arguments: nothing is added. */
  readonly bareArgs?: readonly string[];
  /** More variables; `undefined` takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly permissions?: ExtraPermissions;
  /** All flags that grant permissions: nothing is added. */
  readonly permissionFlags?: readonly string[];
  /** The module to run. Default the program, {@linkcode SOURCE} or a bundle. */
  readonly entry?: URL | string;
  /** A command that takes the arguments, in place of Deno and its flags. */
  readonly command?: readonly [string, ...string[]];
  /** More flags for `deno run`. */
  readonly denoFlags?: readonly string[];
  /** HOME. Default a new directory, removed at the end. */
  readonly home?: string;
}

/** A command that is ready to run. */
export interface CommandLine extends AsyncDisposable {
  readonly command: string;
  readonly args: string[];
  /** Those of them that the program is given. */
  readonly programArgs: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Record<string, string>;
  /** HOME and working directory. */
  readonly home: string;
}

/** Whatever a test does to the program, it does with a small heap. */
const HEAP = "--v8-flags=--max-old-space-size=256";

/** The package's own module. */
export const SOURCE = new URL("../../../mod.ts", import.meta.url);

/** Where .ci/run_tests.ts hands on a bundle of it, which starts faster. */
export const PROGRAM_VARIABLE = "TESTED_PROGRAM";

const ENV_NAMES = [
  "AWS_*",
  "MCP_*",
  "HOME",
  "USERPROFILE",
  "HOMEPATH",
  "HOMEDRIVE",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "https_proxy",
  "http_proxy",
  "all_proxy",
  "no_proxy",
];

/**
 * The narrowest flags under which the program works.
 *
 * @param target Where it may connect to.
 * @param extra What it may do besides.
 * @returns Flags for `deno run`.
 */
export function permissionFlags(
  target: URL,
  extra: ExtraPermissions = {},
): string[] {
  const port = target.port || (target.protocol === "https:" ? "443" : "80");
  const lists: [name: string, values: readonly string[]][] = [
    ["net", [`${target.hostname}:${port}`, ...extra.net ?? []]],
    ["env", [...ENV_NAMES, ...extra.env ?? []]],
    ["read", extra.read ?? []],
    ["write", extra.write ?? []],
    ["run", extra.run ?? []],
    ["sys", extra.sys ?? []],
  ];
  return [
    "--no-prompt",
    ...lists.filter(([, values]) => values.length > 0)
      .map(([name, values]) => `--allow-${name}=${values.join(",")}`),
  ];
}

/**
 * Makes the command line of a launch.
 *
 * @param options How the program is started.
 * @returns The command; disposing of it removes the HOME that it made.
 */
export async function commandLine(
  options: LaunchOptions,
): Promise<CommandLine> {
  SECRETS_SEEN.note(TEST_CREDENTIALS.secretAccessKey);
  SECRETS_SEEN.note(TEST_CREDENTIALS.sessionToken);
  const { target, permissions = {} } = options;
  const home = options.home ?? await Deno.makeTempDir();
  const env = {
    PATH: Deno.env.get("PATH"),
    DENO_DIR: await denoDir(),
    HOME: home,
    NO_COLOR: "1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_METADATA_SERVICE_TIMEOUT: "60",
    DENO_NO_UPDATE_CHECK: "1",
    AWS_ACCESS_KEY_ID: TEST_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: TEST_CREDENTIALS.secretAccessKey,
    AWS_SESSION_TOKEN: TEST_CREDENTIALS.sessionToken,
    // The most talkative: whatever it says is looked through for secrets.
    MCP_LOG_LEVEL: "debug",
    // What a subprocess cannot do without on Windows.
    SYSTEMROOT: Deno.env.get("SYSTEMROOT"),
    ...options.env,
  };
  const [command, ...before] = options.command ?? [
    Deno.execPath(),
    "run",
    "--frozen",
    "--cached-only",
    HEAP,
    ...options.permissionFlags ?? permissionFlags(target, {
      ...permissions,
      read: [`${home}/.aws`, ...permissions.read ?? []],
    }),
    ...options.denoFlags ?? [],
    String(options.entry ?? Deno.env.get(PROGRAM_VARIABLE) ?? SOURCE),
  ];
  const programArgs = options.bareArgs ?? [
    "--target-url",
    target.href,
    "--region",
    TEST_SCOPE.region,
    "--service-name",
    TEST_SCOPE.service,
    ...options.args ?? [],
  ];
  return {
    command,
    args: [...before, ...programArgs],
    programArgs,
    env: Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] =>
        entry[1] !== undefined
      ),
    ),
    home,
    async [Symbol.asyncDispose](): Promise<void> {
      if (options.home !== undefined) return;
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** Starts a program whose client is the test. */
export function spawn(
  line: CommandLine,
  stderr: "piped" | "null" = "piped",
): Deno.ChildProcess {
  return new Deno.Command(line.command, {
    args: line.args,
    env: line.env,
    clearEnv: true,
    cwd: line.home,
    stdin: "piped",
    stdout: "piped",
    stderr,
  }).spawn();
}

let askedDenoDir: Promise<string> | undefined;

/** Where Deno keeps modules: with another HOME it would look elsewhere. */
export async function denoDir(): Promise<string> {
  const known = Deno.env.get("DENO_DIR");
  if (known !== undefined) return known;
  askedDenoDir ??= outcomeOf(Deno.execPath(), { args: ["info", "--json"] })
    .then(({ stdout }) => JSON.parse(stdout).denoDir);
  return await askedDenoDir;
}
