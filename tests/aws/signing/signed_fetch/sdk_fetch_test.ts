/** The signed fetch as the `fetch` of the official SDK's client transports. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client";
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  createSignedFetch,
  type SignedFetch,
} from "../../../../src/aws/signing/signed_fetch.ts";
import type { SignatureVersion } from "../../../../src/aws/signing/core.ts";
import { allSigned } from "../../../support/sigv4/verifier.ts";
import { SdkServer } from "../../../support/sdk/server.ts";

const KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "a-secret-for-tests",
  sessionToken: "a-session-token==",
};
const SCOPE = { service: "execute-api", region: "eu-west-1" };

function startServer(): Promise<SdkServer> {
  return SdkServer.start({
    verifier: { ...SCOPE, principals: { [KEY.accessKeyId]: KEY } },
  });
}

function signedFetchTo(
  server: SdkServer,
  signatureVersion: SignatureVersion = "v4",
  secretAccessKey = KEY.secretAccessKey,
): SignedFetch {
  return createSignedFetch({
    origin: server.url,
    ...SCOPE,
    credentials: { ...KEY, secretAccessKey },
    signatureVersion,
  });
}

const CLIENTS = {
  v1: async (url: URL, fetch: SignedFetch) => {
    const client = new ClientV1({ name: "test", version: "1" });
    await client.connect(new TransportV1(url, { fetch }));
    return client;
  },
  v2: async (url: URL, fetch: SignedFetch) => {
    const client = new ClientV2({ name: "test", version: "1" });
    await client.connect(new TransportV2(url, { fetch }));
    return client;
  },
};

for (const [sdk, connect] of Object.entries(CLIENTS)) {
  for (const version of ["v4", "v4a"] as const) {
    Deno.test(`the SDK's ${sdk} client works over the signed fetch with ${version}`, async () => {
      await using server = await startServer();
      const client = await connect(server.url, signedFetchTo(server, version));
      const { tools } = await client.listTools();
      const result = await client.callTool({
        name: "add",
        arguments: { a: 2, b: 3 },
      });
      await client.close();
      assert(tools.some(({ name }) => name === "add"));
      assertEquals(result.structuredContent, { sum: 5 });
      assert(allSigned(server.gate.records.all));
    });
  }
}

Deno.test("the SDK's client is refused when the secret is wrong", async () => {
  await using server = await startServer();
  const client = new ClientV1({ name: "test", version: "1" });
  const transport = new TransportV1(server.url, {
    fetch: signedFetchTo(server, "v4", "another-secret"),
  });
  await assertRejects(() => client.connect(transport));
  await client.close();
  assertEquals(
    server.gate.records.all.map(({ verdict }) => verdict.ok || verdict.type),
    ["InvalidSignatureException"],
  );
});
