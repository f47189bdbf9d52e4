/**
 * The permissions that the command of the npm package gives Deno, beside what
 * `policy --flags` prints.
 */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { profileRegion } from "../../src/aws/shared_files/shared_files.ts";
import { createContext } from "../../src/commands/context.ts";
import { runPolicy } from "../../src/commands/policy/policy.ts";
import { shellWords } from "../../src/aws/shared_files/shell_words.ts";
import { Authority } from "../support/net/certificates.ts";
import { commandLine } from "../support/program/launch.ts";
import { tempDir } from "../support/temp_dir.ts";
import { SSO_PROFILE } from "../commands/command_world.ts";
import { NO_KEYS } from "../support/aws/test_identity.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const TARGET = new URL("https://abc123.execute-api.eu-west-1.amazonaws.com/m");

const AUTHORITY = new Authority({ name: "Test roots" });

const ROLE = `[default]
region = eu-west-3
role_arn = arn:aws:iam::123456789012:role/r
source_profile = base
[profile base]
aws_access_key_id = AKIA
aws_secret_access_key = x
`;

interface World {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** By their paths from the home. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Without what the tests' programs have in the environment. */
const NO_SOURCE = {
  ...NO_KEYS,
  AWS_EC2_METADATA_DISABLED: undefined,
};

/** Nor is the one that the system knows looked into. */
const NO_HOME = {
  HOME: undefined,
  AWS_CONFIG_FILE: "/nowhere/config",
  AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
};

const WORLDS: Readonly<Record<string, World>> = {
  "keys in the environment": {},
  "keys in the environment, and the profile names certificates": {
    files: {
      ".aws/config": "[default]\nca_bundle = ~/roots.pem\n",
      "roots.pem": AUTHORITY.cert,
    },
  },
  "certificates": {
    args: [
      "--ca-cert",
      "roots",
      "--client-cert",
      "cert",
      "--client-key",
      "key",
    ],
    files: { roots: AUTHORITY.cert, cert: AUTHORITY.cert, key: AUTHORITY.key },
  },
  "keys in the environment, and no home": { env: NO_HOME },
  "no credentials": { env: NO_SOURCE },
  "no credentials, and no home": { env: { ...NO_SOURCE, ...NO_HOME } },
  "keys in a profile": {
    env: { ...NO_SOURCE, AWS_PROFILE: "keys" },
    files: {
      ".aws/credentials":
        "[keys]\naws_access_key_id = AKIA\naws_secret_access_key = x\n",
    },
  },
  "SSO, its files elsewhere": {
    env: {
      ...NO_SOURCE,
      AWS_PROFILE: "work",
      AWS_CONFIG_FILE: "$HOME/else where/config",
      AWS_SHARED_CREDENTIALS_FILE: "~/else where/../keys",
    },
    files: { "else where/config": SSO_PROFILE },
  },
  "a role over another profile": {
    env: NO_SOURCE,
    files: { ".aws/config": ROLE },
  },
  "a role that is asked for": {
    args: ["--assume-role", "arn:aws:iam::123456789012:role/r"],
  },
  "a program for credentials": {
    env: NO_SOURCE,
    files: {
      ".aws/config": "[default]\ncredential_process = /opt/vault/get --json\n",
    },
  },
  "several profiles": {
    env: NO_SOURCE,
    args: ["--profile", "work", "--profile", "default"],
    files: { ".aws/config": `${ROLE}${SSO_PROFILE}` },
  },
  "a web identity": {
    env: {
      ...NO_SOURCE,
      AWS_WEB_IDENTITY_TOKEN_FILE: "/var/run/token",
      AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/r",
    },
  },
  "a container": {
    env: {
      ...NO_SOURCE,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://[::1]:80/c",
    },
  },
  "a login session": {
    env: NO_SOURCE,
    files: { ".aws/config": "[default]\nlogin_session = arn:aws:sts::1:x\n" },
  },
  "headers from a file that names a variable": {
    args: ["--header-file", "headers", "--header", "x-team: ${TEAM}"],
    env: { TEAM: "a", USER_TOKEN: "b" },
    files: { headers: "# mine\nx-user: ${USER_TOKEN}\n" },
  },
  "an address to listen at": {
    args: ["--listen", "localhost:8080"],
    env: { TMPDIR: "/var/tmp" },
  },
  "a path with a comma": {
    env: { ...NO_SOURCE, AWS_CONFIG_FILE: "/srv/a,b/config" },
  },
};

/** The arguments and the variables of a start. */
type Start = readonly [
  args: readonly string[],
  env: Readonly<Record<string, string>>,
];

/** Writes the files of a world; gives the start in it. */
async function startIn(
  { args = [], env, files = {} }: World,
  stack: AsyncDisposableStack,
): Promise<Start> {
  const line = stack.use(await commandLine({ target: TARGET, env }));
  const { home } = line;
  for (const [path, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(join(home, path)), { recursive: true });
    await Deno.writeTextFile(join(home, path), text);
  }
  const all = [...args, TARGET.href].map((arg) =>
    Object.hasOwn(files, arg) ? join(home, arg) : arg
  );
  return [all, line.env];
}

/** What the command of the package asks, as it asks it: one process for all. */
async function flagsFor(starts: readonly Start[]): Promise<string[][]> {
  await using temp = await tempDir();
  const file = join(temp.path, "starts.json");
  await Deno.writeTextFile(file, JSON.stringify(starts));
  const { code, stdout, stderr } = await outcomeOf(Deno.execPath(), {
    args: [
      "run",
      "--cached-only",
      "--no-prompt",
      "--allow-env",
      "--allow-read",
      "--allow-net",
      "--allow-sys=homedir",
      new URL("./flags_of_starts.ts", import.meta.url).href,
      file,
    ],
  });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** What `policy --flags` prints for a start. */
async function printedFor([args, variables]: Start): Promise<string> {
  const env = (name: string): string | undefined => variables[name];
  const printed: string[] = [];
  const context = {
    ...createContext({
      env,
      write: (text) => Promise.resolve(void printed.push(text)),
      writeError: () => Promise.resolve(),
      useColor: false,
    }),
    profileRegion: (profile?: string) => profileRegion(profile, env),
  };
  assertEquals(await runPolicy(["--flags", ...args], context), 0);
  return printed.join("");
}

/** What is asked for in each world, and what is printed there. */
const flags = new Map<string, { asked: string[]; printed: string }>();

Deno.test.beforeAll(async () => {
  await using stack = new AsyncDisposableStack();
  const starts: Start[] = [];
  for (const world of Object.values(WORLDS)) {
    starts.push(await startIn(world, stack));
  }
  const asked = await flagsFor(starts);
  for (const [index, name] of Object.keys(WORLDS).entries()) {
    const printed = await printedFor(starts[index]);
    flags.set(name, { asked: asked[index], printed });
  }
});

for (const name of Object.keys(WORLDS)) {
  Deno.test(`with ${name}, the npm package gives Deno the permissions that policy prints`, () => {
    const { asked = [], printed } = flags.get(name) ?? {};
    assertEquals(`${shellWords(asked)}\n`, printed);
  });
}

Deno.test("the npm package gives a subcommand what it looks at, and help nothing", async () => {
  await using line = await commandLine({ target: TARGET });
  const asked = (starts: readonly (readonly string[])[]) =>
    flagsFor(starts.map((args) => [args, line.env]));
  const commands = ["doctor", "policy", "config", "completions"];
  const given = await asked(commands.map((name) => [name, TARGET.href]));
  for (const [index, flags] of given.entries()) {
    assert(flags.includes("--allow-run"), commands[index]);
    assertEquals(flags.includes("-A"), false);
  }
  const help = [["--help"], ["--version"], ["help"], ["nonsense"], []];
  const least = ["--no-prompt", "--allow-env", "--allow-read"];
  assertEquals(await asked(help), help.map(() => least));
});
