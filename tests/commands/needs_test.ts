import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commaNotes } from "../../src/permissions.ts";
import { findNeeds, permissionFlags } from "../../src/commands/needs.ts";
import { configOf } from "../support/command_line.ts";
import { CommandWorld, SSO_PROFILE, TARGET } from "./command_world.ts";

const OWN_ENV =
  "AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy";
const SDK_ENV = `${OWN_ENV},HOMEDRIVE,HOMEPATH,USERPROFILE,_X_AMZN_TRACE_ID`;

/** The flags for the target, but for those that every source needs. */
async function flagsOf(
  world: CommandWorld,
  args: readonly string[] = [],
  os: typeof Deno.build.os = "linux",
): Promise<string[]> {
  const config = await configOf([TARGET, ...args]);
  const needs = await findNeeds(config, { env: world.env, os });
  return permissionFlags(needs);
}

Deno.test("keys in the environment need the target, variables and the shared files, and no more", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  assertEquals(await flagsOf(world), [
    "--no-prompt",
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443",
    "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy",
    `--allow-read=${world.home}/.aws/config,${world.home}/.aws/credentials`,
  ]);
});

Deno.test("a recording needs both of its parts, to be written and read", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const flags = await flagsOf(world, ["--record=/tmp/calls.jsonl"]);
  const parts = "/tmp/calls.jsonl,/tmp/calls.jsonl.older";
  assert(flags.includes(`--allow-write=${parts}`), flags.join(" "));
  assert(
    flags.some((flag) => /^--allow-read=/.test(flag) && flag.includes(parts)),
  );
});

Deno.test("keys in a profile need no more", async () => {
  await using world = await CommandWorld.make();
  const bare = await flagsOf(world);
  await world.write(
    ".aws/credentials",
    "[default]\naws_access_key_id = AKIA\naws_secret_access_key = x\n",
  );
  assertEquals(await flagsOf(world), bare);
});

Deno.test("where no variable tells the home, the system has to", async () => {
  await using world = await CommandWorld.make({
    HOME: undefined,
    AWS_CONFIG_FILE: "/nowhere/config",
    AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
  });
  assertEquals((await flagsOf(world)).at(-1), "--allow-sys=homedir");
});

Deno.test("on Windows the variables of its home directory are allowed, too", async () => {
  await using world = await CommandWorld.make();
  const env = (await flagsOf(world, [], "windows"))
    .find((flag) => flag.startsWith("--allow-env="));
  assertEquals(
    env,
    "--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy,USERPROFILE,HOMEPATH,HOMEDRIVE",
  );
});

Deno.test("an SSO profile needs its session's hosts and the token's directory", async () => {
  await using world = await CommandWorld.make({ AWS_PROFILE: "work" });
  await world.write(".aws/config", SSO_PROFILE);
  const files = `${world.home}/.aws/config,${world.home}/.aws/credentials`;
  const cache = `${world.home}/.aws/sso/cache`;
  assertEquals(await flagsOf(world), [
    "--no-prompt",
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443," +
    "portal.sso.eu-central-1.amazonaws.com:443," +
    "oidc.eu-central-1.amazonaws.com:443",
    `--allow-env=${OWN_ENV}`,
    `--allow-read=${files},${cache}`,
    `--allow-write=${cache}`,
  ]);
});

Deno.test("a role needs STS of its region, and what its source needs", async () => {
  await using world = await CommandWorld.make();
  await world.write(
    ".aws/config",
    `[profile admin]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = tool
region = us-east-2
[profile tool]
credential_process = "/opt/a b/tool" --json
`,
  );
  const flags = await flagsOf(world, ["--profile", "admin"]);
  assertEquals(flags.slice(1, 3), [
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443," +
    "sts.us-east-2.amazonaws.com:443",
    `--allow-env=${SDK_ENV}`,
  ]);
  assertEquals(flags.at(-1), "--allow-run=/opt/a b/tool");
});

Deno.test("--assume-role needs STS whatever the source is", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const arn = "arn:aws:iam::123456789012:role/r";
  const flags = await flagsOf(world, ["--assume-role", arn]);
  assertEquals(
    flags[1],
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443," +
      "sts.eu-west-1.amazonaws.com:443",
  );
});

Deno.test("STS is allowed where the AWS SDK asks it: at its FIPS or dual-stack endpoint", async () => {
  const cases = [
    ["AWS_USE_FIPS_ENDPOINT", "sts-fips.eu-west-1.amazonaws.com:443"],
    ["AWS_USE_DUALSTACK_ENDPOINT", "sts.eu-west-1.api.aws:443"],
  ] as const;
  for (const [variable, host] of cases) {
    await using world = await CommandWorld.make({
      AWS_ACCESS_KEY_ID: "AKIA",
      [variable]: "true",
    });
    const arn = "arn:aws:iam::123456789012:role/r";
    const [, net] = await flagsOf(world, ["--assume-role", arn]);
    assertEquals(net.split(",").at(-1), host);
  }
});

Deno.test("a login session needs sign-in and its directory", async () => {
  await using world = await CommandWorld.make();
  await world.write(
    ".aws/config",
    "[default]\nlogin_session = arn:aws:iam::123456789012:user/x\n",
  );
  const flags = await flagsOf(world);
  assertEquals(flags[1].split(",")[1], "eu-west-1.signin.aws.amazon.com:443");
  assertEquals(flags.at(-1), `--allow-write=${world.home}/.aws/login/cache`);
});

Deno.test("a web identity, a container and an instance need their own files and hosts", async () => {
  const role = "arn:aws:iam::123456789012:role/r";
  const cases: [Record<string, string | undefined>, string, string?][] = [
    [
      { AWS_WEB_IDENTITY_TOKEN_FILE: "/run/token", AWS_ROLE_ARN: role },
      "sts.eu-west-1.amazonaws.com:443",
      "/run/token",
    ],
    [
      { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/x" },
      "169.254.170.2:80",
    ],
    [
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:8080/x",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/run/auth",
      },
      "127.0.0.1:8080",
      "/run/auth",
    ],
    [{ AWS_EC2_METADATA_DISABLED: undefined }, "169.254.169.254:80"],
  ];
  for (const [env, host, file] of cases) {
    await using world = await CommandWorld.make(env);
    const [, net, , read] = await flagsOf(world);
    assertEquals(net.split(",").at(-1), host);
    if (file !== undefined) assertEquals(read.split(",").at(-1), file);
  }
});

Deno.test("STS of another partition is under that partition's domain", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const config = await configOf([
    "https://abc.execute-api.cn-north-1.amazonaws.com.cn/mcp",
    "--assume-role",
    "arn:aws-cn:iam::123456789012:role/r",
  ]);
  const [, net] = permissionFlags(
    await findNeeds(config, { env: world.env, os: "linux" }),
  );
  assertEquals(net.split(",").at(-1), "sts.cn-north-1.amazonaws.com.cn:443");
});

Deno.test("with flags for paths that have a comma Deno starts, and may read them", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const home = world.path("a,b");
  const file = await world.write("a,b/.aws/config", "");
  const config = await configOf([TARGET]);
  const env = (name: string) => name === "HOME" ? home : world.env(name);
  const needs = await findNeeds(config, { env, os: "linux" });
  const script = await world.write(
    "read.ts",
    "Deno.readTextFileSync(Deno.args[0]);",
  );
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", ...permissionFlags(needs), script, file],
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
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
  await using world = await CommandWorld.make({
    XDG_CONFIG_HOME: "/xdg",
    AWS_CONFIG_FILE: "$XDG_CONFIG_HOME/aws/config",
  });
  const flags = (await flagsOf(world)).join(" ");
  assertStringIncludes(flags, ",XDG_CONFIG_HOME ");
  assertStringIncludes(flags, "--allow-read=/xdg/aws/config,");
});

Deno.test("with a shared file that cannot be understood no more is needed than to read it", async () => {
  await using world = await CommandWorld.make();
  const bare = await flagsOf(world);
  await world.write(".aws/config", "[default\ncredential_process = tool\n");
  assertEquals(await flagsOf(world), bare);
});

Deno.test("the profile that counts is that of AWS_DEFAULT_PROFILE", async () => {
  await using world = await CommandWorld.make({
    AWS_PROFILE: "other",
    AWS_DEFAULT_PROFILE: "work",
  });
  await world.write(
    ".aws/config",
    "[profile work]\ncredential_process = tool\n[profile other]\n",
  );
  const flags = await flagsOf(world);
  assert(flags.includes("--allow-run=tool"), flags.join(" "));
});

Deno.test("where the profile says that a service is, there it is allowed", async () => {
  await using world = await CommandWorld.make({
    AWS_EC2_METADATA_DISABLED: undefined,
    AWS_PROFILE: "host",
  });
  await world.write(
    ".aws/config",
    `[profile role]
role_arn = arn:aws:iam::123456789012:role/r
credential_source = Ec2InstanceMetadata
endpoint_url = https://vpce.example:8443
ec2_metadata_service_endpoint_mode = IPv6
[profile host]
ec2_metadata_service_endpoint = http://192.0.2.1:1338
`,
  );
  assertEquals((await flagsOf(world, ["--profile", "role"]))[1].split(","), [
    "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443",
    "vpce.example:8443",
    "[fd00:ec2::254]:80",
  ]);
  assertEquals((await flagsOf(world))[1].split(",")[1], "192.0.2.1:1338");
});

Deno.test("a path that is not absolute is allowed from the root on", async () => {
  await using world = await CommandWorld.make({ AWS_CONFIG_FILE: "config" });
  const flags = (await flagsOf(world)).join(" ");
  assertStringIncludes(flags, `--allow-read=${Deno.cwd()}/config,`);
});

Deno.test("with the keys in the environment nothing of a profile's program is allowed", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  await world.write(".aws/config", "[default]\ncredential_process = tool\n");
  const flags = await flagsOf(world);
  assertEquals(flags.filter((flag) => flag.startsWith("--allow-run")), []);
});

const TOKEN_ROLE = "arn:aws:iam::123456789012:role/r";

Deno.test("of a web identity in the environment and a profile, that is told which the program asks first", async (t) => {
  const sso =
    "sso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\n" +
    "sso_start_url = https://corp.awsapps.com/start\n";
  const role = `role_arn = ${TOKEN_ROLE}\ncredential_source = Environment\n`;
  const env = {
    AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
    AWS_ROLE_ARN: TOKEN_ROLE,
  };
  const cases: [string, string, string[], string, boolean][] = [
    ["default's keys", "aws_access_key_id = A\n", [], "default", true],
    ["a program", "credential_process = /tool\n", [], "default", true],
    ["SSO", sso, [], "default", true],
    ["a role of the profile", role, [], "default", false],
    ["a profile asked for", sso, ["--profile", "dev"], "profile dev", false],
  ];
  for (const [what, settings, args, section, isToken] of cases) {
    await t.step(what, async () => {
      await using world = await CommandWorld.make(env);
      await world.write(".aws/config", `[${section}]\n${settings}`);
      const flags = (await flagsOf(world, args)).join(" ");
      assertEquals(flags.includes("/token"), isToken, flags);
      assertEquals(flags.includes("/tool"), false, flags);
    });
  }
});
