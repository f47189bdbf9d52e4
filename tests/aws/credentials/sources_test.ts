import { assertEquals, assertStringIncludes } from "@std/assert";
import { SDK_ENV } from "../../../src/aws/credentials/sources/sdk.ts";
import { KEY_VARIABLES } from "../../../src/aws/credentials/sources/keys.ts";
import { SOURCE_FLAGS } from "./source_flags.ts";
import {
  inAnHour,
  keysOf,
  SigninPeer,
  StsPeer,
} from "../../support/aws/credential_peers.ts";
import {
  dpopKey,
  keepLogin,
  OVER,
  RENEWABLE,
  SsoWorld,
  START_URL,
} from "./sso_world.ts";
import { assertKeys, flagsOf, World } from "./world.ts";
import { keySettings } from "../../support/aws/test_identity.ts";

// Each source is asked for in a process of its own that has the permissions of
// the table, the hosts of AWS replaced by the peer's, and no other.

const ROLE = "arn:aws:iam::123456789012:role";

Deno.test("environment keys are used with permission for AWS_* alone", async () => {
  using world = new World();
  const expiration = inAnHour().toISOString();
  const probed = await world.probe({
    flags: SOURCE_FLAGS.environment,
    env: {
      AWS_ACCESS_KEY_ID: keysOf("env").accessKeyId,
      AWS_SECRET_ACCESS_KEY: keysOf("env").secretAccessKey,
      AWS_SESSION_TOKEN: keysOf("env").sessionToken,
      AWS_CREDENTIAL_EXPIRATION: expiration,
    },
  });
  assertKeys(probed, "env");
  assertEquals(probed.credentials?.expiration, expiration);
});

Deno.test("the default profile's keys come from the credentials file", async () => {
  using world = new World();
  world.write(".aws/credentials", `[default]\n${keySettings(keysOf("file"))}`);
  assertKeys(
    await world.probe({ flags: flagsOf("shared files", world) }),
    "file",
  );
});

Deno.test("a named profile's keys come from a config file named by variable", async () => {
  using world = new World();
  const config = world.write(
    "elsewhere.ini",
    `[profile dev]\n${keySettings(keysOf("named"))}`,
  );
  const probed = await world.probe({
    flags: ["--allow-env=AWS_*,HOME", `--allow-read=${world.home}`],
    env: { AWS_CONFIG_FILE: config, AWS_PROFILE: "dev" },
  });
  assertKeys(probed, "named");
});

Deno.test("a chain of source profiles assumes each role with the one before", async () => {
  using world = new World();
  await using sts = new StsPeer();
  world.write(
    ".aws/config",
    `[profile inner]\nrole_arn = ${ROLE}/inner\nsource_profile = outer\n` +
      "external_id = ext-1\nrole_session_name = me\nduration_seconds = 1800\n" +
      `[profile outer]\nrole_arn = ${ROLE}/outer\nsource_profile = base\n`,
  );
  world.write(
    ".aws/credentials",
    "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret\n",
  );
  const probed = await world.probe({
    flags: flagsOf("role", world, { host: sts.host }),
    env: { AWS_ENDPOINT_URL_STS: sts.url },
    options: { profile: "inner" },
  });
  assertKeys(probed, "inner2");
  const [outer, inner] = sts.asked;
  assertEquals([outer.role, outer.signedBy], ["outer", "AKIABASE"]);
  assertEquals([inner.role, inner.signedBy], ["inner", "ASIAOUTER1"]);
  assertEquals(inner.sentToken, "token-of-outer1");
  assertEquals(
    [inner.session, inner.externalId, inner.seconds],
    ["me", "ext-1", "1800"],
  );
});

Deno.test("a role's STS endpoint may stand in the profile's services section", async () => {
  using world = new World();
  await using sts = new StsPeer();
  world.write(
    ".aws/config",
    `[profile dev]\nrole_arn = ${ROLE}/dev\ncredential_source = Environment\n` +
      "services = local\nregion = eu-north-1\n" +
      `[services local]\nsts =\n  endpoint_url = ${sts.url}\n`,
  );
  const probed = await world.probe({
    flags: flagsOf("role", world, { host: sts.host }),
    env: {
      AWS_ACCESS_KEY_ID: "AKIAENV",
      AWS_SECRET_ACCESS_KEY: "environment-secret",
      // The SDK would sign for no region.
      AWS_AUTH_SCHEME_PREFERENCE: "sigv4a",
    },
    options: { profile: "dev" },
  });
  assertKeys(probed, "dev1");
  assertEquals(sts.asked[0].signedBy, "AKIAENV");
  const authorization = sts.requests[0].headers.get("authorization");
  assertStringIncludes(authorization ?? "", "/eu-north-1/sts/aws4_request");
});

Deno.test("a role is assumed over whatever is found, with the variables named one by one", async () => {
  using world = new World();
  await using sts = new StsPeer();
  const probed = await world.probe({
    // No file may be read, and each variable is permitted by its own name.
    flags: [
      `--allow-env=${[...SDK_ENV, ...KEY_VARIABLES].join()}`,
      `--allow-net=${sts.host}`,
    ],
    env: {
      AWS_ENDPOINT_URL: sts.url,
      AWS_ACCESS_KEY_ID: "AKIAENV",
      AWS_SECRET_ACCESS_KEY: "environment-secret",
    },
    options: {
      region: "eu-west-3",
      assumeRole: {
        roleArn: `${ROLE}/over`,
        sessionName: "proxy",
        externalId: "ext-2",
        durationSeconds: 900,
      },
    },
  });
  assertKeys(probed, "over1");
  assertEquals(sts.asked, [{
    action: "AssumeRole",
    role: "over",
    session: "proxy",
    externalId: "ext-2",
    seconds: "900",
    webToken: undefined,
    signedBy: "AKIAENV",
    sentToken: undefined,
  }]);
  const authorization = sts.requests[0].headers.get("authorization");
  assertStringIncludes(authorization ?? "", "/eu-west-3/sts/aws4_request");
});

Deno.test("a credential process is run with permission for its program alone", async () => {
  using world = new World();
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf("process");
  const answer = world.write(
    "my answer.json",
    JSON.stringify({
      Version: 1,
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: inAnHour().toISOString(),
    }),
  );
  world.write(
    ".aws/config",
    `[profile tool]\ncredential_process = cat "${answer}"\n`,
  );
  const probed = await world.probe({
    flags: flagsOf("credential process", world, { program: "cat" }),
    options: { profile: "tool" },
  });
  assertKeys(probed, "process");
});

Deno.test("an SSO session's token is renewed, saved and used", async () => {
  await using world = new SsoWorld();
  const path = world.keep("access-token-0", OVER, RENEWABLE);
  const flags = flagsOf("SSO", world, { host: world.sso.host });
  assertKeys(await world.probe(world.asking({ flags })), "Dev");
  const saved = JSON.parse(Deno.readTextFileSync(path));
  assertEquals(saved.accessToken, world.sso.renewedToken);
  assertEquals(saved.refreshToken, "refresh-token-2");
  assertEquals(world.asked, ["/token", "/federation/credentials"]);
});

Deno.test("a legacy SSO profile uses the token of its start URL", async () => {
  await using world = new SsoWorld(
    `[profile dev]\nsso_start_url = ${START_URL}\nsso_region = eu-west-1\n` +
      "sso_account_id = 123456789012\nsso_role_name = Dev\n",
  );
  world.keep("access-token-1", inAnHour(), {}, START_URL);
  const flags = flagsOf("SSO", world, { host: world.sso.host })
    .filter((flag) => !flag.startsWith("--allow-write"));
  assertKeys(await world.probe(world.asking({ flags })), "Dev");
  const [{ query }] = world.sso.requests;
  assertEquals(query.get("account_id"), "123456789012");
});

Deno.test("a console login is renewed with proof of its key, and saved", async () => {
  using world = new World();
  await using signin = new SigninPeer();
  const session = "arn:aws:iam::123456789012:user/me";
  world.write(".aws/config", `[default]\nlogin_session = ${session}\n`);
  const more = { dpopKey: dpopKey() };
  const path = keepLogin(world, session, "oldlogin", OVER, more);
  const probed = await world.probe({
    flags: flagsOf("login", world, { host: signin.host }),
    env: { AWS_ENDPOINT_URL_SIGNIN: signin.url, AWS_REGION: "eu-west-1" },
  });
  assertKeys(probed, "renewedlogin");
  const saved = JSON.parse(Deno.readTextFileSync(path));
  assertEquals(saved.refreshToken, "refresh-token-2");
});
