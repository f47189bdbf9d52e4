import { assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { KEY_VARIABLES } from "../../../src/aws/credentials/sources/keys.ts";
import {
  ContainerPeer,
  keysOf,
  MetadataPeer,
  SsoPeer,
  StsPeer,
} from "./peers.ts";
import { World } from "./world.ts";
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
