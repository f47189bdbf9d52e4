import { assertEquals, assertStringIncludes } from "@std/assert";
import { KEY_VARIABLES } from "../../../../src/aws/credentials/sources/keys.ts";
import {
  ContainerPeer,
  inAnHour,
  MetadataPeer,
  StsPeer,
} from "../../../support/aws/credential_peers.ts";
import { OVER, RENEWABLE, SsoWorld, tokenFile } from "../sso_world.ts";
import { assertKeys, World } from "../world.ts";
import { assertLacks, ENV_KEYS, ROLE, SDK_ENV_FLAG } from "./assert_lacks.ts";

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

Deno.test("what an SSO session needs and may not do is named with its flag", async () => {
  await using world = new SsoWorld();
  world.keep("access-token-1", inAnHour(), RENEWABLE);
  const token = world.path(tokenFile());
  const env = { AWS_ENDPOINT_URL_SSO: "", AWS_ENDPOINT_URL_SSO_OIDC: "" };
  const files = `${world.path(".aws/config")},${
    world.path(".aws/credentials")
  }`;
  const write = `--allow-write=${world.home}`;
  const rows: [allowed: string[], why: string, flag: string][] = [
    [
      [`--allow-read=${files}`],
      "to read the SSO session",
      `--allow-read=${token}`,
    ],
    [
      [`--allow-read=${world.home}`, write],
      "to ask for the role's credentials",
      "--allow-net=portal.sso.eu-west-1.amazonaws.com:443",
    ],
  ];
  for (const [allowed, why, flag] of rows) {
    const flags = [SDK_ENV_FLAG, ...allowed];
    await assertLacks(world, world.asking({ flags, env }), why, [flag]);
  }
});

Deno.test("an SSO token that may not be saved is not renewed", async () => {
  await using world = new SsoWorld();
  const path = world.keep("access-token-1", OVER, RENEWABLE);
  const flag = `--allow-write=${path}`;
  const probing = world.asking({
    flags: [
      SDK_ENV_FLAG,
      `--allow-read=${world.home}`,
      `--allow-net=${world.sso.host}`,
    ],
  });
  await assertLacks(world, probing, "to save the SSO session", [flag]);
  assertEquals(world.asked, []);
  // While it lasts it is used, and what will be missing is said beforehand.
  world.keep("access-token-1", inAnHour(), RENEWABLE);
  const probed = await world.probe(probing);
  assertKeys(probed, "Dev");
  assertStringIncludes(probed.lines.join(), flag);
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
