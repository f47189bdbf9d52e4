/** Sessions whose names, or whose profile's, need quotes; and their times. */

import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { createHash, generateKeyPairSync } from "node:crypto";
import { inAnHour, keysOf, SigninPeer, SsoPeer } from "./peers.ts";
import { World } from "./world.ts";

const ACCOUNT = "sso_account_id = 123456789012\nsso_role_name = Dev\n";
const START = "sso_start_url = https://corp.awsapps.com/start\n";

function cached(world: World, name: string, token: unknown): string {
  const hash = createHash("sha1").update(name).digest("hex");
  return world.write(`.aws/sso/cache/${hash}.json`, JSON.stringify(token));
}

function asking(peer: { url: string }, profile?: string) {
  return {
    flags: ["-A"],
    env: {
      AWS_ENDPOINT_URL_SSO: peer.url,
      AWS_ENDPOINT_URL_SSO_OIDC: peer.url,
      AWS_ENDPOINT_URL_SIGNIN: peer.url,
    },
    options: { profile },
  };
}

const NAMES: readonly [section: string, name: string][] = [
  ["'test sso'", "test sso"],
  ['"test sso"', "test sso"],
  ["'(corp)'", "(corp)"],
  ["'a & b'", "a & b"],
  ["übung", "übung"],
  [`"it's"`, "it's"],
  ["'Team #1'", "Team #1"],
  ["Corp", "Corp"],
];

Deno.test("an SSO session of any name is used, and renewed", async (t) => {
  for (const [section, name] of NAMES) {
    await t.step(name, async () => {
      using world = new World();
      await using sso = new SsoPeer("access-token-1");
      world.write(
        ".aws/config",
        `[profile 'Team A']\nSSO_Session = ${name}\n${ACCOUNT}` +
          `[sso-session ${section}]\nSSO_Region = eu-west-1\n${START}`,
      );
      const file = cached(world, name, {
        accessToken: "access-token-0",
        expiresAt: "2020-01-01T00:00:00UTC",
        refreshToken: "refresh-token-1",
        clientId: "client-1",
        clientSecret: "client-secret-1",
        kept: "as it was",
      });
      const probed = await world.probe(asking(sso, "Team A"));
      assertEquals(probed.message, undefined);
      assertEquals(
        probed.credentials?.accessKeyId,
        keysOf("Dev").accessKeyId,
      );
      const saved = JSON.parse(Deno.readTextFileSync(file));
      assertEquals(saved.accessToken, "access-token-1-renewed");
      assertEquals(saved.refreshToken, "refresh-token-2");
      assertEquals(saved.kept, "as it was");
    });
  }
});

Deno.test("a session's end is read in each form, and advice is quoted for a shell", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(
    ".aws/config",
    `[profile "Team A's"]\nsso_session = corp\n${ACCOUNT}` +
      `[sso-session corp]\nsso_region = eu-west-1\n${START}`,
  );
  const probing = asking(sso, "Team A's");
  const login = "aws sso login --profile 'Team A'\\''s'";
  const accessToken = "access-token-1";
  const none = await world.probe(probing);
  assertEquals(none.data?.run, login);
  assertStringIncludes(none.message ?? "", `run \`${login}\``);
  for (const expiresAt of ["2099-01-01T00:00:00UTC", "20990101T000000Z"]) {
    cached(world, "corp", { accessToken, expiresAt });
    const probed = await world.probe(probing);
    assertEquals(probed.credentials?.accessKeyId, keysOf("Dev").accessKeyId);
  }
  for (const expiresAt of ["2020-01-01T00:00:00UTC", "2020-01-01T00:00:00"]) {
    cached(world, "corp", { accessToken, expiresAt });
    const over = await world.probe({
      ...probing,
      env: { ...probing.env, TZ: "America/New_York" },
    });
    assertStringIncludes(
      over.message ?? "",
      "the SSO session is over since 2020-01-01T00:00:00.000Z",
    );
  }
});

Deno.test("an older profile's start URL names the token, and is not renewed", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(
    ".aws/config",
    `[profile 'old (one)']\nsso_region = eu-west-1\n${ACCOUNT}${START}`,
  );
  cached(world, "https://corp.awsapps.com/start", {
    accessToken: "access-token-1",
    expiresAt: inAnHour().toISOString(),
  });
  const probed = await world.probe(asking(sso, "old (one)"));
  assertEquals(probed.credentials?.accessKeyId, keysOf("Dev").accessKeyId);
});

Deno.test("a profile and its session that differ are an error, as for the AWS CLI", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  const path = world.write(
    ".aws/config",
    `[profile dev]\nsso_session = corp\nsso_region = us-east-1\n${ACCOUNT}` +
      `[sso-session corp]\nsso_region = eu-west-1\n${START}`,
  );
  const { message } = await world.probe(asking(sso, "dev"));
  assertStringIncludes(
    message ?? "",
    `sso_region differs: ${path} line 3 and ${path} line 7`,
  );
});

Deno.test("a console login of a profile with a blank in its name is used and renewed", async () => {
  using world = new World();
  await using signin = new SigninPeer();
  const name = "arn:aws:iam::123456789012:user/Jörg (admin)";
  world.write(
    ".aws/config",
    `[profile 'Team A']\nLogin_Session = ${name}\nregion = eu-west-1\n`,
  );
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const hash = createHash("sha256").update(name).digest("hex");
  const token = {
    accessToken: {
      ...keysOf("oldlogin"),
      accountId: "123456789012",
      expiresAt: "2020-01-01T00:00:00UTC",
    },
    clientId: "client-1",
    refreshToken: "refresh-token-1",
    dpopKey: privateKey.export({ format: "pem", type: "sec1" }),
  };
  const file = world.write(`logins/${hash}.json`, JSON.stringify(token));
  const probing = asking(signin, "Team A");
  const probed = await world.probe({
    ...probing,
    env: { ...probing.env, AWS_LOGIN_CACHE_DIRECTORY: "$HOME/logins" },
  });
  assertEquals(probed.message, undefined);
  const { accessKeyId } = keysOf("renewedlogin");
  assertEquals(probed.credentials?.accessKeyId, accessKeyId);
  const saved = JSON.parse(Deno.readTextFileSync(file));
  assertEquals(saved.accessToken.accessKeyId, accessKeyId);
  assertEquals(saved.accessToken.accountId, "123456789012");
  assertEquals(saved.refreshToken, "refresh-token-2");
  // Its refresh token is spent: now a person has to sign in.
  Deno.writeTextFileSync(
    file,
    JSON.stringify({ ...token, refreshToken: "refresh-token-0" }),
  );
  const spent = await world.probe({
    ...probing,
    env: { ...probing.env, AWS_LOGIN_CACHE_DIRECTORY: "~/logins" },
  });
  assertEquals(spent.data?.run, "aws login --profile 'Team A'");
  assertStringIncludes(spent.message ?? "", "AccessDeniedException");
  assertStringIncludes(spent.message ?? "", "TOKEN_EXPIRED");
});

Deno.test("endpoints of the profile's services section are used", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(
    ".aws/config",
    `[profile dev]\nservices = over here\nsso_session = corp\n${ACCOUNT}` +
      `[sso-session corp]\nsso_region = eu-west-1\n${START}` +
      `[services 'over here']\nsso =\n  endpoint_url = ${sso.url}\n`,
  );
  cached(world, "corp", {
    accessToken: "access-token-1",
    expiresAt: inAnHour().toISOString(),
  });
  const probed = await world.probe({
    flags: ["-A"],
    options: { profile: "dev" },
  });
  assertEquals(probed.credentials?.accessKeyId, keysOf("Dev").accessKeyId);
});

Deno.test("a token file that is far too long is refused, and not shown", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(
    ".aws/config",
    `[profile dev]\nsso_session = corp\n${ACCOUNT}` +
      `[sso-session corp]\nsso_region = eu-west-1\n${START}`,
  );
  cached(world, "corp", { accessToken: "x".repeat(300_000) });
  const long = await world.probe(asking(sso, "dev"));
  assertStringIncludes(long.message ?? "", "cannot be read");
  assertFalse(long.message?.includes("xxxx"));
});
