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

/** An endpoint that is not to be asked. */
const NOBODY = "http://127.0.0.1:9";

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

Deno.test("STS is asked where the profile that signs says, and not where another one does", async () => {
  using world = new World();
  const keys =
    "[profile k]\naws_access_key_id = A\naws_secret_access_key = B\n";
  const role = `role_arn = ${ROLE}\nsource_profile = k\nregion = eu-west-1\n`;
  const usual = "sts.eu-west-1.amazonaws.com";
  const fips = "sts-fips.eu-west-1.amazonaws.com";
  const over = { region: "eu-west-1", assumeRole: { roleArn: ROLE } };
  const chained = role.replace("= k", "= default");
  const fixed = { ...ENV_KEYS, AWS_DEFAULT_PROFILE: "r" };
  const local = { AWS_ENDPOINT_URL_STS: NOBODY };
  const r = { profile: "r" };
  const isFips = "use_fips_endpoint = true\n";
  const isIgnored = "ignore_configured_endpoint_urls = true\n";
  // What the default profile says, what the role's says, variables, options.
  const rows: [string, string, Record<string, string>, object, string][] = [
    [`endpoint_url = ${NOBODY}`, role, {}, r, usual],
    ["services = s", role, {}, r, usual],
    [isFips, role, {}, r, usual],
    [isFips, "region = us-west-2", fixed, over, usual],
    ["", role + isFips, {}, r, fips],
    ["", role + isFips, { ...fixed, AWS_ACCESS_KEY_ID: "" }, {}, fips],
    ["", role, { AWS_USE_FIPS_ENDPOINT: "TRUE" }, r, fips],
    ["", role + isIgnored, local, r, usual],
    [
      "",
      role,
      { ...local, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "TRUE" },
      r,
      usual,
    ],
    [
      "",
      `${role}use_dualstack_endpoint = true`,
      {},
      r,
      "sts.eu-west-1.api.aws",
    ],
    [
      "",
      role.replace("eu-west-1", "aws-global"),
      {},
      r,
      "sts.us-east-1.amazonaws.com",
    ],
    ["", isFips, fixed, over, fips],
    [
      `role_arn = ${ROLE}\nsource_profile = k\nregion = x`,
      chained,
      {},
      r,
      usual,
    ],
    [
      `role_arn = ${ROLE}\nsource_profile = k\nendpoint_url = ${NOBODY}`,
      chained + isFips,
      {},
      r,
      fips,
    ],
    [
      "",
      keys.slice(keys.indexOf("\n") + 1) + isFips,
      {},
      { ...r, ...over },
      fips,
    ],
  ];
  for (const [index, [other, own, env, options, host]] of rows.entries()) {
    world.write(
      ".aws/config",
      `[default]\n${other}\n[profile r]\n${own}\n${keys}` +
        `[services s]\nsts =\n  endpoint_url = ${NOBODY}\n`,
    );
    // What the SDK reads by itself only a process of its own shows.
    const isOwn = index < 4 || env === local;
    const flags = [SDK_ENV_FLAG, `--allow-read=${world.path(".aws")}`];
    if (isOwn) {
      const allow = [`--allow-net=${host}:443`];
      const probing = { flags, env, options };
      await assertLacks(world, probing, "to assume the role", allow);
      continue;
    }
    const asked: string[] = [];
    const fetch = (url: RequestInfo | URL) => {
      asked.push(new URL(`${url}`).host);
      return Promise.resolve(
        new Response("<ErrorResponse />", { status: 403 }),
      );
    };
    await world.probe({ env, options: { ...options, fetch } });
    assertEquals(asked, [host]);
  }
  const env = { ...ENV_KEYS, AWS_ENDPOINT_URL_STS: "localhost" };
  const { message } = await world.probe({ env, options: over });
  assertStringIncludes(message ?? "", "endpoint_url is no URL");
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
