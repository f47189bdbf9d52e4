import { assert, assertEquals } from "@std/assert";
import {
  ContainerPeer,
  keysOf,
  MetadataPeer,
  Peer,
  StsPeer,
} from "../../support/aws/credential_peers.ts";
import { assertKeys, flagsOf, World } from "./world.ts";

// As in the tests of the sources that a person sets up: each in a process of
// its own, with the permissions of the table.

const ROLE = "arn:aws:iam::123456789012:role";

Deno.test("a web identity token is traded for the role's credentials", async () => {
  using world = new World();
  await using sts = new StsPeer();
  const tokenFile = world.write("token", "web-identity-token-1");
  const probed = await world.probe({
    flags: flagsOf("web identity", world, { host: sts.host, tokenFile }),
    env: {
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
      AWS_ROLE_ARN: `${ROLE}/pod`,
      AWS_ROLE_SESSION_NAME: "pod-1",
    },
  });
  assertKeys(probed, "pod1");
  const [asked] = sts.asked;
  assertEquals(asked.action, "AssumeRoleWithWebIdentity");
  assertEquals(asked.webToken, "web-identity-token-1");
  assertEquals([asked.session, asked.signedBy], ["pod-1", undefined]);
});

Deno.test("a profile's web identity comes before its keys", async () => {
  using world = new World();
  await using sts = new StsPeer();
  const tokenFile = world.write("token", "web-identity-token-1");
  world.write(
    ".aws/config",
    `[profile pod]\nrole_arn = ${ROLE}/pod\nregion = eu-west-1\n` +
      `web_identity_token_file = ${tokenFile}\n` +
      "aws_access_key_id = AKIASTALE\naws_secret_access_key = stale-secret\n",
  );
  const probed = await world.probe({
    flags: [
      ...flagsOf("role", world, { host: sts.host }),
      `--allow-read=${tokenFile}`,
    ],
    env: { AWS_ENDPOINT_URL_STS: sts.url },
    options: { profile: "pod" },
  });
  assertKeys(probed, "pod1");
});

Deno.test("a container's endpoint is asked with the token of the environment", async () => {
  using world = new World();
  await using container = new ContainerPeer("container-token-1");
  const probed = await world.probe({
    flags: flagsOf("container", world, { host: container.host }),
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/v1/credentials?a=b`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "container-token-1",
    },
  });
  assertKeys(probed, "container1");
  assertEquals(container.requests[0].path, "/v1/credentials");
  assertEquals(container.requests[0].query.get("a"), "b");
});

Deno.test("a container's endpoint is asked with the token of a file", async () => {
  using world = new World();
  await using container = new ContainerPeer("container-token-2");
  const tokenFile = world.write("eks-token", "container-token-2");
  const probed = await world.probe({
    flags: [
      ...flagsOf("container", world, { host: container.host }),
      `--allow-read=${tokenFile}`,
    ],
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile,
    },
  });
  assertKeys(probed, "container1");
});

Deno.test("an instance's role is read over version 2 of the metadata service", async () => {
  using world = new World();
  await using metadata = new MetadataPeer();
  const probed = await world.probe({
    flags: flagsOf("instance", world, { host: metadata.host }),
    env: {
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    },
  });
  assertKeys(probed, "instance");
});

Deno.test("the machine is asked without Node.js's proxy, under the path of its endpoint", async () => {
  using world = new World();
  await using container = new ContainerPeer();
  await using metadata = new Peer(({ path }) =>
    path.endsWith("web-role")
      ? Response.json({ AccessKeyId: "ASIAPATH", SecretAccessKey: "s" })
      : new Response(path.startsWith("/imds/latest/") ? "web-role" : null)
  );
  const rows: [name: string, url: string, found: string][] = [
    [
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      container.url,
      keysOf("container1").accessKeyId,
    ],
    ["AWS_EC2_METADATA_SERVICE_ENDPOINT", `${metadata.url}/imds`, "ASIAPATH"],
    ["AWS_EC2_METADATA_SERVICE_ENDPOINT", `${metadata.url}/imds/`, "ASIAPATH"],
  ];
  for (const [name, url, found] of rows) {
    const { credentials, message } = await world.probe({
      flags: ["--allow-all"],
      env: {
        NODE_USE_ENV_PROXY: "1",
        HTTP_PROXY: "http://127.0.0.1:9",
        AWS_EC2_METADATA_DISABLED: "",
        [name]: url,
      },
    });
    assertEquals(credentials?.accessKeyId, found, message);
  }
});

Deno.test("a profile may take the instance's role to assume its own", async () => {
  using world = new World();
  await using metadata = new MetadataPeer();
  await using sts = new StsPeer();
  world.write(
    ".aws/config",
    `[profile ec2]\nrole_arn = ${ROLE}/ec2\n` +
      "credential_source = Ec2InstanceMetadata\n" +
      `ec2_metadata_service_endpoint = ${metadata.url}\n`,
  );
  const probed = await world.probe({
    flags: flagsOf("role", world, { host: `${sts.host},${metadata.host}` }),
    env: {
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_PROFILE: "ec2",
    },
  });
  assertKeys(probed, "ec21");
  assertEquals(sts.asked[0].signedBy, keysOf("instance").accessKeyId);
  assert(metadata.requests.length > 0);
});
