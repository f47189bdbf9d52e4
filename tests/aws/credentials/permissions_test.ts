import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { KEY_VARIABLES } from "../../../src/aws/credentials/sources/keys.ts";
import { SDK_ENV_PATTERN, SOURCE_FLAGS } from "./source_flags.ts";
import {
  ContainerPeer,
  keysOf,
  MetadataPeer,
  SsoPeer,
  StsPeer,
} from "./peers.ts";
import { type Probed, type Probing, World } from "./world.ts";

const ROLE = "arn:aws:iam::123456789012:role/r";
const ENV_KEYS = {
  AWS_ACCESS_KEY_ID: keysOf("env").accessKeyId,
  AWS_SECRET_ACCESS_KEY: keysOf("env").secretAccessKey,
};

/** A refusal that says why and which flags are missing. */
async function assertLacks(
  world: World,
  probing: Probing,
  why: string,
  flags: string[],
): Promise<Probed> {
  const probed = await world.probe(probing);
  assertStringIncludes(probed.message ?? "no failure", why);
  assertEquals(probed.data?.flags, flags);
  for (const flag of flags) assertStringIncludes(probed.message ?? "", flag);
  assertEquals(probed.data?.configured, true);
  return probed;
}

const SDK_ENV_FLAG = SOURCE_FLAGS.role[0];

Deno.test("the documentation has every flag of the table", async () => {
  const page = new URL("../../../docs/aws-credentials.md", import.meta.url);
  const text = await Deno.readTextFile(page);
  assertStringIncludes(text, SDK_ENV_PATTERN);
  for (const flag of Object.values(SOURCE_FLAGS).flat()) {
    assertStringIncludes(
      text,
      `\`${flag.replace(SDK_ENV_PATTERN, "<SDK>")}\``,
    );
  }
});

Deno.test("with no permission at all the error names the variables of the keys", async () => {
  using world = new World();
  const { message, data } = await world.probe({ flags: [], env: ENV_KEYS });
  assertStringIncludes(message ?? "", "no permission to read the keys");
  assertMatch(
    data?.flags?.[0] ?? "",
    /^--allow-env=AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY,/,
  );
});

Deno.test("variables that are ignored read as not set", async () => {
  using world = new World();
  const { message } = await world.probe({
    flags: ["--ignore-env", "--allow-env=HOME"],
    env: ENV_KEYS,
  });
  assertStringIncludes(message ?? "", "AWS_ACCESS_KEY_ID is not set");
});

Deno.test("a shared file that may not be read is named with its flag", async () => {
  using world = new World();
  const credentials = world.write(".aws/credentials", "[default]\n");
  const config = world.path(".aws/config");
  await assertLacks(
    world,
    { flags: ["--allow-env=AWS_*,HOME"] },
    "to read the shared AWS files",
    [`--allow-read=${config},${credentials}`],
  );
});

Deno.test("one of the two shared files does not sign while the other may not be read (S3)", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  const { accessKeyId, secretAccessKey } = keysOf("one");
  const credentials = world.write(
    ".aws/credentials",
    `[default]\naws_access_key_id=${accessKeyId}\n` +
      `aws_secret_access_key=${secretAccessKey}\n`,
  );
  const config = world.write(
    ".aws/config",
    `[default]\nrole_arn=${ROLE}\nsource_profile=default\n`,
  );
  const probing = (path: string) => ({
    flags: [
      "--allow-env=AWS_*,HOME",
      `--allow-read=${path}`,
      `--allow-net=${container.host}`,
    ],
    env: { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url },
  });
  const why = "to read the shared AWS files";
  const [one, other] = [config, credentials];
  await assertLacks(world, probing(one), why, [`--allow-read=${other}`]);
  await assertLacks(world, probing(other), why, [`--allow-read=${one}`]);
  // Who allows neither leaves them out.
  const neither = await world.probe(probing(world.path("elsewhere")));
  assertEquals(neither.credentials?.accessKeyId, "ASIACONTAINER1");
});

Deno.test("a variable of the chain that may not be read is an error, and never one that is not set (S2)", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  await using metadata = new MetadataPeer();
  world.write(
    ".aws/credentials",
    "[default]\naws_access_key_id = AKIDUSUAL\naws_secret_access_key = s\n",
  );
  const read = `--allow-read=${world.home}`;
  const net = `--allow-net=${container.host},${metadata.host}`;
  const chain = [
    ...KEY_VARIABLES,
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
  ];
  const host = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_EC2_METADATA_V1_DISABLED",
  ];
  const without = (names: string[], hidden: string) =>
    `--allow-env=${names.filter((name) => name !== hidden).join()}`;
  for (const hidden of chain) {
    const flags = [without(chain, hidden), read, net];
    await assertLacks(world, { flags }, "no permission to", [
      `--allow-env=${hidden}`,
    ]);
  }
  // With the files out of the way, those of the machine are read.
  const env = {
    AWS_CONFIG_FILE: world.path("no"),
    AWS_SHARED_CREDENTIALS_FILE: world.path("no"),
  };
  for (const hidden of host) {
    const isToken = hidden.includes("TOKEN");
    const flags = [without([...chain, ...host], hidden), read, net];
    const variables: Record<string, string> = {
      ...env,
      ...isToken && {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
      },
      ...hidden.includes("METADATA") && { AWS_EC2_METADATA_DISABLED: "false" },
    };
    await assertLacks(world, { flags, env: variables }, "no permission to", [
      `--allow-env=${hidden}`,
    ]);
  }
  assertEquals([...container.requests, ...metadata.requests], []);
});

Deno.test("a session token that may not be read is not left out of the signature (S2)", async () => {
  using world = new World();
  for (const hidden of KEY_VARIABLES) {
    const names = KEY_VARIABLES.filter((name) => name !== hidden);
    await assertLacks(
      world,
      { flags: [`--allow-env=${names.join()}`], env: ENV_KEYS },
      "no permission to read the keys",
      [`--allow-env=${hidden}`],
    );
  }
});

Deno.test("a named profile in a file that may not be read is not called missing", async () => {
  using world = new World();
  const flag = `--allow-read=${world.path(".aws/config")},${
    world.path(".aws/credentials")
  }`;
  await assertLacks(
    world,
    { flags: ["--allow-env=AWS_*,HOME"], options: { profile: "dev" } },
    "to read the shared AWS files",
    [flag],
  );
});

Deno.test("a variable in the path of a shared file is named when it may not be read (C9)", async () => {
  using world = new World();
  await assertLacks(
    world,
    {
      flags: ["--allow-env=AWS_*,HOME", `--allow-read=${world.home}`],
      env: {
        XDG_CONFIG_HOME: world.home,
        AWS_CONFIG_FILE: "$XDG_CONFIG_HOME/config",
      },
    },
    "to find the shared AWS files",
    ["--allow-env=XDG_CONFIG_HOME"],
  );
});

Deno.test("a program that may not be run is named with its flag", async () => {
  using world = new World();
  world.write(".aws/config", "[default]\ncredential_process = /opt/tool -x\n");
  await assertLacks(
    world,
    { flags: ["--allow-env=AWS_*,HOME", `--allow-read=${world.home}`] },
    "to run the profile's credential_process",
    ["--allow-run=/opt/tool"],
  );
});

Deno.test("an STS that may not be asked is named with its flag, and not asked", async () => {
  using world = new World();
  await using sts = new StsPeer();
  await assertLacks(
    world,
    {
      flags: [SDK_ENV_FLAG],
      env: { ...ENV_KEYS, AWS_ENDPOINT_URL_STS: sts.url },
      options: { assumeRole: { roleArn: ROLE } },
    },
    "to assume the role",
    [`--allow-net=${sts.host}`],
  );
  assertEquals(sts.requests, []);
});

Deno.test("AWS's own STS host is named, of the region and partition", async () => {
  using world = new World();
  const probing = (roleArn: string, region?: string) => ({
    flags: [SDK_ENV_FLAG],
    env: ENV_KEYS,
    options: { region, assumeRole: { roleArn } },
  });
  const why = "to assume the role";
  await assertLacks(world, probing(ROLE, "eu-west-1"), why, [
    "--allow-net=sts.eu-west-1.amazonaws.com:443",
  ]);
  await assertLacks(world, probing(ROLE.replace("aws", "aws-cn"), "*"), why, [
    "--allow-net=sts.cn-northwest-1.amazonaws.com.cn:443",
  ]);
  await assertLacks(world, probing(ROLE.replace("aws", "aws-eusc"), "*"), why, [
    "--allow-net=sts.eusc-de-east-1.amazonaws.eu:443",
  ]);
});

Deno.test("the SDK's variables are named when they may not be read", async () => {
  using world = new World();
  await assertLacks(
    world,
    {
      flags: [`--allow-env=${KEY_VARIABLES.join()},HOME`],
      env: ENV_KEYS,
      options: { assumeRole: { roleArn: ROLE } },
    },
    "to let the AWS SDK set up",
    ["--allow-env=AWS_*,HOMEDRIVE,HOMEPATH,USERPROFILE,_X_AMZN_TRACE_ID"],
  );
});

Deno.test("the home directory is named when no variable says where it is", async () => {
  using world = new World();
  await assertLacks(
    world,
    {
      flags: [SDK_ENV_FLAG],
      env: { ...ENV_KEYS, HOME: "" },
      options: { assumeRole: { roleArn: ROLE } },
    },
    "to let the AWS SDK set up",
    ["--allow-sys=homedir"],
  );
});

const SSO = "[default]\nsso_session = corp\nsso_account_id = 1\n" +
  "sso_role_name = Dev\n[sso-session corp]\nsso_region = eu-west-1\n" +
  "sso_start_url = https://corp.awsapps.com/start\n";
const SSO_TOKEN = `.aws/sso/cache/${
  createHash("sha1").update("corp").digest("hex")
}.json`;

function ssoToken(expiresAt: number): string {
  return JSON.stringify({
    accessToken: "access-token-1",
    expiresAt: new Date(expiresAt).toISOString(),
    clientId: "client-1",
    clientSecret: "client-secret-1",
    refreshToken: "refresh-token-1",
  });
}

Deno.test("an SSO token that may not be read is named with its flag", async () => {
  using world = new World();
  world.write(".aws/config", SSO);
  await assertLacks(
    world,
    {
      flags: [
        SDK_ENV_FLAG,
        `--allow-read=${world.path(".aws/config")},${
          world.path(".aws/credentials")
        }`,
      ],
    },
    "to read the SSO session",
    [`--allow-read=${world.path(SSO_TOKEN)}`],
  );
});

Deno.test("an SSO token that may not be saved is not renewed", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", SSO);
  const path = world.write(SSO_TOKEN, ssoToken(Date.now() - 1_000));
  const probing = {
    flags: [
      SDK_ENV_FLAG,
      `--allow-read=${world.home}`,
      `--allow-net=${sso.host}`,
    ],
    env: {
      AWS_ENDPOINT_URL_SSO: sso.url,
      AWS_ENDPOINT_URL_SSO_OIDC: sso.url,
    },
  };
  const flag = `--allow-write=${path}`;
  await assertLacks(world, probing, "to save the SSO session", [flag]);
  assertEquals(sso.requests, []);
  // While it lasts it is used, and what will be missing is said beforehand.
  world.write(SSO_TOKEN, ssoToken(Date.now() + 3_600_000));
  const { credentials, lines } = await world.probe(probing);
  assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
  assertStringIncludes(lines.join(), flag);
});

Deno.test("an SSO portal that may not be asked is named with its flag", async () => {
  using world = new World();
  world.write(".aws/config", SSO);
  world.write(SSO_TOKEN, ssoToken(Date.now() + 3_600_000));
  await assertLacks(
    world,
    {
      flags: [
        SDK_ENV_FLAG,
        `--allow-read=${world.home}`,
        `--allow-write=${world.home}`,
      ],
    },
    "to ask for the role's credentials",
    ["--allow-net=portal.sso.eu-west-1.amazonaws.com:443"],
  );
});

Deno.test("a container's endpoint that may not be asked is named with its flag", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  await assertLacks(
    world,
    {
      flags: [SDK_ENV_FLAG],
      env: {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/run/token",
      },
    },
    "to ask the container's endpoint and to read the container's token",
    [`--allow-net=${container.host}`, "--allow-read=/run/token"],
  );
});

Deno.test("a metadata service that may not be asked is named with its flag", async () => {
  using world = new World();
  await using metadata = new MetadataPeer();
  const { message, data } = await world.probe({
    flags: [SDK_ENV_FLAG, `--allow-read=${world.home}`],
    env: {
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    },
  });
  assertStringIncludes(message ?? "", `--allow-net=${metadata.host}`);
  // Whoever wants no instance's role has nothing to permit.
  assertEquals(data?.configured, false);
  assertEquals(metadata.requests, []);
});

Deno.test("a web identity token that may not be read is named with its flag", async () => {
  using world = new World();
  const tokenFile = world.write("token", "web-identity-token");
  await assertLacks(
    world,
    {
      flags: [SDK_ENV_FLAG],
      env: { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: ROLE },
    },
    "to read the web identity token",
    [`--allow-read=${tokenFile}`],
  );
});

Deno.test("a variable that would name the keys or the profile, and may not be read, leads to no other identity", async () => {
  using world = new World();
  world.write(
    ".aws/config",
    "[default]\naws_access_key_id = AKIDUSUAL\naws_secret_access_key = s\n",
  );
  const files = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HOME"];
  const keys = KEY_VARIABLES;
  for (
    const [allowed, why, flag] of [
      [[...files], "no permission to read the keys", keys[0]],
      [[...files, ...keys], "no permission to find the profile", "AWS_PROFILE"],
    ] as const
  ) {
    const { credentials, message } = await world.probe({
      flags: [`--allow-env=${allowed.join(",")}`, `--allow-read=${world.home}`],
      env: { AWS_PROFILE: "other" },
    });
    assertEquals(credentials, undefined);
    assertStringIncludes(message ?? "", why);
    assertStringIncludes(message ?? "", flag);
  }
});
