import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createCredentialSource } from "../../../src/aws/credentials/credentials.ts";
import { profileRegion } from "../../../src/aws/shared_files/shared_files.ts";
import { CredentialsError } from "../../../src/errors.ts";
import { ContainerPeer, keysOf, MetadataPeer, StsPeer } from "./peers.ts";
import { World } from "./world.ts";

const ENV_KEYS = {
  AWS_ACCESS_KEY_ID: keysOf("env").accessKeyId,
  AWS_SECRET_ACCESS_KEY: keysOf("env").secretAccessKey,
};

/** A world whose credentials file has these profiles, each with its keys. */
function worldWith(...profiles: string[]): World {
  const world = new World();
  const sections = profiles.map((name) =>
    `[${name}]\naws_access_key_id=${keysOf(name).accessKeyId}\n` +
    `aws_secret_access_key=${keysOf(name).secretAccessKey}\n`
  );
  world.write(".aws/credentials", sections.join(""));
  return world;
}

async function found(
  world: World,
  variables: Record<string, string>,
  profile?: string,
): Promise<string> {
  const env = world.env(variables);
  const { accessKeyId } = await createCredentialSource({ env, profile }).get();
  return accessKeyId;
}

Deno.test("environment keys come before the default profile", async () => {
  using world = worldWith("default");
  assertEquals(await found(world, ENV_KEYS), "ASIAENV");
});

Deno.test("an explicit profile comes before environment keys", async () => {
  using world = worldWith("default", "dev");
  assertEquals(await found(world, ENV_KEYS, "dev"), "ASIADEV");
});

Deno.test("AWS_PROFILE alone does not come before environment keys", async () => {
  using world = worldWith("default", "dev");
  assertEquals(
    await found(world, { ...ENV_KEYS, AWS_PROFILE: "dev" }),
    "ASIAENV",
  );
});

Deno.test("AWS_PROFILE comes before the default profile, an explicit one before both", async () => {
  using world = worldWith("default", "dev", "prod");
  assertEquals(await found(world, { AWS_PROFILE: "dev" }), "ASIADEV");
  assertEquals(await found(world, { AWS_PROFILE: "dev" }, "prod"), "ASIAPROD");
});

Deno.test("an empty AWS_PROFILE is none", async () => {
  using world = worldWith("default");
  assertEquals(await found(world, { AWS_PROFILE: "" }), "ASIADEFAULT");
});

Deno.test("the shared files come before the container", async () => {
  using world = worldWith("default");
  await using container = new ContainerPeer();
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url };
  assertEquals(await found(world, env), "ASIADEFAULT");
});

Deno.test("the container comes before the instance", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  await using metadata = new MetadataPeer();
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url,
    AWS_EC2_METADATA_DISABLED: "false",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
  };
  assertEquals(await found(world, env), "ASIACONTAINER1");
  assertEquals(metadata.requests, []);
});

Deno.test("a profile that says nothing of credentials leaves it to the container", async () => {
  using world = new World();
  world.write(".aws/config", "[profile plain]\nregion = eu-west-1\n");
  await using container = new ContainerPeer();
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url };
  assertEquals(await found(world, env, "plain"), "ASIACONTAINER1");
});

Deno.test("a profile that fails does not leave it to the next source", async () => {
  using world = new World();
  world.write(".aws/config", "[default]\ncredential_process = false\n");
  await using container = new ContainerPeer();
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: container.url };
  await assertRejects(() => found(world, env), CredentialsError, "exit code 1");
  assertEquals(container.requests, []);
});

Deno.test("the credentials file's keys come before a program, the config file's after", async () => {
  using world = worldWith("default");
  const printed = world.write(
    "printed.json",
    JSON.stringify({
      Version: 1,
      AccessKeyId: "AKIAPROGRAM",
      SecretAccessKey: "program-secret",
    }),
  );
  world.write(
    ".aws/config",
    `[default]\ncredential_process = cat ${printed}\n` +
      `[profile other]\ncredential_process = cat ${printed}\n` +
      "aws_access_key_id = AKIACONFIG\naws_secret_access_key = config-secret\n",
  );
  assertEquals(await found(world, {}), "ASIADEFAULT");
  assertEquals(await found(world, {}, "other"), "AKIAPROGRAM");
});

Deno.test("nothing configured says so, with every source that was asked", async () => {
  using world = new World();
  const error = await assertRejects(
    () => found(world, {}),
    CredentialsError,
    "failed to load AWS credentials: none found",
  );
  assertStringIncludes(error.message, "`aws configure`");
  assertStringIncludes(error.message, "`aws sso login --profile NAME`");
  assertEquals(error.data.configured, false);
  assertEquals(sourcesOf(error), [
    "environment",
    "web identity",
    "shared files",
    "container",
    "instance",
  ]);
});

Deno.test("an instance without a role counts as nothing configured", async () => {
  using world = new World();
  await using metadata = new MetadataPeer({ hasRole: false });
  const probed = await world.probe({
    flags: ["-A"],
    env: {
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    },
  });
  assertEquals(probed.data?.configured, false);
  assertStringIncludes(probed.message ?? "", "has no role to give (404)");
});

Deno.test("an address where nothing listens counts as nothing configured", async () => {
  using world = new World();
  const metadata = new MetadataPeer();
  const { host, url } = metadata;
  await metadata[Symbol.asyncDispose]();
  const error = await assertRejects(
    () =>
      found(world, {
        AWS_EC2_METADATA_DISABLED: "false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
      }),
    CredentialsError,
    `nothing listens at ${host}`,
  );
  assertEquals(error.data.configured, false);
});

Deno.test("a source that is there but fails counts as configured", async () => {
  using world = new World();
  const broken: Record<string, string>[] = [
    { AWS_ACCESS_KEY_ID: "AKIAALONE" },
    { AWS_SECRET_ACCESS_KEY: "a-secret-alone" },
    { AWS_PROFILE: "missing" },
    { AWS_WEB_IDENTITY_TOKEN_FILE: world.path("missing") },
    { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://[" },
  ];
  for (const variables of broken) {
    const error = await assertRejects(
      () => found(world, variables),
      CredentialsError,
    );
    assertEquals(error.data.configured, true);
  }
});

Deno.test("other profiles are named when there is no default", async () => {
  using world = worldWith("prod", "dev");
  const error = await assertRejects(() => found(world, {}), CredentialsError);
  assertStringIncludes(error.message, "there are: dev, prod");
  assertStringIncludes(
    error.message,
    "name a profile with profile or AWS_PROFILE",
  );
});

Deno.test("a profile's region is read from the config file that the variable names", async () => {
  using world = new World();
  const config = world.write(
    "my-config",
    "[default]\nregion = eu-west-1\n[profile dev]\nregion=us-west-2\n",
  );
  const env = world.env({ AWS_CONFIG_FILE: config });
  assertEquals(await profileRegion(undefined, env), "eu-west-1");
  assertEquals(await profileRegion("dev", env), "us-west-2");
  await assertRejects(
    () => profileRegion("missing", env),
    CredentialsError,
    `profile "missing" is neither in ${config} nor in `,
  );
  const named = world.env({
    AWS_CONFIG_FILE: "~/my-config",
    AWS_PROFILE: "dev",
  });
  assertEquals(await profileRegion(undefined, named), "us-west-2");
  assertEquals(await profileRegion(undefined, world.env()), undefined);
});

function sourcesOf(error: CredentialsError): unknown[] {
  const { sources } = error.data;
  if (!Array.isArray(sources)) return [];
  return sources.map(({ source }) => source);
}

const WEB_ROLE = "arn:aws:iam::123456789012:role/web";

/** Asks with a web identity in the environment, in a process of its own. */
async function foundWithToken(
  world: World,
  sts: StsPeer,
  options: { env?: Record<string, string>; profile?: string } = {},
): Promise<string | undefined> {
  const { env, profile } = options;
  const probed = await world.probe({
    flags: ["-A"],
    options: { region: "eu-west-1", profile },
    env: {
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_WEB_IDENTITY_TOKEN_FILE: world.write("token", "a-web-token"),
      AWS_ROLE_ARN: WEB_ROLE,
      ...env,
    },
  });
  return probed.credentials?.accessKeyId ?? probed.message;
}

Deno.test("the environment's web identity comes before the default profile's keys", async () => {
  using world = worldWith("default");
  await using sts = new StsPeer();
  assertEquals(await foundWithToken(world, sts), "ASIAWEB1");
});

Deno.test("the environment's web identity comes before the keys of AWS_PROFILE, not of an explicit profile", async () => {
  using world = worldWith("dev");
  await using sts = new StsPeer();
  const env = { AWS_PROFILE: "dev" };
  assertEquals(await foundWithToken(world, sts, { env }), "ASIAWEB1");
  assertEquals(await foundWithToken(world, sts, { profile: "dev" }), "ASIADEV");
});

Deno.test("environment keys and a role of the profile come before the environment's web identity", async () => {
  using world = worldWith("base");
  world.write(
    ".aws/config",
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/caller\n" +
      "source_profile = base\n",
  );
  await using sts = new StsPeer();
  assertEquals(await foundWithToken(world, sts), "ASIACALLER1");
  assertEquals(await foundWithToken(world, sts, { env: ENV_KEYS }), "ASIAENV");
});

Deno.test("a web identity does not hide that AWS_PROFILE names no profile", async () => {
  using world = worldWith("default");
  await using sts = new StsPeer();
  assertStringIncludes(
    await foundWithToken(world, sts, { env: { AWS_PROFILE: "gone" } }) ?? "",
    'profile "gone": it is neither in',
  );
});

Deno.test("the role of a web identity may stand in the profile", async () => {
  using world = new World();
  world.write(
    ".aws/config",
    `[default]\nrole_arn = arn:aws:iam::123456789012:role/other\n` +
      `web_identity_token_file = ${world.path("missing")}\n`,
  );
  await using sts = new StsPeer();
  const env = { AWS_ROLE_ARN: "" };
  assertEquals(await foundWithToken(world, sts, { env }), "ASIAOTHER1");
});
