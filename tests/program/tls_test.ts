/** Whole-program tests: private roots and mutual TLS. */
import {
  assertEquals,
  assertNotMatch,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";
import { SDK_ENV } from "../../src/aws/credentials/sources/sdk.ts";
import { keysOf, StsPeer } from "../support/aws/credential_peers.ts";
import { Authority } from "../support/net/certificates.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { StreamClient } from "../support/stream/client.ts";
import { TEST_SCOPE } from "../support/aws/test_identity.ts";
import { TlsTerminator } from "../support/net/tls_terminator.ts";
import { PrivateTarget } from "../support/net/private_target.ts";

Deno.test("a target with a private root is refused with the cause, and reached with --ca-cert", async () => {
  await using target = await PrivateTarget.start();
  {
    await using proxy = await target.proxy(["--retries=0"]);
    const { value } = await proxy.request("ping");
    assertObjectMatch(value as object, { error: { code: -31010 } });
    const text = JSON.stringify(value);
    assertStringIncludes(text, "certificate: UnknownIssuer");
    assertStringIncludes(text, "--ca-cert (MCP_CA_CERT)");
    assertStringIncludes(text, '"mayHaveRun":false');
    assertEquals(target.server.requests.length, 0);
  }
  await using proxy = await target.proxy(["--ca-cert", "DIR/root.pem"]);
  assertObjectMatch((await proxy.request("ping")).value as object, {
    result: {},
  });
  assertEquals(target.server.requests.all[0].verdict?.ok, true);
});

Deno.test("roots that Deno was given stay trusted beside --ca-cert", async () => {
  await using target = await PrivateTarget.start();
  const other = new Authority({ name: "another root" });
  await Deno.writeTextFile(`${target.directory}/other.pem`, other.cert);
  await using proxy = await ProxyProcess.start({
    target: target.terminator.url,
    denoFlags: [`--cert=${target.directory}/root.pem`],
    args: [`--ca-cert=${target.directory}/other.pem`],
    permissions: { read: [target.directory] },
  });
  assertObjectMatch((await proxy.request("ping")).value as object, {
    result: {},
  });
});

Deno.test("credentials are fetched over the same roots, and not as the client", async () => {
  const { accessKeyId, ...keys } = keysOf("caller1");
  await using target = await PrivateTarget.start({
    demandsClient: true,
    verifier: { ...TEST_SCOPE, principals: { [accessKeyId]: keys } },
  });
  await using sts = new StsPeer();
  await using terminator = await TlsTerminator.start({
    to: new URL(sts.url),
    identity: target.authority.issue({ name: "STS" }),
  });
  await using proxy = await target.proxy(
    [
      "--ca-cert=DIR/root.pem",
      "--client-cert=DIR/client.pem",
      "--client-key=DIR/client.key",
      "--assume-role=arn:aws:iam::123456789012:role/caller",
    ],
    { AWS_ENDPOINT_URL_STS: terminator.url.origin },
    { net: [terminator.url.host], env: SDK_ENV },
    "start",
  );
  assertObjectMatch((await proxy.request("ping")).value as object, {
    result: {},
  });
  assertEquals(terminator.clients.all, [""]);
  assertEquals(target.terminator.clients.all, ["the client"]);
});

Deno.test("a certificate that has expired is told in the log", async () => {
  await using target = await PrivateTarget.start();
  const to = Date.now() - 60_000;
  const { cert, key } = target.authority.issue({ name: "an old client", to });
  await Deno.writeTextFile(`${target.directory}/old.pem`, cert + key);
  await using proxy = await target.proxy([
    "--ca-cert=DIR/root.pem",
    "--client-cert=DIR/old.pem",
    "--client-key=DIR/old.pem",
  ]);
  const { value } = await proxy.waitForLog(({ text }) =>
    text.includes("have expired")
  );
  assertObjectMatch(value as object, {
    level: "warn",
    file: `${target.directory}/old.pem`,
  });
  assertStringIncludes(JSON.stringify(value), "CN=an old client");
});

Deno.test("with mutual TLS a request arrives with the client's certificate alone", async () => {
  await using target = await PrivateTarget.start({ demandsClient: true });
  const cases = [
    ["--ca-cert=DIR/root.pem", "--retries=0"],
    [
      "--ca-cert=DIR/root.pem",
      "--retries=0",
      "--client-cert=DIR/stranger.pem",
      "--client-key=DIR/stranger.key",
    ],
  ];
  for (const args of cases) {
    await using proxy = await target.proxy(args);
    const { value } = await proxy.request("ping");
    assertObjectMatch(value as object, { error: { code: -31010 } });
  }
  assertEquals(target.terminator.clients.length, 0);
  assertEquals(target.server.requests.length, 0);

  await using proxy = await target.proxy([], {
    MCP_CA_CERT: "DIR/root.pem",
    MCP_CLIENT_CERT: "DIR/client.pem",
    MCP_CLIENT_KEY: "DIR/client.key",
  });
  for (let request = 0; request < 3; request++) {
    assertObjectMatch((await proxy.request("ping")).value as object, {
      result: {},
    });
  }
  assertEquals(target.terminator.clients.all, ["the client"]);
  assertNotMatch(proxy.stderr, /PRIVATE KEY|BEGIN CERTIFICATE/);
});

Deno.test("another Host is signed and sent over TLS with a certificate of one's own", async () => {
  await using target = await PrivateTarget.start({ demandsClient: true });
  await using proxy = await target.proxy([
    "--sign-host=mcp.example",
    "--ca-cert=DIR/root.pem",
    "--client-cert=DIR/client.pem",
    "--client-key=DIR/client.key",
  ]);
  assertObjectMatch((await proxy.request("ping")).value as object, {
    result: {},
  });
  const [request] = target.server.requests.all;
  assertEquals(request.header("host"), "mcp.example");
  assertEquals(request.verdict?.ok, true);
});

Deno.test("a library's user is told where he names the root of a target, and his own certificate", async () => {
  await using target = await PrivateTarget.start({ demandsClient: true });
  const caCerts = [await Deno.readTextFile(`${target.directory}/root.pem`)];
  using knowing = Deno.createHttpClient({ caCerts });
  const over = (client?: Deno.HttpClient): typeof fetch => (input, init) =>
    fetch(input, { ...init, client });
  for (
    const [send, named] of [
      [over(), "name the root with caCerts of Deno.createHttpClient"],
      [over(knowing), ": cert and key of Deno.createHttpClient"],
    ] as const
  ) {
    await using client = new StreamClient({
      url: target.terminator.url,
      fetch: send,
      retries: 0,
    });
    client.request(1, "ping");
    assertStringIncludes((await client.answer(1)).json.error.message, named);
  }
});

Deno.test("a client's certificate that is missing is a cause that is named", async () => {
  await using target = await PrivateTarget.start({ demandsClient: true });
  await using proxy = await target.proxy(["--ca-cert=DIR/root.pem"]);
  const { value } = await proxy.request("ping");
  assertStringIncludes(JSON.stringify(value), "--client-cert and --client-key");
  assertNotMatch(JSON.stringify(value), /docs\.rs/);
});

Deno.test("files that are no certificates are told before anything is sent", async () => {
  await using target = await PrivateTarget.start();
  await using proxy = await target.proxy([
    "--ca-cert=DIR/client.key",
    "--client-cert=DIR/client.pem",
    "--client-key=DIR/stranger.key",
    "--header-file=DIR/none",
  ]);
  assertEquals((await proxy.status()).code, 2);
  assertStringIncludes(
    proxy.stderr,
    `CA certificate '${target.directory}/client.key' has no certificate in PEM form`,
  );
  assertStringIncludes(
    proxy.stderr,
    `client key '${target.directory}/stranger.key' does not belong to the certificate of '${target.directory}/client.pem'`,
  );
  assertStringIncludes(
    proxy.stderr,
    `header file '${target.directory}/none' does not exist`,
  );
});

Deno.test("files that may not be read are told with the flag that permits it", async () => {
  await using proxy = await ProxyProcess.start({
    target: new URL("https://127.0.0.1:9/mcp"),
    args: ["--ca-cert=/some/root.pem", "--header-file=/some/headers"],
  });
  assertEquals((await proxy.status()).code, 2);
  assertStringIncludes(proxy.stderr, "add --allow-read=/some/root.pem");
  assertStringIncludes(proxy.stderr, "add --allow-read=/some/headers");
});
