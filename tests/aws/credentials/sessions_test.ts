import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { inAnHour, keysOf, Peer } from "../../support/aws/credential_peers.ts";
import {
  CORP,
  dpopKey,
  keepLogin,
  OVER,
  RENEWABLE,
  SsoWorld,
  tokenFile,
} from "./sso_world.ts";
import { assertKeys, World } from "./world.ts";

const RENEWED = ["/token", "/federation/credentials"];

Deno.test("without a session the error says what to run, and a login is seen at once", async () => {
  await using world = new SsoWorld();
  await using process = await world.start(world.asking());
  const before = await process.ask();
  assertStringIncludes(before.message ?? "", "there is no SSO session");
  assertEquals(before.data?.run, "aws sso login --profile dev");
  world.keep("access-token-1");
  assertKeys(await process.ask(), "Dev");
});

Deno.test("a session that is over says so, and the next login is seen at once", async () => {
  await using world = new SsoWorld();
  world.keep("access-token-0", OVER);
  await using process = await world.start(world.asking());
  const before = await process.ask();
  assertStringIncludes(
    before.message ?? "",
    `is over since ${OVER.toISOString()}: run \`aws sso login --profile dev\``,
  );
  assertEquals(world.asked, []);
  world.keep("access-token-1");
  assertKeys(await process.ask(), "Dev");
});

Deno.test("another session signed in while the first is in use is used by the next request", async () => {
  await using world = new SsoWorld();
  world.keep("access-token-1");
  await using process = await world.start(world.asking());
  await process.ask();
  await process.ask();
  assertEquals(world.asked.length, 1);
  world.sso.goodToken = "access-token-2";
  world.keep("access-token-2");
  await process.ask();
  assertEquals(
    world.sso.requests.map(({ headers }) =>
      headers.get("x-amz-sso_bearer_token")
    ),
    ["access-token-1", "access-token-2"],
  );
});

Deno.test("another role or session in the config file is used by the next request", async () => {
  await using world = new SsoWorld();
  world.keep("access-token-1");
  await using process = await world.start(world.asking());
  await process.ask();
  world.write(".aws/config", CORP.replace("= Dev", "= Ops"));
  assertKeys(await process.ask(), "Ops");
  world.sso.goodToken = "access-token-2";
  world.keep("access-token-2", inAnHour(), {}, "next");
  world.write(
    ".aws/config",
    CORP.replace("sso_session = corp", "sso_session = next")
      .replace("[sso-session corp]", "[sso-session next]"),
  );
  assertKeys(await process.ask(), "Dev");
});

Deno.test("a token that was renewed by the load itself is no change of the files", async () => {
  await using world = new SsoWorld();
  world.keep("access-token-0", OVER, RENEWABLE);
  await using process = await world.start(world.asking());
  await process.ask();
  await process.ask();
  assertEquals(world.asked, RENEWED);
});

Deno.test("a token that is good for longer than there are dates is kept", async () => {
  await using world = new SsoWorld();
  const expiration = inAnHour().getTime();
  await using sso = new Peer(({ path }) =>
    Response.json(
      path === "/token"
        ? { accessToken: "access-token-1", expiresIn: 1e300 }
        : { roleCredentials: { ...keysOf("Dev"), expiration } },
    )
  );
  const path = world.keep("access-token-0", OVER, RENEWABLE);
  const env = {
    AWS_ENDPOINT_URL_SSO: sso.url,
    AWS_ENDPOINT_URL_SSO_OIDC: sso.url,
  };
  assertKeys(await world.probe(world.asking({ env })), "Dev");
  const kept = JSON.parse(Deno.readTextFileSync(path));
  assertEquals(kept.accessToken, "access-token-1");
  assertEquals(kept.expiresAt, "9999-01-01T00:00:00Z");
});

Deno.test("a token is renewed in its last five minutes, and not before", async () => {
  for (const [minutes, isRenewed] of [[3, true], [30, false]] as const) {
    await using world = new SsoWorld();
    const end = new Date(Date.now() + minutes * 60_000);
    world.keep("access-token-1", end, RENEWABLE);
    assertKeys(await world.probe(world.asking()), "Dev");
    const isAsked = world.asked.includes("/token");
    assertEquals(isAsked, isRenewed, `${minutes} minutes`);
  }
});

Deno.test("a renewed token takes the old one's place in one step, where its directory may be written (M6)", async () => {
  const writable: [of: string, isReplaced: boolean][] = [
    [".aws/sso/cache", true],
    [tokenFile(), false],
  ];
  for (const [name, isReplaced] of writable) {
    await using world = new SsoWorld();
    const path = world.keep("access-token-0", OVER, RENEWABLE);
    const before = Deno.statSync(path).ino;
    const flags = [
      "--allow-env",
      `--allow-net=${world.sso.host}`,
      `--allow-read=${world.home}`,
      `--allow-write=${world.path(name)}`,
    ];
    assertKeys(await world.probe(world.asking({ flags })), "Dev");
    const { ino, mode } = Deno.statSync(path);
    assertEquals(ino !== before, isReplaced);
    if (isReplaced) assertEquals((mode ?? 0) & 0o777, 0o600);
    const saved = JSON.parse(Deno.readTextFileSync(path));
    assertEquals(saved.accessToken, "access-token-1-renewed");
    const names = [...Deno.readDirSync(world.path(".aws/sso/cache"))];
    assertEquals(names.length, 1);
  }
});

Deno.test("a session that cannot be renewed any more says what to run", async () => {
  await using world = new SsoWorld();
  const spent = { ...RENEWABLE, refreshToken: "refresh-token-0" };
  world.keep("access-token-0", OVER, spent);
  const { message, data } = await world.probe(world.asking());
  assertStringIncludes(message ?? "", "is over or no longer accepted");
  assertEquals(data?.run, "aws sso login --profile dev");
});

Deno.test("a token that the portal does not know says what to run, and is not repeated", async () => {
  await using world = new SsoWorld();
  world.keep("access-token-2");
  const { message, data } = await world.probe(world.asking());
  assertStringIncludes(message ?? "", "UnauthorizedException");
  assertEquals(data?.run, "aws sso login --profile dev");
  assertFalse(message?.includes("access-token-2"));
});

Deno.test("a token that cannot be renewed in its last minutes is used until it is over", async () => {
  await using world = new SsoWorld();
  const soon = new Date(Date.now() + 120_000);
  world.keep("access-token-1", soon, { ...RENEWABLE, refreshToken: "spent" });
  assertKeys(await world.probe(world.asking()), "Dev");
  assertEquals(world.asked, RENEWED);
});

Deno.test("a portal that is busy is asked again", async () => {
  await using world = new SsoWorld();
  world.sso.busy = 2;
  world.keep("access-token-1");
  assertKeys(await world.probe(world.asking()), "Dev");
  assertEquals(world.asked.length, 3);
});

Deno.test("a token service that is busy is no session that is over", async () => {
  await using world = new SsoWorld();
  world.sso.busy = 1;
  world.keep("access-token-0", OVER, RENEWABLE);
  const { message, data } = await world.probe(world.asking());
  assertStringIncludes(message ?? "", "HTTP 429: Rate exceeded");
  assertEquals(data?.run, undefined);
  assertEquals(world.asked, ["/token"]);
  assertKeys(await world.probe(world.asking()), "Dev");
});

Deno.test("a portal or a token service that gives no keys is named, and the token stays as it was", async () => {
  const rows: [answer: () => Response, expiresAt: Date, said: string][] = [
    [() => Response.json({}), inAnHour(), "gave no credentials"],
    [() => Response.json({}), OVER, "gave no credentials"],
    [
      () => Response.json({ message: "no such account" }, { status: 404 }),
      inAnHour(),
      "refused: HTTP 404: no such account",
    ],
  ];
  for (const [answer, expiresAt, said] of rows) {
    await using world = new SsoWorld();
    await using peer = new Peer(answer);
    const path = world.keep("access-token-1", expiresAt, RENEWABLE);
    const kept = Deno.readTextFileSync(path);
    const env = {
      AWS_ENDPOINT_URL_SSO: peer.url,
      AWS_ENDPOINT_URL_SSO_OIDC: peer.url,
    };
    const { message } = await world.probe(world.asking({ env }));
    assertStringIncludes(message ?? "", `${peer.host} ${said}`);
    assertEquals(Deno.readTextFileSync(path), kept);
  }
});

Deno.test("a role that is not assigned is no session that is over", async () => {
  await using world = new SsoWorld(CORP.replace("= Dev", "= Forbidden"));
  world.keep("access-token-1");
  const { message, data } = await world.probe(world.asking());
  assertStringIncludes(message ?? "", "the role is not assigned");
  assertEquals(data?.run, undefined);
});

Deno.test("a portal that cannot be reached is no session that is over", async () => {
  await using world = new SsoWorld();
  const probing = world.asking();
  const { host } = world.sso;
  await world.sso[Symbol.asyncDispose]();
  world.keep("access-token-1");
  const { message, data } = await world.probe(probing);
  assertStringIncludes(message ?? "", `${host} was not reached`);
  assertEquals(data?.run, undefined);
});

Deno.test("an SSO profile that is incomplete names what is missing", async () => {
  await using world = new SsoWorld(
    "[profile half]\nsso_account_id = 1\nsso_region = eu-west-1\n" +
      "[profile lost]\nsso_account_id = 1\nsso_session = gone\n",
  );
  const rows = [
    ["half", "SSO needs sso_start_url, sso_role_name too"],
    ["lost", "there is no [sso-session gone]"],
  ];
  for (const [profile, expected] of rows) {
    const { message } = await world.probe(world.asking({ profile }));
    assertStringIncludes(message ?? "", expected);
  }
});

const USER = "arn:aws:iam::123456789012:user/me";

Deno.test("a console login that is missing or broken says what to run", async () => {
  using world = new World();
  world.write(".aws/config", `[profile me]\nlogin_session = ${USER}\n`);
  const probing = { options: { profile: "me" } };
  const missing = await world.probe(probing);
  assertStringIncludes(missing.message ?? "", "there is no login session");
  assertEquals(missing.data?.run, "aws login --profile me");
  Deno.writeTextFileSync(keepLogin(world, USER, "console", OVER), "{");
  const broken = await world.probe(probing);
  assertStringIncludes(broken.message ?? "", "is no JSON");
  assertFalse(broken.message?.includes("{"));
});

Deno.test("a console login whose renewal gives no keys is kept as it was", async () => {
  using world = new World();
  await using signin = new Peer(() => Response.json({ expiresIn: 900 }));
  world.write(".aws/config", `[profile me]\nlogin_session = ${USER}\n`);
  const path = keepLogin(world, USER, "console", OVER, { dpopKey: dpopKey() });
  const kept = Deno.readTextFileSync(path);
  const { message } = await world.probe({
    options: { profile: "me" },
    env: { AWS_ENDPOINT_URL_SIGNIN: signin.url },
  });
  assertStringIncludes(message ?? "", `${signin.host} gave no credentials`);
  assertEquals(Deno.readTextFileSync(path), kept);
  const half = JSON.parse(kept);
  delete half.accessToken.secretAccessKey;
  half.accessToken.expiresAt = inAnHour().toISOString();
  Deno.writeTextFileSync(path, JSON.stringify(half));
  const broken = await world.probe({ options: { profile: "me" } });
  assertStringIncludes(broken.message ?? "", "is incomplete");
});

Deno.test("a console login in a directory of its own needs no home directory", async () => {
  using world = new World();
  world.write(".aws/config", `[profile me]\nlogin_session = ${USER}\n`);
  keepLogin(world, USER, "console", inAnHour(), {}, "logins");
  const probed = await world.probe({
    flags: ["--allow-env", `--allow-read=${world.home}`],
    env: { AWS_LOGIN_CACHE_DIRECTORY: world.path("logins") },
    options: { profile: "me" },
  });
  assertKeys(probed, "console");
  // It will have to be renewed one day: what that takes is said beforehand.
  assertStringIncludes(probed.lines.join(), `--allow-write=${world.home}`);
});
