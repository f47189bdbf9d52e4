/** Sessions whose names, or whose profile's, need quotes; and their times. */

import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { inAnHour, SigninPeer } from "../../support/aws/credential_peers.ts";
import {
  dpopKey,
  keepLogin,
  OVER,
  RENEWABLE,
  SsoWorld,
  START_URL,
} from "./sso_world.ts";
import { assertKeys, World } from "./world.ts";

const ACCOUNT = "sso_account_id = 123456789012\nsso_role_name = Dev\n";
const START = `sso_start_url = ${START_URL}\n`;
const SESSION = `[sso-session corp]\nsso_region = eu-west-1\n${START}`;

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
      await using world = new SsoWorld(
        `[profile 'Team A']\nSSO_Session = ${name}\n${ACCOUNT}` +
          `[sso-session ${section}]\nSSO_Region = eu-west-1\n${START}`,
      );
      const more = { ...RENEWABLE, kept: "as it was" };
      const file = world.keep("access-token-0", OVER, more, name);
      assertKeys(await world.probe(world.asking({ profile: "Team A" })), "Dev");
      const saved = JSON.parse(Deno.readTextFileSync(file));
      assertEquals(saved.accessToken, "access-token-1-renewed");
      assertEquals(saved.refreshToken, "refresh-token-2");
      assertEquals(saved.kept, "as it was");
    });
  }
});

Deno.test("a session's end is read in each form, and advice is quoted for a shell", async () => {
  await using world = new SsoWorld(
    `[profile "Team A's"]\nsso_session = corp\n${ACCOUNT}${SESSION}`,
  );
  const profile = "Team A's";
  const login = "aws sso login --profile 'Team A'\\''s'";
  const none = await world.probe(world.asking({ profile }));
  assertEquals(none.data?.run, login);
  assertStringIncludes(none.message ?? "", `run \`${login}\``);
  for (const expiresAt of ["2099-01-01T00:00:00UTC", "20990101T000000Z"]) {
    world.keep("access-token-1", OVER, { expiresAt });
    assertKeys(await world.probe(world.asking({ profile })), "Dev");
  }
  const env = { TZ: "America/New_York" };
  for (const expiresAt of ["2020-01-01T00:00:00UTC", "2020-01-01T00:00:00"]) {
    world.keep("access-token-1", OVER, { expiresAt });
    const own = { profile, env, flags: ["-A"] };
    const { message } = await world.probe(world.asking(own));
    const over = "the SSO session is over since 2020-01-01T00:00:00.000Z";
    assertStringIncludes(message ?? "", over);
  }
});

Deno.test("an older profile's start URL names the token, and is not renewed", async () => {
  await using world = new SsoWorld(
    `[profile 'old (one)']\nsso_region = eu-west-1\n${ACCOUNT}${START}`,
  );
  world.keep("access-token-1", inAnHour(), {}, START_URL);
  assertKeys(await world.probe(world.asking({ profile: "old (one)" })), "Dev");
});

Deno.test("a profile and its session that differ are an error, as for the AWS CLI", async () => {
  await using world = new SsoWorld(
    "[profile dev]\nsso_session = corp\nsso_region = us-east-1\n" +
      ACCOUNT + SESSION,
  );
  const path = world.path(".aws/config");
  const { message } = await world.probe(world.asking());
  const differs = `sso_region differs: ${path} line 3 and ${path} line 7`;
  assertStringIncludes(message ?? "", differs);
});

Deno.test("a console login of a profile with a blank in its name is used and renewed", async () => {
  using world = new World();
  await using signin = new SigninPeer();
  const name = "arn:aws:iam::123456789012:user/Jörg (admin)";
  world.write(
    ".aws/config",
    `[profile 'Team A']\nLogin_Session = ${name}\nregion = eu-west-1\n`,
  );
  const kept = (refreshToken: string) =>
    keepLogin(world, name, "oldlogin", OVER, {
      refreshToken,
      dpopKey: dpopKey(),
    }, "logins");
  const asked = (directory: string) =>
    world.probe({
      options: { profile: "Team A" },
      env: {
        AWS_ENDPOINT_URL_SIGNIN: signin.url,
        AWS_LOGIN_CACHE_DIRECTORY: directory,
      },
    });
  const file = kept("refresh-token-1");
  const probed = await asked("$HOME/logins");
  assertKeys(probed, "renewedlogin");
  const saved = JSON.parse(Deno.readTextFileSync(file));
  const { accessKeyId } = probed.credentials ?? {};
  assertEquals(saved.accessToken.accessKeyId, accessKeyId);
  assertEquals(saved.accessToken.accountId, "123456789012");
  assertEquals(saved.refreshToken, "refresh-token-2");
  // Its refresh token is spent: now a person has to sign in.
  kept("refresh-token-0");
  const spent = await asked("~/logins");
  assertEquals(spent.data?.run, "aws login --profile 'Team A'");
  assertStringIncludes(spent.message ?? "", "AccessDeniedException");
  assertStringIncludes(spent.message ?? "", "TOKEN_EXPIRED");
});

Deno.test("endpoints of the profile's services section are used", async () => {
  await using world = new SsoWorld("");
  world.write(
    ".aws/config",
    `[profile dev]\nservices = over here\nsso_session = corp\n${ACCOUNT}` +
      SESSION +
      `[services 'over here']\nsso =\n  endpoint_url = ${world.sso.url}\n`,
  );
  world.keep("access-token-1");
  const options = { profile: "dev" };
  assertKeys(await world.probe({ options }), "Dev");
});

Deno.test("a token file that is far too long is refused, and not shown", async () => {
  await using world = new SsoWorld();
  world.keep("x".repeat(300_000));
  const { message } = await world.probe(world.asking());
  assertStringIncludes(message ?? "", "cannot be read");
  assertFalse(message?.includes("xxxx"));
});
