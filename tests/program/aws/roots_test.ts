/** The roots that the AWS CLI trusts, for the target and for credentials. */
import { createHash } from "node:crypto";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { SsoPeer, StsPeer } from "../../support/aws/credential_peers.ts";
import { ProxyProcess } from "../../support/program/proxy_process.ts";
import { TlsTerminator } from "../../support/net/tls_terminator.ts";
import { PrivateTarget } from "../../support/net/private_target.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { tempDir } from "../../support/temp_dir.ts";

Deno.test("the AWS CLI's roots are trusted for the target, from a variable and a profile", async () => {
  await using target = await PrivateTarget.start();
  const home = target.directory;
  const aws = `${home}/.aws`;
  await Deno.mkdir(aws);
  const start = (env: Record<string, string>, args: readonly string[] = []) =>
    ProxyProcess.startHere({
      target: target.terminator.url,
      home,
      args: ["--retries=0", ...args],
      env,
    });
  const isReached = async (proxy: ProxyProcess) =>
    "result" in Object((await proxy.request("ping")).value);
  for (const path of [`${home}/root.pem`, "~/root.pem", "$HOME/root.pem"]) {
    await using proxy = await start({ AWS_CA_BUNDLE: path });
    assertEquals(await isReached(proxy), true, path);
  }
  await Deno.writeTextFile(
    `${aws}/config`,
    "[profile 'Team A']\nca_bundle = ~/root.pem\n" +
      "[profile other]\nca_bundle = ~/stranger.pem\n",
  );
  const named = { AWS_PROFILE: "Team A" };
  {
    await using proxy = await start(named);
    assertEquals(await isReached(proxy), true, "a profile's");
  }
  {
    // The variable goes before the profile, and --ca-cert before both.
    await using proxy = await start({
      ...named,
      AWS_CA_BUNDLE: "~/stranger.pem",
    });
    assertEquals(await isReached(proxy), false, "a variable's");
  }
  await using proxy = await start(
    { AWS_PROFILE: "other", AWS_CA_BUNDLE: "~/stranger.pem" },
    [`--ca-cert=${home}/root.pem`],
  );
  assertEquals(await isReached(proxy), true, "--ca-cert");
});

Deno.test("beside keys in the environment a broken shared file is a fault, since it may name the roots", async () => {
  await using home = await tempDir({
    ".aws/config": "[default\nca_bundle = /root.pem\n",
  });
  await using proxy = await ProxyProcess.startHere({
    target: NOBODY,
    home: home.path,
  });
  assertEquals((await proxy.status()).code, 2);
  assertStringIncludes(
    proxy.stderr,
    `ca_bundle cannot be looked up: shared files: ${home.path}/.aws/config line 1: `,
  );
});

Deno.test("a ca_bundle that has settings indented under it is a fault that names file and line", async () => {
  await using home = await tempDir({
    ".aws/config": "[default]\nca_bundle =\n  a = 1\n",
  });
  await using proxy = await ProxyProcess.startHere({
    target: NOBODY,
    home: home.path,
    env: { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
  });
  assertEquals((await proxy.status()).code, 2);
  assertStringIncludes(
    proxy.stderr,
    `ca_bundle cannot be looked up: shared files: ${home.path}/.aws/config line 2: ca_bundle has settings indented`,
  );
});

Deno.test("the AWS CLI's roots are trusted for STS and SSO, too", async () => {
  await using target = await PrivateTarget.start();
  const home = target.directory;
  const token = "access-token-1";
  await using sts = new StsPeer();
  await using sso = new SsoPeer(token);
  const identity = target.authority.issue({ name: "AWS" });
  await using stsTls = await TlsTerminator.start({
    to: new URL(sts.url),
    identity,
  });
  await using ssoTls = await TlsTerminator.start({
    to: new URL(sso.url),
    identity,
  });
  const hash = createHash("sha1").update("corp").digest("hex");
  await Deno.mkdir(`${home}/.aws/sso/cache`, { recursive: true });
  await Deno.writeTextFile(
    `${home}/.aws/sso/cache/${hash}.json`,
    JSON.stringify({ accessToken: token, expiresAt: "2099-01-01T00:00:00Z" }),
  );
  await Deno.writeTextFile(
    `${home}/.aws/config`,
    "[profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\n" +
      "source_profile = dev\n[profile dev]\nsso_session = corp\n" +
      "sso_account_id = 123456789012\nsso_role_name = Dev\n" +
      "[sso-session corp]\nsso_region = eu-west-1\n" +
      "sso_start_url = https://corp.awsapps.com/start\n",
  );
  await using proxy = await ProxyProcess.startHere({
    target: target.terminator.url,
    home,
    args: ["--profile=admin"],
    env: {
      AWS_CA_BUNDLE: "~/root.pem",
      AWS_ENDPOINT_URL_STS: stsTls.url.origin,
      AWS_ENDPOINT_URL_SSO: ssoTls.url.origin,
    },
  });
  await proxy.request("ping");
  // The target does not know the role, and it is asked for once more.
  assertEquals(sso.requests.length > 0, true);
  assertEquals(sts.asked[0]?.role, "admin");
});

Deno.test("the AWS CLI's roots that may not be read are told of by name, and those that are not there are a fault", async () => {
  await using target = await PrivateTarget.start();
  const root = `${target.directory}/root.pem`;
  {
    await using proxy = await ProxyProcess.start({
      target: target.terminator.url,
      args: ["--retries=0"],
      env: { AWS_CA_BUNDLE: root },
    });
    const { text } = await proxy.request("ping");
    assertStringIncludes(text, "UnknownIssuer");
    assertStringIncludes(
      proxy.stderr,
      `the roots of AWS_CA_BUNDLE are not trusted: '${root}' may not be read`,
    );
    assertStringIncludes(proxy.stderr, `--allow-read=${root}`);
  }
  const wrong: [path: string, what: string][] = [
    [`${root}.gone`, "does not exist"],
    [`${target.directory}/client.key`, "has no certificate in PEM form"],
    [target.directory, "is a directory"],
  ];
  for (const [path, what] of wrong) {
    await using proxy = await target.proxy([], { AWS_CA_BUNDLE: path });
    assertEquals((await proxy.status()).code, 2);
    assertStringIncludes(proxy.stderr, `AWS_CA_BUNDLE: '${path}' ${what}`);
  }
});
