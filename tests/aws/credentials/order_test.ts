import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { profileRegion } from "../../../src/aws/shared_files/shared_files.ts";
import { createCredentialSource } from "../../../mod.ts";
import { namingFault } from "../../../src/aws/credentials/chain.ts";
import { CredentialsError } from "../../../src/errors.ts";
import { ENV_KEYS } from "./permissions/assert_lacks.ts";
import { MetadataPeer } from "../../support/aws/credential_peers.ts";
import { Machine, program, role } from "./shared/machine.ts";
import { keySection, World } from "./world.ts";

const CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

const sections = (...profiles: readonly string[]): string =>
  profiles.map((name) => keySection(name, name)).join("");

/** Beside each is a container that would give keys. */
const ORDER: readonly {
  readonly of: string;
  readonly config?: string;
  readonly env?: Record<string, string>;
  readonly profile?: string;
  readonly found: string;
}[] = [
  {
    of: "environment keys come before the default profile",
    env: ENV_KEYS,
    found: "ASIAENV",
  },
  {
    of: "an explicit profile comes before environment keys",
    env: ENV_KEYS,
    profile: "dev",
    found: "ASIADEV",
  },
  {
    of: "AWS_PROFILE alone does not come before environment keys",
    env: { ...ENV_KEYS, AWS_PROFILE: "dev" },
    found: "ASIAENV",
  },
  {
    of: "AWS_PROFILE comes before the default profile",
    env: { AWS_PROFILE: "dev" },
    found: "ASIADEV",
  },
  {
    of: "an explicit profile comes before AWS_PROFILE",
    env: { AWS_PROFILE: "dev" },
    profile: "prod",
    found: "ASIAPROD",
  },
  {
    of:
      "an empty AWS_PROFILE is none, and the shared files come before the container",
    env: { AWS_PROFILE: "" },
    found: "ASIADEFAULT",
  },
  {
    of: "a profile that says nothing of credentials leaves it to the container",
    config: "[profile plain]\nregion = eu-west-1\n",
    profile: "plain",
    found: "ASIACONTAINER1",
  },
];

Deno.test("the first source that is configured is used, in the AWS CLI's order", async (t) => {
  const credentials = sections("default", "dev", "prod");
  for (const { of, config = "", env, profile, found } of ORDER) {
    await t.step(of, async () => {
      await using machine = new Machine({ credentials, config });
      assertEquals(await machine.found(profile, env), found);
    });
  }
});

Deno.test("the container comes before the instance", async () => {
  await using machine = new Machine();
  await using metadata = new MetadataPeer();
  assertEquals(
    await machine.found(undefined, instance(metadata)),
    "ASIACONTAINER1",
  );
  assertEquals(metadata.requests, []);
});

Deno.test("a profile that fails does not leave it to the next source", async () => {
  const config = "[default]\ncredential_process = false\n";
  await using machine = new Machine({ config });
  assertStringIncludes(await machine.found(), "exit code 1");
  assertEquals(machine.container.requests, []);
});

Deno.test("the credentials file's keys come before a program, the config file's after", async () => {
  await using machine = new Machine({ credentials: sections("default") });
  const run = `credential_process = ${program(machine)}\n`;
  const config = keySection("config", "profile other");
  machine.write(".aws/config", `[default]\n${run}${config}${run}`);
  assertEquals(await machine.found(), "ASIADEFAULT");
  assertEquals(await machine.found("other"), "AKIAPROGRAM");
});

function instance({ url }: { readonly url: string }): Record<string, string> {
  return {
    AWS_EC2_METADATA_DISABLED: "false",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
  };
}

/** The error of a search where no container is. */
async function failure(
  machine: Machine,
  env: Record<string, string> = {},
): Promise<CredentialsError> {
  const source = machine.source({ variables: { [CONTAINER]: "", ...env } });
  return await assertRejects(() => source.get(), CredentialsError);
}

Deno.test("nothing configured says so, with every source that was asked", async () => {
  await using machine = new Machine();
  const { message, data } = await failure(machine);
  assertStringIncludes(message, "failed to load AWS credentials: none found");
  assertStringIncludes(message, "`aws configure`");
  assertStringIncludes(message, "`aws sso login --profile NAME`");
  assertEquals(data.configured, false);
  assert(Array.isArray(data.sources));
  assertEquals(data.sources.map(({ source }) => source), [
    "environment",
    "web identity",
    "shared files",
    "container",
    "instance",
  ]);
});

Deno.test("an instance without a role, or an address where nothing listens, counts as nothing configured", async () => {
  await using machine = new Machine();
  await using metadata = new MetadataPeer({ hasRole: false });
  const none = await failure(machine, instance(metadata));
  assertStringIncludes(none.message, "has no role to give (404)");
  assertEquals(none.data.configured, false);
  const { host, url } = metadata;
  await metadata[Symbol.asyncDispose]();
  const gone = await failure(machine, instance({ url }));
  assertStringIncludes(gone.message, `nothing listens at ${host}`);
  assertEquals(gone.data.configured, false);
});

Deno.test("a source that is there but fails counts as configured", async () => {
  await using machine = new Machine();
  const broken: Record<string, string>[] = [
    { AWS_ACCESS_KEY_ID: "AKIAALONE" },
    { AWS_SECRET_ACCESS_KEY: "a-secret-alone" },
    { AWS_PROFILE: "missing" },
    { AWS_WEB_IDENTITY_TOKEN_FILE: machine.path("missing") },
    { [CONTAINER]: "http://[" },
  ];
  for (const variables of broken) {
    const { data } = await failure(machine, variables);
    assertEquals(data.configured, true);
  }
  machine.write(".aws/config", "[profile plain]\nregion = eu-west-1\n");
  const { message, data } = await failure(machine, { AWS_PROFILE: "plain" });
  assertStringIncludes(message, 'profile "plain" says nothing of credentials');
  assertEquals(data.configured, true);
});

Deno.test("other profiles are named when there is no default", async () => {
  await using machine = new Machine({ credentials: sections("prod", "dev") });
  const { message } = await failure(machine);
  assertStringIncludes(message, "there are: dev, prod");
  const advice = "name a profile with profile or AWS_PROFILE";
  assertStringIncludes(message, advice);
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

const ROLE = "arn:aws:iam::123456789012:role";

/** Whose keys are found with a web identity in the environment. */
async function foundWithToken(
  machine: Machine,
  env: Record<string, string> = {},
  profile?: string,
): Promise<string> {
  return await machine.found(profile, {
    AWS_WEB_IDENTITY_TOKEN_FILE: machine.write("token", "a-web-token"),
    AWS_ROLE_ARN: `${ROLE}/web`,
    ...env,
  });
}

Deno.test("the environment's web identity comes before the default profile's keys and those of AWS_PROFILE, not of an explicit profile", async () => {
  const credentials = sections("default", "dev");
  await using machine = new Machine({ credentials });
  assertEquals(await foundWithToken(machine), "ASIAWEB1");
  const env = { AWS_PROFILE: "dev" };
  assertEquals(await foundWithToken(machine, env), "ASIAWEB2");
  assertEquals(await foundWithToken(machine, {}, "dev"), "ASIADEV");
});

Deno.test("environment keys and a role of the profile come before the environment's web identity", async () => {
  await using machine = new Machine({
    credentials: sections("base"),
    config: role("caller"),
  });
  assertEquals(await foundWithToken(machine), "ASIACALLER1");
  assertEquals(await foundWithToken(machine, ENV_KEYS), "ASIAENV");
});

Deno.test("who stands behind a session is named to AWS unless a web identity comes first", async () => {
  using world = new World();
  const web = { AWS_WEB_IDENTITY_TOKEN_FILE: "token" };
  const faultOf = (env: Record<string, string>, profile?: string) =>
    namingFault({ env: world.env(env), profile });
  assertStringIncludes(await faultOf(web) ?? "", "what its token says");
  assertEquals(await faultOf({ ...ENV_KEYS, ...web }), undefined);
  world.write(".aws/config", "broken");
  assertEquals(await faultOf(web), undefined);
});

Deno.test("what the keys are from is told by the variable that names it, or the profile's line", async () => {
  await using machine = new Machine();
  const origins: string[] = [];
  const onFound = (origin: string) => origins.push(origin);
  const find = (variables: Record<string, string> = {}) =>
    createCredentialSource({ env: machine.all(variables), onFound }).get();
  await find();
  await find({
    AWS_WEB_IDENTITY_TOKEN_FILE: machine.write("token", "a-web-token"),
    AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/web",
  });
  await find(ENV_KEYS);
  machine.write(".aws/config", keySection("default"));
  await find();
  const line = `${machine.path(".aws/config")} line 2`;
  assertEquals(origins, [
    CONTAINER,
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ACCESS_KEY_ID",
    `profile "default", aws_access_key_id (${line})`,
  ]);
});

Deno.test("a web identity does not hide that AWS_PROFILE names no profile", async () => {
  await using machine = new Machine({ credentials: sections("default") });
  const found = await foundWithToken(machine, { AWS_PROFILE: "gone" });
  assertStringIncludes(found, 'profile "gone": it is neither in');
});

Deno.test("the role of a web identity may stand in the profile", async () => {
  await using machine = new Machine();
  machine.write(
    ".aws/config",
    `[default]\nrole_arn = ${ROLE}/other\n` +
      `web_identity_token_file = ${machine.path("missing")}\n`,
  );
  const env = { AWS_ROLE_ARN: "" };
  assertEquals(await foundWithToken(machine, env), "ASIAOTHER1");
});

Deno.test("a profile that is null is none, and the keys of the environment stay first", async () => {
  const keys = new Map(Object.entries(ENV_KEYS));
  const options = { env: (name: string) => keys.get(name) };
  const source = createCredentialSource(
    Object.assign(options, { profile: null }) as object,
  );
  assertEquals((await source.get()).accessKeyId, "ASIAENV");
});
