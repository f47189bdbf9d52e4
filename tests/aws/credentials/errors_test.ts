import { createHash } from "node:crypto";
import {
  assertEquals,
  assertFalse,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  createCredentialSource,
  type CredentialSourceOptions,
} from "../../../src/aws/credentials/credentials.ts";
import { CredentialsError } from "../../../src/errors.ts";
import {
  ContainerPeer,
  MetadataPeer,
  Peer,
  StsPeer,
} from "../../support/aws/credential_peers.ts";
import { type Probed, World } from "./world.ts";

/** The error of a search in this world. */
async function failure(
  world: World,
  variables: Record<string, string> = {},
  options: CredentialSourceOptions = {},
): Promise<CredentialsError> {
  const env = world.env(variables);
  const error = await assertRejects(
    () => createCredentialSource({ ...options, env }).get(),
    CredentialsError,
  );
  assertMatch(error.message, /^failed to load AWS credentials: /);
  return error;
}

/** The message of a failed search, or that it did not fail. */
function messageOf(probed: Probed): string {
  return probed.message ?? "no failure";
}

const ROLE = "arn:aws:iam::123456789012:role";
const CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

Deno.test("an access key without its secret names the missing variable", async () => {
  using world = new World();
  const { message } = await failure(world, { AWS_ACCESS_KEY_ID: "AKIAALONE" });
  assertStringIncludes(message, "AWS_SECRET_ACCESS_KEY is not");
});

Deno.test("a failure that nobody foresaw is a credentials error, too", async () => {
  const env = (): string => {
    throw new TypeError("the variables are out");
  };
  await assertRejects(
    () => createCredentialSource({ env }).get(),
    CredentialsError,
    "failed to load AWS credentials: search: the variables are out",
  );
});

Deno.test("a secret without its access key is named when nothing else is found", async () => {
  using world = new World();
  const { message } = await failure(world, {
    AWS_SECRET_ACCESS_KEY: "lonely-secret-key",
  });
  assertStringIncludes(message, "AWS_ACCESS_KEY_ID is not");
  assertFalse(message.includes("lonely-secret-key"));
});

Deno.test("environment keys that are known to be over are refused", async () => {
  using world = new World();
  const { message } = await failure(world, {
    AWS_ACCESS_KEY_ID: "ASIAOVER",
    AWS_SECRET_ACCESS_KEY: "over-secret-key",
    AWS_CREDENTIAL_EXPIRATION: "2020-01-01T00:00:00Z",
  });
  assertStringIncludes(message, "expired at 2020-01-01T00:00:00Z");
});

Deno.test("a profile that is not there is answered with those that are", async () => {
  using world = new World();
  world.write(".aws/config", "[default]\nregion=x\n[profile prod]\nregion=x\n");
  world.write(".aws/credentials", "[dev]\naws_access_key_id=AKIADEV\n");
  const error = await failure(world, {}, { profile: "dve" });
  assertStringIncludes(error.message, 'profile "dve"');
  assertStringIncludes(error.message, "there are: default, dev, prod");
  using empty = new World();
  const { message } = await failure(empty, {}, { profile: "dve" });
  assertStringIncludes(message, "there are no profiles");
  assertEquals(error.data.run, "aws configure --profile dve");
});

Deno.test("a profile whose section lacks the word profile is recognised", async () => {
  using world = new World();
  world.write(".aws/config", "[dev]\nregion = eu-west-1\n");
  const { message } = await failure(world, { AWS_PROFILE: "dev" });
  assertStringIncludes(message, "write [profile dev]");
});

Deno.test("a profile with half of its keys names the other half", async () => {
  using world = new World();
  world.write(".aws/credentials", "[default]\naws_access_key_id = AKIAHALF\n");
  const { message } = await failure(world);
  assertStringIncludes(message, "line 2: aws_secret_access_key is not set");
});

Deno.test("a malformed file is named with the line, without what is in it", async () => {
  using world = new World();
  const path = world.write(
    ".aws/credentials",
    "[default]\nregion = x\nsecret-key-on-a-line-of-its-own\n",
  );
  const error = await failure(world);
  assertStringIncludes(error.message, `${path} line 3: neither [section]`);
  assertFalse(error.message.includes("of-its-own"));
  assertEquals(error.data.configured, true);
});

Deno.test("what a credential process prints is checked", async () => {
  using world = new World();
  const printed = world.path("printed");
  world.write(
    ".aws/config",
    `[default]\ncredential_process = cat ${printed}\n`,
  );
  const keys = {
    Version: 1,
    AccessKeyId: "AKIAX",
    SecretAccessKey: "secret-x",
  };
  const cases: [string, string][] = [
    ["token: secret-x", "did not print JSON"],
    [JSON.stringify({ ...keys, Version: 2 }), '"Version": 1'],
    [JSON.stringify({ Version: 1, AccessKeyId: "AKIAX" }), "SecretAccessKey"],
    [JSON.stringify({ ...keys, Expiration: "soon" }), "ISO 8601"],
    [
      JSON.stringify({ ...keys, Expiration: "2020-01-01T00:00:00Z" }),
      "expired at 2020-01-01T00:00:00Z",
    ],
  ];
  for (const [text, expected] of cases) {
    Deno.writeTextFileSync(printed, text);
    const { message } = await failure(world);
    assertStringIncludes(message, expected);
    assertFalse(message.includes("secret-x"));
  }
});

Deno.test("a credential process that is not there is named", async () => {
  using world = new World();
  world.write(".aws/config", "[default]\ncredential_process = no-such-tool\n");
  const { message } = await failure(world);
  assertStringIncludes(message, "no-such-tool could not be run");
  assertStringIncludes(message, "no such program");
});

Deno.test("a role that STS refuses is named, with AWS's error and who asked", async () => {
  using world = new World();
  const refusal = "User: arn:aws:iam::123456789012:user/me is not authorized " +
    "to perform: sts:AssumeRole";
  await using sts = new StsPeer({
    refuse: { type: "AccessDenied", message: refusal },
  });
  const probed = await world.probe({
    env: {
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "environment-secret",
    },
    options: { assumeRole: { roleArn: `${ROLE}/closed` } },
  });
  const message = messageOf(probed);
  assertStringIncludes(message, `STS refused the role ${ROLE}/closed`);
  assertStringIncludes(message, `AccessDenied: ${refusal}`);
  assertStringIncludes(message, "AKIA…MPLE");
  assertEquals(probed.data?.awsError, "AccessDenied");
  assertEquals(probed.data?.configured, true);
});

Deno.test("an STS that cannot be reached is named", async () => {
  using world = new World();
  const sts = new StsPeer();
  const { host, url } = sts;
  await sts[Symbol.asyncDispose]();
  const probed = await world.probe({
    env: {
      AWS_ENDPOINT_URL_STS: url,
      AWS_ACCESS_KEY_ID: "AKIAENV",
      AWS_SECRET_ACCESS_KEY: "environment-secret",
    },
    options: { assumeRole: { roleArn: `${ROLE}/far` } },
  });
  assertStringIncludes(messageOf(probed), "STS could not be asked");
  assertStringIncludes(messageOf(probed), host);
});

Deno.test("what answers in the place of STS is not called STS", async () => {
  const rows: [status: number, text: string][] = [
    [403, "<!DOCTYPE html><html><body>Blocked</body></html>"],
    [407, ""],
    [302, ""],
    [200, "<html>Sign in</html>"],
    [400, "no XML"],
    [403, '{"message":"Forbidden"}'],
  ];
  for (const [status, text] of rows) {
    using world = new World();
    await using proxy = new Peer(() => new Response(text, { status }));
    const variables = {
      AWS_ENDPOINT_URL_STS: proxy.url,
      AWS_ACCESS_KEY_ID: "AKIAENV",
      AWS_SECRET_ACCESS_KEY: "environment-secret",
    };
    const assumeRole = { roleArn: `${ROLE}/far` };
    const { message } = await failure(world, variables, { assumeRole });
    const said = `${proxy.host} answered with HTTP ${status}, and not as`;
    assertMatch(message, /STS could not be asked for the role \S+: 127/);
    assertStringIncludes(message, said);
  }
});

Deno.test("a services section that is not there leaves no request to the usual endpoint", async () => {
  using world = new World();
  const settings: [way: string, section: string][] = [
    [`role_arn = ${ROLE}/a\nsource_profile = k\n`, ""],
    [`role_arn = ${ROLE}/a\nsource_profile = k\n`, "[services s]\n"],
    ["sso_session = corp\nsso_account_id = 1\nsso_role_name = R\n", ""],
  ];
  for (const [way, section] of settings) {
    world.write(
      ".aws/config",
      `[default]\nservices = s\n${way}[profile k]\naws_access_key_id = A\n` +
        "aws_secret_access_key = B\n[sso-session corp]\nsso_region = x\n" +
        `sso_start_url = https://corp.example\n${section}`,
    );
    world.write(
      `.aws/sso/cache/${createHash("sha1").update("corp").digest("hex")}.json`,
      '{"accessToken":"t","expiresAt":"2099-01-01T00:00:00Z"}',
    );
    const fetch = () => Promise.reject(new Error("it was asked"));
    const { message } = await failure(world, {}, { fetch });
    const line = `${
      world.path(".aws/config")
    } line 2: there is no [services s]`;
    assertStringIncludes(message, line);
  }
});

Deno.test("a chain of roles names what is wrong with it", async () => {
  using world = new World();
  world.write(
    ".aws/config",
    `[profile a]\nrole_arn = ${ROLE}/a\nsource_profile = b\n` +
      `[profile b]\nrole_arn = ${ROLE}/b\nsource_profile = a\n` +
      `[profile lost]\nrole_arn = ${ROLE}/c\nsource_profile = gone\n` +
      `[profile bare]\nrole_arn = ${ROLE}/d\n` +
      `[profile empty]\nrole_arn = ${ROLE}/e\nsource_profile = plain\n` +
      "[profile plain]\nregion = eu-west-1\n" +
      `[profile env]\nrole_arn = ${ROLE}/f\ncredential_source = Environment\n` +
      `[profile odd]\nrole_arn = ${ROLE}/g\ncredential_source = Moon\n` +
      `[profile mfa]\nrole_arn = ${ROLE}/h\nsource_profile = plain\n` +
      "mfa_serial = arn:aws:iam::123456789012:mfa/me\n",
  );
  const cases: [string, string][] = [
    ["a", "in a circle: a → b → a"],
    ["lost", 'its source_profile "gone" is neither in'],
    ["bare", "needs either source_profile or credential_source"],
    ["empty", 'its source_profile "plain" has no credentials'],
    ["env", "AWS_ACCESS_KEY_ID is not set"],
    ["odd", "must be Environment, EcsContainer or Ec2InstanceMetadata"],
    ["mfa", "MFA code"],
  ];
  for (const [profile, expected] of cases) {
    const { message } = await failure(world, {}, { profile });
    assertStringIncludes(message, expected);
  }
});

Deno.test("a secret in the place of a profile's name is not shown", async () => {
  using world = new World();
  const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  world.write(
    ".aws/config",
    `[default]\nrole_arn = ${ROLE}/a\nsource_profile = ${secret}\n` +
      `aws_secret_access_key = ${secret}\n`,
  );
  const { message } = await failure(world);
  assertStringIncludes(message, 'source_profile "[redacted]" is neither in');
});

Deno.test("a web identity token file that is not there is named", async () => {
  using world = new World();
  const tokenFile = world.path("no-token");
  const { message } = await failure(world, {
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
    AWS_ROLE_ARN: `${ROLE}/pod`,
  });
  assertStringIncludes(message, `${tokenFile} is not there`);
});

Deno.test("a container's endpoint that refuses is quoted, without its token", async () => {
  using world = new World();
  await using container = new ContainerPeer("the-right-token");
  const { message } = await failure(world, {
    [CONTAINER]: `${container.url}/creds?secret=1`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "the-wrong-token",
  });
  assertStringIncludes(message, `${container.url}/creds: `);
  assertStringIncludes(message, "status: 403");
  assertStringIncludes(message, "AccessDenied: not the token: [redacted]");
  assertFalse(message.includes("the-wrong-token"));
  assertEquals(container.requests.length, 1);
});

Deno.test("a container's endpoint on a strange host gets no request and no token", async () => {
  using world = new World();
  const { message } = await failure(world, {
    [CONTAINER]: "http://example.com/creds",
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token",
  });
  assertStringIncludes(message, "URL not accepted");
});

Deno.test("a container's endpoint that stumbles once is asked again", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  container.failure = () =>
    container.requests.length === 1
      ? new Response(null, { status: 500 })
      : undefined;
  const env = world.env({ [CONTAINER]: container.url });
  const { accessKeyId } = await createCredentialSource({ env }).get();
  assertEquals(accessKeyId, "ASIACONTAINER2");
});

Deno.test("a metadata service that fails is an error, not a machine without one", async () => {
  using world = new World();
  await using metadata = new MetadataPeer({ status: 500 });
  const probed = await world.probe({
    env: {
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    },
  });
  assertStringIncludes(messageOf(probed), metadata.host);
  assertStringIncludes(messageOf(probed), "(500)");
  assertEquals(probed.data?.configured, true);
});
