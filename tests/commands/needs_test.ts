import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commaNotes } from "../../src/permissions.ts";
import { findNeeds, permissionFlags } from "../../src/commands/needs.ts";
import { configOf } from "../support/program/command_line.ts";
import { CommandWorld, SSO_PROFILE, TARGET } from "./command_world.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const HOST = "abc123.execute-api.eu-west-1.amazonaws.com:443";
const ENV =
  "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy";
const FILES = "--allow-read=~/.aws/config,~/.aws/credentials";
const PLAIN = ["--no-prompt", `--allow-net=${HOST}`, ENV, FILES];
const KEYS = { AWS_ACCESS_KEY_ID: "AKIA" };
const ROLE = "arn:aws:iam::123456789012:role/r";

interface Case {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Lines of `~/.aws/config`. */
  readonly config?: string;
  readonly target?: string;
  readonly os?: typeof Deno.build.os;
}

/** The flags for the target, with `~` for the home directory. */
async function flagsOf(
  { env, config, target = TARGET, os = "linux" }: Case,
  ...args: string[]
): Promise<string[]> {
  await using world = await CommandWorld.make(env);
  if (config !== undefined) await world.write(".aws/config", config);
  const needs = await findNeeds(
    await configOf([target, ...args]),
    { env: world.env, os },
  );
  return permissionFlags(needs)
    .map((flag) => flag.replaceAll(world.home, "~"));
}

/** The hosts beside the target's. */
async function hostsOf(its: Case, ...args: string[]): Promise<string[]> {
  const [, net] = await flagsOf(its, ...args);
  return net.split(",").slice(1);
}

for (
  const [name, its, ...args] of [
    ["keys in the environment", { env: KEYS }],
    ["keys in a profile", {
      config: "[default]\naws_access_key_id = A\naws_secret_access_key = x\n",
    }],
    ["a shared file that cannot be understood", {
      config: "[default\ncredential_process = tool\n",
    }],
    ["keys in the environment and a profile's program", {
      env: KEYS,
      config: "[default]\ncredential_process = tool\n",
    }],
  ] as [string, Case, ...string[]][]
) {
  Deno.test(`${name}: the target, variables and the shared files are allowed, and no more`, async () => {
    assertEquals(await flagsOf(its, ...args), PLAIN);
  });
}

Deno.test("a recording needs both of its parts, to be written and read", async () => {
  const flags = await flagsOf({ env: KEYS }, "--record=/tmp/calls.jsonl");
  const parts = "/tmp/calls.jsonl,/tmp/calls.jsonl.older";
  assert(flags.includes(`--allow-write=${parts}`), flags.join(" "));
  assert(
    flags.some((flag) => /^--allow-read=/.test(flag) && flag.includes(parts)),
  );
});

Deno.test("where no variable tells the home, the system has to", async () => {
  const env = {
    HOME: undefined,
    AWS_CONFIG_FILE: "/nowhere/config",
    AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
  };
  assertEquals((await flagsOf({ env })).at(-1), "--allow-sys=homedir");
});

Deno.test("on Windows the variables of its home directory are allowed, too", async () => {
  const flags = await flagsOf({ os: "windows" });
  assertEquals(flags[2], `${ENV},USERPROFILE,HOMEPATH,HOMEDRIVE`);
});

Deno.test("an SSO profile needs its session's hosts and the token's directory", async () => {
  const env = { AWS_PROFILE: "work" };
  const sso = ["portal.sso", "oidc"]
    .map((name) => `${name}.eu-central-1.amazonaws.com:443`);
  assertEquals(await flagsOf({ env, config: SSO_PROFILE }), [
    "--no-prompt",
    `--allow-net=${[HOST, ...sso]}`,
    ENV,
    `${FILES},~/.aws/sso/cache`,
    "--allow-write=~/.aws/sso/cache",
  ]);
});

Deno.test("a role needs STS of its region, and what its source needs", async () => {
  const config = `[profile admin]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = tool
region = us-east-2
[profile tool]
credential_process = "/opt/a b/tool" --json
`;
  assertEquals(await flagsOf({ config }, "--profile=admin"), [
    "--no-prompt",
    `--allow-net=${HOST},sts.us-east-2.amazonaws.com:443`,
    `${ENV},HOMEDRIVE,HOMEPATH,USERPROFILE,_X_AMZN_TRACE_ID`,
    FILES,
    "--allow-run=/opt/a b/tool",
  ]);
});

Deno.test("a profile's web identity needs its token and STS", async () => {
  const config = `[default]\nregion = us-east-2\nrole_arn = ${ROLE}\n` +
    "web_identity_token_file = /run/token\n";
  const [, net, , read] = await flagsOf({ config });
  assertEquals(net, `--allow-net=${HOST},sts.us-east-2.amazonaws.com:443`);
  assertEquals(read, `${FILES},/run/token`);
});

Deno.test("roles that are each other's source need STS, and no more", async () => {
  const circle = `[default]\nrole_arn = ${ROLE}\nsource_profile = other\n` +
    `[profile other]\nrole_arn = ${ROLE}\nsource_profile = default\n`;
  assertEquals(await hostsOf({ config: circle }), [
    "sts.eu-west-1.amazonaws.com:443",
  ]);
});

Deno.test("a command that cannot be run needs no permission", async () => {
  for (const command of ["", "TOKEN=x tool", "tool 'unclosed"]) {
    const config = `[default]\ncredential_process = ${command}\n`;
    assertEquals(await flagsOf({ config }), PLAIN, command);
  }
});

for (
  const [name, its, host] of [
    ["--assume-role needs STS whatever the source is", {
      env: KEYS,
    }, "sts.eu-west-1.amazonaws.com:443"],
    ["STS is allowed at its FIPS endpoint, where the AWS SDK asks that", {
      env: { ...KEYS, AWS_USE_FIPS_ENDPOINT: "true" },
    }, "sts-fips.eu-west-1.amazonaws.com:443"],
    ["STS is allowed at its dual-stack endpoint, where the AWS SDK asks that", {
      env: { ...KEYS, AWS_USE_DUALSTACK_ENDPOINT: "true" },
    }, "sts.eu-west-1.api.aws:443"],
    ["STS of another partition is under that partition's domain", {
      env: KEYS,
      target: "https://abc.execute-api.cn-north-1.amazonaws.com.cn/mcp",
    }, "sts.cn-north-1.amazonaws.com.cn:443"],
  ] as [string, Case, string][]
) {
  Deno.test(name, async () => {
    assertEquals(await hostsOf(its, `--assume-role=${ROLE}`), [host]);
  });
}

Deno.test("receipts need STS, which says who answered", async () => {
  const hosts = await hostsOf({ env: KEYS }, "--receipt");
  assertEquals(hosts, ["sts.eu-west-1.amazonaws.com:443"]);
  const config = "[default]\nuse_fips_endpoint = true\n";
  for (const args of [["--receipt"], [`--assume-role=${ROLE}`]]) {
    const hosts = await hostsOf({ env: KEYS, config }, ...args);
    assertEquals(hosts, ["sts-fips.eu-west-1.amazonaws.com:443"]);
  }
});

Deno.test("a login session needs sign-in and its directory", async () => {
  const config =
    "[default]\nlogin_session = arn:aws:iam::123456789012:user/x\n";
  const [, net, , , write] = await flagsOf({ config });
  assertEquals(net.split(",")[1], "eu-west-1.signin.aws.amazon.com:443");
  assertEquals(write, "--allow-write=~/.aws/login/cache");
});

for (
  const [name, env, host, file] of [
    [
      "a web identity",
      {
        AWS_WEB_IDENTITY_TOKEN_FILE: "/run/token",
        AWS_ROLE_ARN: ROLE,
      },
      "sts.eu-west-1.amazonaws.com:443",
      "/run/token",
    ],
    ["a container", {
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/x",
    }, "169.254.170.2:80"],
    [
      "a container that names all",
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:8080/x",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/run/auth",
      },
      "127.0.0.1:8080",
      "/run/auth",
    ],
    ["an instance", {
      AWS_EC2_METADATA_DISABLED: undefined,
    }, "169.254.169.254:80"],
  ] as [string, NonNullable<Case["env"]>, string, string?][]
) {
  Deno.test(`${name} needs its own host, and its file if it has one`, async () => {
    const [, net, , read] = await flagsOf({ env });
    assertEquals(net.split(",").at(-1), host);
    assertEquals(read, file === undefined ? FILES : `${FILES},${file}`);
  });
}

Deno.test("with flags for paths that have a comma Deno starts, and may read them", async () => {
  await using world = await CommandWorld.make(KEYS);
  const home = world.path("a,b");
  const file = await world.write("a,b/.aws/config", "");
  const config = await configOf([TARGET]);
  const env = (name: string) => name === "HOME" ? home : world.env(name);
  const needs = await findNeeds(config, { env, os: "linux" });
  const script = await world.write(
    "read.ts",
    "Deno.readTextFileSync(Deno.args[0]);",
  );
  const { code, stderr } = await outcomeOf(Deno.execPath(), {
    args: ["run", "--no-config", ...permissionFlags(needs), script, file],
  });
  assertEquals(code, 0, stderr);
  assertEquals(commaNotes(needs), [
    `--allow-read=${world.home} allows more than '${home}/.aws/config' and ` +
    `'${home}/.aws/credentials': no flag of Deno's can name a path with a ` +
    "comma, so it names a directory above",
  ]);
});

Deno.test("what no flag can name is left out, and said to be", () => {
  const needs = [
    { kind: "run", value: "/opt/a,b/tool", why: "run it" },
    { kind: "read", value: "/a,b/file", why: "read it" },
    { kind: "write", value: "/srv/c", why: "write it" },
  ] as const;
  assertEquals(permissionFlags(needs), ["--no-prompt", "--allow-write=/srv/c"]);
  const notes = commaNotes(needs);
  assertEquals(notes.length, 2);
  assertStringIncludes(notes[0], "allows to run it: none can name '/opt/a,b");
  assertStringIncludes(notes[1], "allows to read it: none can name '/a,b/fil");
});

Deno.test("a variable in the path of a shared file is allowed, and the file that it leads to", async () => {
  const env = {
    XDG_CONFIG_HOME: "/xdg",
    AWS_CONFIG_FILE: "$XDG_CONFIG_HOME/aws/config",
  };
  const flags = (await flagsOf({ env })).join(" ");
  assertStringIncludes(flags, ",XDG_CONFIG_HOME ");
  assertStringIncludes(flags, "--allow-read=/xdg/aws/config,");
});

Deno.test("the profile that counts is that of AWS_DEFAULT_PROFILE", async () => {
  const flags = await flagsOf({
    env: { AWS_PROFILE: "other", AWS_DEFAULT_PROFILE: "work" },
    config: "[profile work]\ncredential_process = tool\n[profile other]\n",
  });
  assert(flags.includes("--allow-run=tool"), flags.join(" "));
});

Deno.test("where the profile says that a service is, there it is allowed", async () => {
  const its = {
    env: { AWS_EC2_METADATA_DISABLED: undefined, AWS_PROFILE: "host" },
    config: `[profile role]
role_arn = ${ROLE}
credential_source = Ec2InstanceMetadata
endpoint_url = https://vpce.example:8443
ec2_metadata_service_endpoint_mode = IPv6
[profile host]
ec2_metadata_service_endpoint = http://192.0.2.1:1338
`,
  };
  const ofRole = ["vpce.example:8443", "[fd00:ec2::254]:80"];
  assertEquals(await hostsOf(its, "--profile=role"), ofRole);
  assertEquals((await hostsOf(its))[0], "192.0.2.1:1338");
});

Deno.test("the files are allowed beside the environment's keys where they say where STS is", async () => {
  await using world = await CommandWorld.make(KEYS);
  const where = { env: world.env, os: "linux" } as const;
  const config = await configOf([TARGET, `--assume-role=${ROLE}`]);
  const files = world.path(".aws/config");
  for (const isSaid of [false, true]) {
    if (isSaid) {
      const own = "[default]\nendpoint_url = https://vpce.example:8443\n";
      await world.write(".aws/config", own);
    }
    const needs = await findNeeds(config, where, { hereOnly: true });
    const values = needs.map(({ value }) => value);
    assertEquals(values.includes("vpce.example:8443"), isSaid);
    assertEquals(values.includes(files), isSaid);
  }
});

Deno.test("a path that is not absolute is allowed from the root on", async () => {
  const flags = (await flagsOf({ env: { AWS_CONFIG_FILE: "config" } })).join();
  assertStringIncludes(flags, `--allow-read=${Deno.cwd()}/config,`);
});

const SSO = "sso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\n" +
  "sso_start_url = https://corp.awsapps.com/start\n";

for (
  const [what, settings, isToken, ...args] of [
    ["keys", "aws_access_key_id = A\n", true],
    ["a program", "credential_process = /tool\n", true],
    ["SSO", SSO, true],
    ["a role", `role_arn = ${ROLE}\ncredential_source = Environment\n`, false],
    ["SSO that is asked for", SSO, false, "--profile=dev"],
  ] as [string, string, boolean, ...string[]][]
) {
  Deno.test(`of a web identity in the environment and a profile with ${what}, the ${isToken ? "former" : "latter"} is asked first`, async () => {
    const its = {
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: "/token", AWS_ROLE_ARN: ROLE },
      config: `[${args.length > 0 ? "profile dev" : "default"}]\n${settings}`,
    };
    const flags = (await flagsOf(its, ...args)).join(" ");
    assertEquals(flags.includes("/token"), isToken, flags);
    assertEquals(flags.includes("/tool"), false, flags);
  });
}
