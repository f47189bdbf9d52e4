import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KEY_VARIABLES } from "../../../../src/aws/credentials/sources/keys.ts";
import { SDK_ENV_PATTERN, SOURCE_FLAGS } from "../source_flags.ts";
import {
  ContainerPeer,
  keysOf,
  MetadataPeer,
} from "../../../support/aws/credential_peers.ts";
import { World } from "../world.ts";
import { assertLacks, ENV_KEYS, ROLE, SDK_ENV_FLAG } from "./assert_lacks.ts";

Deno.test("the documentation has every flag of the table", async () => {
  const page = new URL("../../../../docs/aws-credentials.md", import.meta.url);
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
  // Who allows neither leaves them out, unless a variable names one.
  const neither = probing(world.path("elsewhere"));
  const nothing = { flags: neither.flags };
  const { data } = await assertLacks(world, nothing, "none found (", [
    `--allow-read=${config},${credentials}`,
  ]);
  const told = data?.sources.filter(({ source }) => source === "shared files");
  assertEquals(told?.length, 1);
  const { credentials: found } = await world.probe(neither);
  assertEquals(found?.accessKeyId, "ASIACONTAINER1");
  for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) {
    const path = name === "AWS_CONFIG_FILE" ? config : credentials;
    const env = { ...neither.env, [name]: path };
    await assertLacks(world, { ...neither, env }, why, [
      `--allow-read=${config},${credentials}`,
    ]);
  }
});

/** What is told of a variable that may not be read. */
function whyOf(variable: string): string {
  const [, why = ""] = [
    [/WEB_IDENTITY|ROLE_ARN/, "find a web identity"],
    [/CONTAINER_CREDENTIALS/, "find the container"],
    [/METADATA_SERVICE|METADATA_V1/, "find the metadata service"],
    [/PROFILE/, "find the profile"],
    [/CONFIG_FILE|CREDENTIALS_FILE/, "find the shared AWS files"],
  ].find(([names]) => RegExp(names).test(variable)) ?? [];
  return `no permission to ${why}`;
}

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
    await assertLacks(world, { flags }, whyOf(hidden), [
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
    await assertLacks(world, { flags, env: variables }, whyOf(hidden), [
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

Deno.test("without a home, and the permission to look it up, there are no shared files, and what names one is an error", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  const probing = {
    flags: [
      "--allow-env",
      `--allow-read=${world.home}`,
      `--allow-net=${container.host}`,
    ],
    env: { HOME: "", AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url },
  };
  const { credentials } = await world.probe(probing);
  assertEquals(credentials?.accessKeyId, "ASIACONTAINER1");
  const why = "to find the home";
  const flags = ["--allow-sys=homedir"];
  const options = { profile: "dev" };
  await assertLacks(world, { ...probing, options }, why, flags);
  const env = { ...probing.env, AWS_CONFIG_FILE: world.path("config") };
  await assertLacks(world, { ...probing, env }, why, flags);
  // The token of a session is in the home, too.
  const config = world.write(
    "config",
    "[default]\nlogin_session = arn:aws:iam::123456789012:user/me\n",
  );
  const AWS_SHARED_CREDENTIALS_FILE = config.replace("config", "no");
  const both = { ...env, AWS_SHARED_CREDENTIALS_FILE };
  await assertLacks(world, { ...probing, env: both }, why, flags);
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
