import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import { inAnHour, keysOf, Peer, SsoPeer } from "./peers.ts";
import { World } from "./world.ts";

const CORP = "[profile dev]\nsso_session = corp\n" +
  "sso_account_id = 123456789012\nsso_role_name = Dev\n" +
  "[sso-session corp]\nsso_region = eu-west-1\n" +
  "sso_start_url = https://corp.awsapps.com/start\n";
const TOKEN_FILE = `.aws/sso/cache/${
  createHash("sha1").update("corp").digest("hex")
}.json`;
const OVER = new Date(Date.now() - 60_000);

/** A token as `aws sso login` leaves it. */
function token(accessToken: string, expiresAt: Date, more = {}): string {
  return JSON.stringify({
    accessToken,
    expiresAt: expiresAt.toISOString(),
    region: "eu-west-1",
    ...more,
  });
}

const RENEWABLE = {
  clientId: "client-1",
  clientSecret: "client-secret-1",
  refreshToken: "refresh-token-1",
};

function asking(peer: Peer, profile = "dev") {
  return {
    flags: ["-A"],
    env: {
      AWS_ENDPOINT_URL_SSO: peer.url,
      AWS_ENDPOINT_URL_SSO_OIDC: peer.url,
    },
    options: { profile },
  };
}

Deno.test("without a session the error says what to run, and a login is seen at once", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  await using process = await world.start(asking(sso));
  const before = await process.ask();
  assertStringIncludes(before.message ?? "", "there is no SSO session");
  assertEquals(before.data?.run, "aws sso login --profile dev");
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  const after = await process.ask();
  assertEquals(after.credentials?.accessKeyId, keysOf("Dev").accessKeyId);
});

Deno.test("a session that is over says so, and the next login is seen at once", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-2");
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", OVER));
  await using process = await world.start(asking(sso));
  const before = await process.ask();
  assertStringIncludes(
    before.message ?? "",
    `is over since ${OVER.toISOString()}: run \`aws sso login --profile dev\``,
  );
  assertEquals(sso.requests, []);
  world.write(TOKEN_FILE, token("access-token-2", inAnHour()));
  const after = await process.ask();
  assertEquals(after.credentials?.accessKeyId, keysOf("Dev").accessKeyId);
});

Deno.test("another session signed in while the first is in use is used by the next request", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  await using process = await world.start(asking(sso));
  await process.ask();
  await process.ask();
  assertEquals(sso.requests.length, 1);
  sso.goodToken = "access-token-2";
  world.write(TOKEN_FILE, token("access-token-2", inAnHour()));
  await process.ask();
  assertEquals(
    sso.requests.map(({ headers }) => headers.get("x-amz-sso_bearer_token")),
    ["access-token-1", "access-token-2"],
  );
});

Deno.test("another role in the config file is used by the next request", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  await using process = await world.start(asking(sso));
  await process.ask();
  world.write(".aws/config", CORP.replace("= Dev", "= Ops"));
  const { credentials } = await process.ask();
  assertEquals(credentials?.accessKeyId, keysOf("Ops").accessKeyId);
});

Deno.test("another session in the config file is used by the next request", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  await using process = await world.start(asking(sso));
  await process.ask();
  sso.goodToken = "access-token-2";
  const hash = createHash("sha1").update("next").digest("hex");
  world.write(
    `.aws/sso/cache/${hash}.json`,
    token("access-token-2", inAnHour()),
  );
  world.write(
    ".aws/config",
    CORP.replace("sso_session = corp", "sso_session = next")
      .replace("[sso-session corp]", "[sso-session next]"),
  );
  const { credentials, message } = await process.ask();
  assertEquals(message, undefined);
  assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
});

Deno.test("a token that was renewed by the load itself is no change of the files", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-0", OVER, RENEWABLE));
  await using process = await world.start(asking(sso));
  await process.ask();
  await process.ask();
  assertEquals(sso.requests.map(({ path }) => path), [
    "/token",
    "/federation/credentials",
  ]);
});

Deno.test("a token that is good for longer than there are dates is kept", async () => {
  using world = new World();
  await using sso = new Peer(({ path }) =>
    Response.json(
      path === "/token"
        ? { accessToken: "access-token-1", expiresIn: 1e300 }
        : {
          roleCredentials: {
            ...keysOf("Dev"),
            expiration: inAnHour().getTime(),
          },
        },
    )
  );
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-0", OVER, RENEWABLE));
  const { credentials } = await world.probe(asking(sso));
  assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
  const kept = JSON.parse(Deno.readTextFileSync(world.path(TOKEN_FILE)));
  assertEquals(kept.accessToken, "access-token-1");
  assertEquals(kept.expiresAt, "9999-01-01T00:00:00Z");
});

Deno.test("a token is renewed in its last five minutes, and not before", async () => {
  for (const [minutes, isRenewed] of [[3, true], [30, false]] as const) {
    using world = new World();
    await using sso = new SsoPeer("access-token-0");
    world.write(".aws/config", CORP);
    const end = new Date(Date.now() + minutes * 60_000);
    world.write(TOKEN_FILE, token("access-token-0", end, RENEWABLE));
    const { credentials } = await world.probe(asking(sso));
    assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
    const isAsked = sso.requests.some(({ path }) => path === "/token");
    assertEquals(isAsked, isRenewed, `${minutes} minutes`);
  }
});

Deno.test("a renewed token takes the old one's place in one step, where its directory may be written (M6)", async () => {
  const writable: [of: string, isReplaced: boolean][] = [
    [".aws/sso/cache", true],
    [TOKEN_FILE, false],
  ];
  for (const [name, isReplaced] of writable) {
    using world = new World();
    await using sso = new SsoPeer("access-token-1");
    world.write(".aws/config", CORP);
    const path = world.write(
      TOKEN_FILE,
      token("access-token-0", OVER, RENEWABLE),
    );
    const before = Deno.statSync(path).ino;
    const asked = asking(sso);
    const { credentials } = await world.probe({
      ...asked,
      flags: [
        "--allow-env",
        `--allow-net=${sso.host}`,
        `--allow-read=${world.home}`,
        `--allow-write=${world.path(name)}`,
      ],
    });
    assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
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
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  const spent = { ...RENEWABLE, refreshToken: "refresh-token-0" };
  world.write(TOKEN_FILE, token("access-token-0", OVER, spent));
  const { message, data } = await world.probe(asking(sso));
  assertStringIncludes(message ?? "", "is over or no longer accepted");
  assertEquals(data?.run, "aws sso login --profile dev");
});

Deno.test("a token that the portal does not know says what to run, and is not repeated", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-2");
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  const { message, data } = await world.probe(asking(sso));
  assertStringIncludes(message ?? "", "UnauthorizedException");
  assertEquals(data?.run, "aws sso login --profile dev");
  assertFalse(message?.includes("access-token-1"));
});

Deno.test("a token that cannot be renewed in its last minutes is used until it is over", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP);
  const soon = new Date(Date.now() + 120_000);
  const spent = { ...RENEWABLE, refreshToken: "spent" };
  world.write(TOKEN_FILE, token("access-token-1", soon, spent));
  await using process = await world.start(asking(sso));
  const { credentials, message } = await process.ask();
  assertEquals(message, undefined);
  assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
  assertEquals(
    sso.requests.map(({ path }) => path),
    ["/token", "/federation/credentials"],
  );
});

Deno.test("a portal that is busy is asked again", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  sso.busy = 2;
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  await using process = await world.start(asking(sso));
  const { credentials, message } = await process.ask();
  assertEquals(message, undefined);
  assertEquals(credentials?.accessKeyId, keysOf("Dev").accessKeyId);
  assertEquals(sso.requests.length, 3);
});

Deno.test("a role that is not assigned is no session that is over", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(".aws/config", CORP.replace("= Dev", "= Forbidden"));
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  const { message, data } = await world.probe(asking(sso));
  assertStringIncludes(message ?? "", "the role is not assigned");
  assertEquals(data?.run, undefined);
});

Deno.test("a portal that cannot be reached is no session that is over", async () => {
  using world = new World();
  const sso = new SsoPeer("access-token-1");
  const { host } = sso;
  const probing = asking(sso);
  await sso[Symbol.asyncDispose]();
  world.write(".aws/config", CORP);
  world.write(TOKEN_FILE, token("access-token-1", inAnHour()));
  const { message, data } = await world.probe(probing);
  assertStringIncludes(message ?? "", `${host} was not reached`);
  assertEquals(data?.run, undefined);
});

Deno.test("an SSO profile that is incomplete names what is missing", async () => {
  using world = new World();
  await using sso = new SsoPeer("access-token-1");
  world.write(
    ".aws/config",
    "[profile half]\nsso_account_id = 1\nsso_region = eu-west-1\n" +
      "[profile lost]\nsso_account_id = 1\nsso_session = gone\n",
  );
  const half = await world.probe(asking(sso, "half"));
  assertStringIncludes(
    half.message ?? "",
    "SSO needs sso_start_url, sso_role_name too",
  );
  const lost = await world.probe(asking(sso, "lost"));
  assertStringIncludes(lost.message ?? "", "there is no [sso-session gone]");
});

Deno.test("a console login that is missing or broken says what to run", async () => {
  using world = new World();
  const name = "arn:aws:iam::123456789012:user/me";
  world.write(".aws/config", `[profile me]\nlogin_session = ${name}\n`);
  const probing = { flags: ["-A"], options: { profile: "me" } };
  const missing = await world.probe(probing);
  assertStringIncludes(missing.message ?? "", "there is no login session");
  assertEquals(missing.data?.run, "aws login --profile me");
  const hash = createHash("sha256").update(name).digest("hex");
  world.write(`.aws/login/cache/${hash}.json`, "{");
  const broken = await world.probe(probing);
  assertStringIncludes(broken.message ?? "", "is no JSON");
  assert(!broken.message?.includes("{"));
});

Deno.test("a console login in a directory of its own needs no home directory", async () => {
  using world = new World();
  const name = "arn:aws:iam::123456789012:user/me";
  world.write(".aws/config", `[profile me]\nlogin_session = ${name}\n`);
  const hash = createHash("sha256").update(name).digest("hex");
  world.write(
    `logins/${hash}.json`,
    JSON.stringify({
      accessToken: {
        ...keysOf("console"),
        accountId: "123456789012",
        expiresAt: inAnHour().toISOString(),
      },
      clientId: "client-1",
      refreshToken: "refresh-token-1",
      dpopKey: "unused",
    }),
  );
  const probed = await world.probe({
    flags: ["--allow-env", `--allow-read=${world.home}`],
    env: { AWS_LOGIN_CACHE_DIRECTORY: world.path("logins") },
    options: { profile: "me" },
  });
  assertEquals(probed.credentials?.accessKeyId, keysOf("console").accessKeyId);
  // It will have to be renewed one day: what that takes is said beforehand.
  assertStringIncludes(probed.lines.join(), `--allow-write=${world.home}`);
});
