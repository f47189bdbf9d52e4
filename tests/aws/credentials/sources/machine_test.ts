/** What the machine underneath may answer, and what becomes of it. */

import {
  assertEquals,
  assertFalse,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createCredentialSource } from "../../../../src/aws/credentials/credentials.ts";
import { instanceCredentials } from "../../../../src/aws/credentials/sources/machine.ts";
import { CredentialsError } from "../../../../src/errors.ts";
import { keysOf, Peer } from "../../../support/aws/credential_peers.ts";
import { keptLog } from "../../../support/kept_log.ts";
import { World } from "../world.ts";
import { searchOf } from "./search.ts";

const FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

function machineKeys(name: string, Expiration: string | null): Response {
  const { accessKeyId, secretAccessKey, sessionToken } = keysOf(name);
  return Response.json({
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration,
  });
}

/** Version 1 of the metadata service, which knows no token. */
function oldMetadata(answer: () => Response): Peer {
  return new Peer(({ path, method }) => {
    if (method === "PUT") return new Response(null, { status: 405 });
    return path.endsWith("/") ? new Response("web-role") : answer();
  });
}

function searchFor(metadata: Peer, env: Record<string, string> = {}) {
  return searchOf({ AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url, ...env });
}

Deno.test("an answer of the container without end is refused, and a token file without end too", async () => {
  using world = new World();
  await using container = new Peer(() => new Response("x".repeat(1_000_000)));
  const env = world.env({ [FULL_URI]: container.url });
  await assertRejects(
    () => createCredentialSource({ env }).get(),
    CredentialsError,
    "its answer is too long",
  );
  const tokenFile = world.write("token", "x".repeat(1_000_000));
  const withFile = world.env({
    [FULL_URI]: container.url,
    [TOKEN_FILE]: tokenFile,
  });
  await assertRejects(
    () => createCredentialSource({ env: withFile }).get(),
    CredentialsError,
    "cannot be read",
  );
});

Deno.test("a container's token that cannot be sent is named, and a scheme before it can", async () => {
  using world = new World();
  await using container = new Peer(({ headers }) =>
    headers.get("authorization") === "Basic dXNlcjpwYXNz"
      ? machineKeys("basic", "2099-01-01T00:00:00Z")
      : new Response(null, { status: 403 })
  );
  const name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  const ask = (token: string) =>
    createCredentialSource({
      env: world.env({ [FULL_URI]: container.url, [name]: token }),
    }).get();
  const { accessKeyId } = await ask("Basic dXNlcjpwYXNz");
  assertEquals(accessKeyId, keysOf("basic").accessKeyId);
  await assertRejects(
    () => ask("dXNlcjpwYXNz\r\n"),
    CredentialsError,
    `${name} has U+000D`,
  );
  assertEquals(container.requests.length, 1);
});

Deno.test("an endpoint of the machine that is no URL of its kind is named, and nobody is asked", async () => {
  using world = new World();
  for (
    const [variables, said] of [
      [{ [FULL_URI]: "container" }, `${FULL_URI} is no URL`],
      [{ [FULL_URI]: "ftp://example.com/" }, `${FULL_URI} is no URL`],
      [{
        AWS_EC2_METADATA_DISABLED: "false",
        AWS_EC2_METADATA_SERVICE_ENDPOINT: "metadata:80",
      }, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL"],
    ] as [Record<string, string>, string][]
  ) {
    const env = world.env(variables);
    await assertRejects(
      () => createCredentialSource({ env }).get(),
      CredentialsError,
      said,
    );
  }
});

Deno.test("only true, in any case, disables the metadata service", async () => {
  await using metadata = oldMetadata(() =>
    machineKeys("instance", "2099-01-01T00:00:00Z")
  );
  for (const value of ["False", "0", "no", "false", "1", "yes"]) {
    const search = searchFor(metadata, { AWS_EC2_METADATA_DISABLED: value });
    const found = await instanceCredentials(search);
    assertEquals(typeof found, "object", value);
  }
  const asked = metadata.requests.length;
  for (const value of ["true", "True", "TRUE"]) {
    const search = searchFor(metadata, { AWS_EC2_METADATA_DISABLED: value });
    assertEquals(
      await instanceCredentials(search),
      "AWS_EC2_METADATA_DISABLED is true",
    );
  }
  assertEquals(metadata.requests.length, asked);
});

Deno.test("version 1 of the metadata service is asked where there is no other, unless it is disabled", async () => {
  await using metadata = oldMetadata(() =>
    machineKeys("instance", "2099-01-01T00:00:00Z")
  );
  const { log, lines } = keptLog();
  const found = await instanceCredentials({ ...searchFor(metadata), log });
  assertEquals(
    typeof found === "object" && found.accessKeyId,
    keysOf("instance").accessKeyId,
  );
  assertEquals(lines, []);
  const off = searchFor(metadata, { AWS_EC2_METADATA_V1_DISABLED: "TRUE" });
  await assertRejects(
    () => instanceCredentials(off),
    CredentialsError,
    "version 1 is disabled",
  );
});

Deno.test("an instance's credentials stay in use while the service fails", async () => {
  let answer = () => machineKeys("instance", "2099-01-01T00:00:00Z");
  await using metadata = oldMetadata(() => answer());
  const search = searchFor(metadata);
  await instanceCredentials(search);
  answer = () => new Response(null, { status: 500 });
  const kept = await instanceCredentials(search);
  assertEquals(
    typeof kept === "object" && kept.accessKeyId,
    keysOf("instance").accessKeyId,
  );
  // One that was never there has nothing to keep.
  const error = await assertRejects(
    () => instanceCredentials(searchFor(metadata)),
    CredentialsError,
  );
  assertStringIncludes(error.message, "it answers with an error (500)");
});

Deno.test("an instance's credentials without an end have none while the service fails", async () => {
  let answer = () => machineKeys("instance", null);
  await using metadata = oldMetadata(() => answer());
  const search = searchFor(metadata);
  const first = await instanceCredentials(search);
  answer = () => new Response(null, { status: 500 });
  assertEquals(await instanceCredentials(search), first);
});

Deno.test("an instance's credentials that were over when they came are used for some minutes more", async () => {
  await using metadata = oldMetadata(() =>
    machineKeys("instance", "2020-01-01T00:00:00Z")
  );
  const found = await instanceCredentials(searchFor(metadata));
  const end = typeof found === "object" ? found.expiration?.getTime() ?? 0 : 0;
  assertEquals(end > Date.now(), true);
});

for (const [given, said] of [["0.05", "0.05"], ["soon", "1"]]) {
  Deno.test(`a container that does not answer has ${said} s where AWS_METADATA_SERVICE_TIMEOUT is ${given}`, async () => {
    using world = new World();
    const over = Promise.withResolvers<Response>();
    await using container = new Peer(() => over.promise);
    const env = world.env({
      [FULL_URI]: container.url,
      AWS_METADATA_SERVICE_TIMEOUT: given,
    });
    await assertRejects(
      () => createCredentialSource({ env }).get(),
      CredentialsError,
      `no answer within ${said} s`,
    );
    over.resolve(new Response());
  });
}

Deno.test("a service whose token does not come is told with the hop limit", async () => {
  const endless = "x".repeat(300_000);
  await using metadata = new Peer(({ method }) =>
    method === "PUT"
      ? new Response(endless)
      : new Response(null, { status: 401 })
  );
  await assertRejects(
    () => instanceCredentials(searchFor(metadata)),
    CredentialsError,
    "it answers with an error (401); in a container the instance's hop limit",
  );
});

Deno.test("an answer without keys is told with its own reason, and not with the hop limit", async () => {
  const said = { Code: "AssumeRoleUnauthorizedAccess", Message: "EC2 cannot" };
  const words = "gave no credentials: AssumeRoleUnauthorizedAccess: EC2 cannot";
  await using peer = oldMetadata(() => Response.json(said));
  using world = new World();
  const env = world.env({ [FULL_URI]: `${peer.url}/v2` });
  for (
    const ask of [
      () => createCredentialSource({ env }).get(),
      () => instanceCredentials(searchFor(peer)),
    ]
  ) {
    const error = await assertRejects(ask, CredentialsError, words);
    assertFalse(error.message.includes("hop limit"), error.message);
  }
});
