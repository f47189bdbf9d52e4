/** A session that is begun by device authorization, step by step. */

import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import {
  credentialSource,
  type CredentialSourceOptions,
} from "../../../../src/aws/credentials/credentials.ts";
import { lockUnless } from "../../../../src/aws/credentials/sso_login/lock.ts";
import { Logins } from "../../../../src/aws/credentials/sso_login/logins.ts";
import type { CredentialSource } from "../../../../src/aws/credentials/types.ts";
import {
  type Login,
  LoginError,
  type LoginPage,
} from "../../../../src/login.ts";
import { OPTION_NAMES } from "../../../../src/naming.ts";
import { Clock } from "../../../support/time/clock.ts";
import { within } from "../../../support/time/deadline.ts";
import { LoginWorld } from "../../../support/aws/login_world.ts";
import { TEST_CREDENTIALS } from "../../../support/aws/test_identity.ts";
import { tempDir } from "../../../support/temp_dir.ts";

/** What finds the credentials of a world's profile, and their login. */
function machine(
  world: LoginWorld,
  options: Partial<CredentialSourceOptions> = {},
) {
  const logins = new Logins();
  const variables: Record<string, string> = {
    HOME: world.home,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_ENDPOINT_URL_SSO: world.peer.url,
    AWS_ENDPOINT_URL_SSO_OIDC: world.peer.url,
  };
  const source = credentialSource({
    env: (name) => variables[name],
    profile: "dev",
    ...options,
  }, { logins, names: OPTION_NAMES });
  return { logins, source };
}

/** The login that fixes what a source lacks. */
async function loginOf(
  { source, logins }: { source: CredentialSource; logins: Logins },
): Promise<Login> {
  const error = await assertRejects(() => source.get());
  const login = logins.find(error);
  if (!login) throw new Error("no login would fix it", { cause: error });
  return login;
}

Deno.test("a lock whose file another program has made anew is none, and is taken again", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "token.lock");
  const { tryLock } = Deno.FsFile.prototype;
  using restored = new DisposableStack();
  restored.defer(() => Deno.FsFile.prototype.tryLock = tryLock);
  let others = 0;
  Deno.FsFile.prototype.tryLock = async function (exclusive) {
    if (others++ === 0) {
      // The program before it has ended here, and the next one has begun.
      await Deno.remove(path);
      await Deno.writeTextFile(path, "another's");
    }
    return await tryLock.call(this, exclusive);
  };
  const { signal } = new AbortController();
  const isDone = () => Promise.resolve(false);
  const lock = await lockUnless(isDone, path, 600_000, signal);
  assertStringIncludes(await Deno.readTextFile(path), `"pid":${Deno.pid}`);
  await lock?.[Symbol.asyncDispose]();
});

Deno.test("whoever comes to a lock that is held waits until the work is done", async () => {
  await using temp = await tempDir();
  const path = join(temp.path, "token.json");
  const { signal } = new AbortController();
  const held = await lockUnless(
    () => Promise.resolve(false),
    path,
    600_000,
    signal,
  );
  let looks = 0;
  using clock = new Clock();
  const looked = Promise.withResolvers<void>();
  const second = lockUnless(
    () => Promise.resolve(looks++ > 0).finally(looked.resolve),
    path,
    600_000,
    signal,
  );
  await looked.promise;
  await clock.ring(500);
  assertEquals(await within(second, "the second one's end"), undefined);
  await held?.[Symbol.asyncDispose]();
});

/** Begins a login: what it comes to, and the page that it shows. */
function begun(login: Login, signal = new AbortController().signal) {
  const shown = Promise.withResolvers<LoginPage>();
  const over = login.begin((page) => {
    shown.resolve(page);
    return Promise.resolve();
  }, signal);
  shown.promise.catch(() => {});
  over.catch(shown.reject);
  return { over, page: shown.promise };
}

/** A login to its end, for whose token is asked at this pace. */
async function signIn(login: Login, pacesMs: readonly number[]): Promise<void> {
  using clock = new Clock();
  const { over, page } = begun(login);
  await page;
  for (const paceMs of pacesMs) await clock.ring(paceMs);
  await over;
}

async function outcomeOf(over: Promise<void>): Promise<string> {
  const error = await assertRejects(() => over);
  assertInstanceOf(error, LoginError);
  return error.outcome;
}

Deno.test("the token is asked for at AWS's pace, and five seconds slower each time that it says so", async () => {
  await using world = await LoginWorld.start();
  const login = await loginOf(machine(world));
  world.peer.answers.push("slow_down", "slow_down", "authorization_pending");
  world.peer.answer = "token";
  await signIn(login, [200, 5_200, 10_200, 10_200]);
});

Deno.test("where AWS says no pace, it is five seconds", async () => {
  await using world = await LoginWorld.start();
  world.peer.page = { interval: undefined };
  const login = await loginOf(machine(world));
  world.peer.answer = "token";
  await signIn(login, [5_000]);
});

for (const status of [429, 500, 503]) {
  Deno.test(`a token endpoint that answers ${status} is asked again, more slowly`, async () => {
    await using world = await LoginWorld.start();
    const login = await loginOf(machine(world));
    world.peer.answers.push(status);
    world.peer.answer = "token";
    await signIn(login, [200, 5_200]);
  });
}

Deno.test("a token endpoint that cannot be reached for a while does not end the login", async () => {
  await using world = await LoginWorld.start();
  let failures = 1;
  const login = await loginOf(machine(world, {
    fetch: (input, init) =>
      `${input}`.endsWith("/token") && failures-- > 0
        ? Promise.reject(new TypeError("no network"))
        : fetch(input, init),
  }));
  world.peer.answer = "token";
  await signIn(login, [200, 5_200]);
});

Deno.test("a code that nobody used in its time ends the login, whether AWS says so or not", async () => {
  await using world = await LoginWorld.start();
  world.peer.page = { expiresIn: 1 };
  const login = await loginOf(machine(world));
  using clock = new Clock();
  const { over, page } = begun(login);
  await page;
  const outcome = outcomeOf(over);
  for (let poll = 1; poll <= 5; poll++) await clock.ring(200);
  assertEquals(await outcome, "expired");
});

Deno.test("a sign-in service that cannot be reached, or refuses, ends the login at once, and says so", async () => {
  await using world = await LoginWorld.start();
  const { over } = begun(
    await loginOf(machine(world, {
      fetch: () => Promise.reject(new TypeError("no network")),
    })),
  );
  const error = await assertRejects(() => over, LoginError, world.peer.host);
  assertEquals(error.outcome, "failed");
  world.peer.status = 400;
  const refused = begun(await loginOf(machine(world)));
  const said = await assertRejects(() => refused.over, LoginError, "refused");
  assertEquals(said.outcome, "failed");
});

for (
  const [host, isKnown] of [
    ["device.sso.eu-west-1.amazonaws.com", true],
    ["corp.awsapps.com", true],
    ["d-1234567890.awsapps.com", true],
    ["start.us-gov-west-1.us-gov-home.awsapps.com", true],
    ["start.cn-north-1.home.awsapps.cn", true],
    ["ssoins-722.portal.eu-west-1.app.aws", true],
    ["device.sso.us-east-1.amazonaws.com", false],
    ["bucket.s3.eu-west-1.amazonaws.com", false],
    ["device.sso.eu-west-1.amazonaws.com.evil.example", false],
    ["corp.awsapps.com.evil.example", false],
    ["evilawsapps.com", false],
    ["xn--wsapps-3fg.com", false],
  ] as const
) {
  Deno.test(`the user is told that the page is at ${host}, ${isKnown ? "and not warned" : "and warned that this is no host of AWS that is known"}`, async () => {
    await using world = await LoginWorld.start();
    const url = `https://${host}/?user_code=WXYZ-0001`;
    world.peer.page = { verificationUriComplete: url };
    const end = new AbortController();
    const { over, page } = begun(await loginOf(machine(world)), end.signal);
    const { url: shown, message } = await page;
    assertEquals(shown, url);
    assertStringIncludes(message, `open the page at ${host},`);
    assertEquals(message.includes(`${host} is no host of AWS`), !isKnown);
    end.abort(new LoginError("interrupted", "it is enough"));
    await outcomeOf(over);
  });
}

Deno.test("AWS's own names of its errors, without what the protocol calls them, end a login as they should", async () => {
  for (
    const [name, outcome] of [
      ["ExpiredTokenException", "expired"],
      ["AccessDeniedException", "denied"],
      ["InvalidClientException", "failed"],
    ] as const
  ) {
    await using world = await LoginWorld.start();
    world.peer.errorType = name;
    const { over } = begun(await loginOf(machine(world)));
    assertEquals(await outcomeOf(over), outcome);
  }
});

Deno.test("an older profile without a session has its token under its start URL, and asks for no scopes", async () => {
  await using world = await LoginWorld.start();
  const startUrl = "https://old.awsapps.com/start";
  await world.addProfile("old", {
    sso_start_url: startUrl,
    sso_region: "eu-west-1",
    sso_account_id: "123456789012",
    sso_role_name: "Dev",
  });
  const own = machine(world, { profile: "old" });
  world.peer.answer = "token";
  await begun(await loginOf(own)).over;
  const { accessKeyId } = await own.source.get();
  assertEquals(accessKeyId, TEST_CREDENTIALS.accessKeyId);
  const name = createHash("sha1").update(startUrl).digest("hex");
  const path = join(world.home, ".aws/sso/cache", `${name}.json`);
  const token = JSON.parse(await Deno.readTextFile(path));
  assertEquals(token.startUrl, startUrl);
  const [{ body }] = world.peer.requests.all;
  assertEquals("scopes" in body, false);
});

Deno.test("a token in memory is renewed there, until a file has another one", async () => {
  await using world = await LoginWorld.start();
  // No directory can be made below a file.
  await Deno.writeTextFile(join(world.home, ".aws/sso"), "");
  let aheadMs = 0;
  const own = machine(world, { now: () => Date.now() + aheadMs });
  world.peer.answer = "token";
  await begun(await loginOf(own)).over;
  await own.source.get();
  const tokens = () =>
    world.peer.requests.all.filter(({ path }) => path === "/token")
      .map(({ body }) => body.grantType);
  const device = "urn:ietf:params:oauth:grant-type:device_code";
  assertEquals(tokens(), [device]);
  aheadMs = 9 * 3_600_000;
  await own.source.get();
  assertEquals(tokens(), [device, "refresh_token"]);
  await Deno.remove(join(world.home, ".aws/sso"));
  await world.logInElsewhere(aheadMs);
  aheadMs += 3_600_000 * 2;
  await world.logInElsewhere(aheadMs);
  await own.source.get();
  assertEquals(world.peer.asked.at(-1), "a-token-from-elsewhere");
});

Deno.test("a login in memory is found by requests whose last failure is still remembered", async () => {
  await using world = await LoginWorld.start();
  await Deno.writeTextFile(join(world.home, ".aws/sso"), "");
  let aheadMs = 0;
  // Each look at the clock is a second after the last: a failure is slow.
  const own = machine(world, { now: () => Date.now() + (aheadMs += 1_000) });
  const login = await loginOf(own);
  world.peer.answer = "token";
  await begun(login).over;
  const { accessKeyId } = await own.source.get();
  assertEquals(accessKeyId, TEST_CREDENTIALS.accessKeyId);
});

Deno.test("a login that is given up ends at once, whatever it waits for", async () => {
  await using world = await LoginWorld.start();
  const end = new AbortController();
  const { over, page } = begun(await loginOf(machine(world)), end.signal);
  await page;
  end.abort(new LoginError("interrupted", "the client is gone"));
  assertEquals(await outcomeOf(over), "interrupted");
  const names = [...Deno.readDirSync(join(world.home, ".aws/sso/cache"))];
  assertEquals(names, []);
});

for (
  const [startUrl, isOther] of [
    ["https://other.awsapps.com/start", true],
    ["https://corp.awsapps.com/start#/", false],
    [undefined, false],
  ] as const
) {
  Deno.test(`a token of ${startUrl ?? "nobody knows where"} whose user has no role ${isOther ? "is of another portal, which a login repairs" : "is the user's own, which no login repairs"}`, async () => {
    await using world = await LoginWorld.start();
    world.peer.others.add("theirs");
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    await world.writeToken({ accessToken: "theirs", expiresAt, startUrl });
    const { source, logins } = machine(world);
    const error = await assertRejects(() => source.get(), Error);
    assertEquals(logins.find(error) !== undefined, isOther);
    const what = isOther
      ? `the SSO session is of ${startUrl}, and the profile of https://corp.awsapps.com/start: run \`aws sso login --profile dev\``
      : "the role is not assigned to whoever signed in";
    assertStringIncludes(error.message, what);
    if (!isOther) return;
    world.peer.answer = "token";
    await begun(await loginOf({ source, logins })).over;
    const { accessKeyId } = await source.get();
    assertEquals(accessKeyId, TEST_CREDENTIALS.accessKeyId);
  });
}

Deno.test("what a link in the place of a login's lock leads to is not written over, and nobody waits for it", async () => {
  await using world = await LoginWorld.start();
  const login = await loginOf(machine(world));
  const other = join(world.home, "other");
  await Deno.writeTextFile(other, "of another program");
  await Deno.mkdir(dirname(login.key), { recursive: true });
  await Deno.symlink(other, login.key.replace(/\.json$/, ".login.lock"));
  world.peer.answer = "token";
  await within(begun(login).over, "the login");
  assertEquals(await Deno.readTextFile(other), "of another program");
});
