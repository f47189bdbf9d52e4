/** Whole-program tests: the token of a login, and logins of other programs. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { basename, dirname, join } from "node:path";
import { hasBotocore } from "../../aws/shared_files/botocore.ts";
import {
  LOGIN_ARGS,
  LoginWorld,
  OPENS_PAGES,
} from "../../support/aws/login_world.ts";
import { TEST_CREDENTIALS } from "../../support/aws/test_identity.ts";
import { outcomeOf } from "../../support/program/outcome.ts";
import { isMethod, type Parsed, question } from "./login_calls.ts";

Deno.test("the token is where the AWS CLI looks for it, in its form, for its owner alone, and no lock is left", async () => {
  await using world = await LoginWorld.start();
  world.peer.answer = "token";
  const proxy = await world.program();
  const initialized = proxy.initialize(OPENS_PAGES);
  await question(proxy);
  await initialized;
  const token = JSON.parse(await Deno.readTextFile(world.tokenFile));
  assertEquals(Object.keys(token).sort(), [
    "accessToken",
    "clientId",
    "clientSecret",
    "expiresAt",
    "refreshToken",
    "region",
    "registrationExpiresAt",
    "startUrl",
  ]);
  assertEquals(token.startUrl, "https://corp.awsapps.com/start");
  assertEquals(token.region, "eu-west-1");
  assertMatch(token.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assertMatch(token.registrationExpiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const { mode } = await Deno.stat(world.tokenFile);
  if (mode !== null) assertEquals(mode & 0o777, 0o600);
  const names = [...Deno.readDirSync(dirname(world.tokenFile))]
    .map(({ name }) => name);
  assertEquals(names, [basename(world.tokenFile)]);
  const asked = world.peer.requests.all.map(({ body }) => body);
  assertEquals(asked[0].scopes, ["sso:account:access"]);
  assertEquals(asked[1].startUrl, "https://corp.awsapps.com/start");
});

Deno.test("without the permission to write the token stays in memory, for all profiles of the session", async () => {
  await using world = await LoginWorld.start();
  world.peer.answer = "token";
  const proxy = await world.program({
    args: [...LOGIN_ARGS, "--profile", "ops"],
    permissions: { net: [world.peer.host], write: [] },
  }, "start");
  const initialized = proxy.initialize(OPENS_PAGES);
  await question(proxy);
  assertEquals(((await initialized).value as Parsed).error, undefined);
  const call = { name: "x", arguments: { aws_profile: "ops" } };
  const { result } = (await proxy.request("tools/call", call)).value as Parsed;
  assertEquals(result, {});
  assertEquals(world.peer.begun, 1);
  await assertRejects(() => Deno.stat(world.tokenFile), Deno.errors.NotFound);
  await proxy.waitForLog(({ text }) => text.includes("in memory alone"));
});

Deno.test("who signs in with the AWS CLI while the page is open has the calls sent, and the question withdrawn", async () => {
  await using world = await LoginWorld.start();
  const proxy = await world.programWhoseSessionEnds();
  const called = proxy.request("tools/call", { name: "x" });
  const { id } = await question(proxy);
  await world.logInElsewhere();
  assertEquals(((await called).value as Parsed).result, {});
  const withdrawn = await proxy.frames.find((line) =>
    isMethod(line, "notifications/cancelled")
  );
  assertEquals((withdrawn.value as Parsed).params.requestId, id);
  const token = JSON.parse(await Deno.readTextFile(world.tokenFile));
  assertEquals(token.accessToken, "a-token-from-elsewhere");
  assertEquals([...Deno.readDirSync(dirname(world.tokenFile))].length, 1);
});

Deno.test("of two programs on a machine one asks, and the other takes the token that comes of it", async () => {
  await using world = await LoginWorld.start();
  const programs = [
    await world.program({}, "start"),
    await world.program({}, "start"),
  ];
  const initialized = programs.map((proxy) => proxy.initialize(OPENS_PAGES));
  await Promise.any(programs.map((proxy) => question(proxy)));
  const lock = JSON.parse(await Deno.readTextFile(world.lockFile));
  assert(programs.some(({ pid }) => pid === lock.pid));
  assert(Date.parse(lock.since) <= Date.now());
  world.peer.answer = "token";
  for (const answered of initialized) {
    assertEquals((await answered as Parsed).value.error, undefined);
  }
  const asked = programs.flatMap(({ frames }) => frames.all)
    .filter((line) => isMethod(line, "elicitation/create"));
  assertEquals([asked.length, world.peer.begun], [1, 1]);
});

Deno.test("who waits for the login of another program asks itself when that one ends without it", async () => {
  await using world = await LoginWorld.start();
  const first = await world.program({}, "start");
  void first.send({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: OPENS_PAGES,
  });
  await question(first);
  const second = await world.program({}, "start");
  const initialized = second.initialize(OPENS_PAGES);
  await second.waitForLog(({ text }) => text.includes("a login has begun"));
  first.signal("SIGKILL");
  await first.status();
  await question(second);
  world.peer.answer = "token";
  assertEquals(((await initialized).value as Parsed).error, undefined);
  assertEquals(world.peer.begun, 2);
});

Deno.test("a lock that a program left behind, or holds past its time, keeps nobody from logging in", async () => {
  const until = new Date(Date.now() - 60_000).toISOString();
  for (
    const [text, isHeld] of [
      [JSON.stringify({ pid: 1, until }), false],
      [JSON.stringify({ pid: 1, until }), true],
      ["", true],
      ["not ours", true],
    ] as const
  ) {
    await using world = await LoginWorld.start();
    await world.writeToken();
    await Deno.writeTextFile(world.lockFile, text);
    await Deno.utime(world.lockFile, 1, 1);
    using lock = await Deno.open(world.lockFile, { read: true, write: true });
    if (isHeld) await lock.lock(true);
    world.peer.answer = "token";
    const proxy = await world.program({}, "startHere");
    const initialized = proxy.initialize(OPENS_PAGES);
    await question(proxy);
    assertEquals(((await initialized).value as Parsed).error, undefined);
  }
});

Deno.test("a lock that is a link to something else leaves that as it is, and keeps nobody from logging in", async () => {
  for (const isThere of [true, false]) {
    await using world = await LoginWorld.start();
    await world.writeToken();
    const other = join(world.home, "other");
    if (isThere) await Deno.writeTextFile(other, "theirs");
    await Deno.symlink(other, world.lockFile);
    world.peer.answer = "token";
    const proxy = await world.program({
      permissions: {
        net: [world.peer.host],
        read: [world.home],
        write: [world.home],
      },
    }, "startHere");
    const initialized = proxy.initialize(OPENS_PAGES);
    await question(proxy);
    assertEquals(((await initialized).value as Parsed).error, undefined);
    const left = await Deno.readTextFile(other).catch(() => "");
    assertEquals(left, isThere ? "theirs" : "");
  }
});

Deno.test("botocore takes the token of a login, and renews it", {
  ignore: !await hasBotocore(),
}, async () => {
  await using world = await LoginWorld.start();
  world.peer.answer = "token";
  const proxy = await world.program();
  const initialized = proxy.initialize(OPENS_PAGES);
  await question(proxy);
  await initialized;
  const script = `
import botocore.session, datetime, json, sys
from botocore.tokens import SSOTokenProvider
session = botocore.session.Session(profile="dev")
print(SSOTokenProvider(session).load_token().get_frozen_token().token)
with open(sys.argv[1]) as file: token = json.load(file)
soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
token["expiresAt"] = soon.strftime("%Y-%m-%dT%H:%M:%SZ")
with open(sys.argv[1], "w") as file: json.dump(token, file)
SSOTokenProvider(session).load_token().get_frozen_token()
print(session.get_credentials().get_frozen_credentials().access_key)
`;
  const { stdout, stderr } = await outcomeOf("python3", {
    args: ["-c", script, world.tokenFile],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: world.home,
      AWS_ENDPOINT_URL_SSO: world.peer.url,
      AWS_ENDPOINT_URL_SSO_OIDC: world.peer.url,
    },
  });
  assertEquals(
    stdout,
    `the-access-token-of-login-1\n${TEST_CREDENTIALS.accessKeyId}\n`,
    stderr,
  );
  const { grantType, clientId } = world.peer.requests.all.at(-1)?.body ?? {};
  assertEquals([grantType, clientId], [
    "refresh_token",
    "the-id-of-this-client",
  ]);
});
