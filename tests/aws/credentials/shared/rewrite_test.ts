/**
 * Shared files that are emptied or cut for a moment, as in the middle of a
 * rewrite: the identity that was found in them stays, or there is an error.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CredentialsError } from "../../../../src/errors.ts";
import { inAnHour, SsoPeer } from "../../../support/aws/credential_peers.ts";
import { START_URL, tokenFile } from "../sso_world.ts";
import {
  assertGone,
  BASE,
  DEFAULT,
  keys,
  Machine,
  outcome,
  role,
  SESSION,
} from "./machine.ts";

/** What a rotator leaves of the default profile's keys for a moment. */
const MOMENTS: Record<string, string> = {
  "emptied": "",
  "cut to its header": "[default]\n",
  "cut in its header": "[defa",
  "cut after the header's name": "[default",
  "cut before the secret": DEFAULT.split("\n").slice(0, 2).join("\n"),
  "cut in a name": DEFAULT.slice(0, DEFAULT.indexOf("_secret")),
  "cut after an =": DEFAULT.slice(0, DEFAULT.lastIndexOf("=") + 1),
  "cut in the secret": DEFAULT.slice(0, -3),
  "cut in the access key": DEFAULT.slice(0, DEFAULT.indexOf("ULT\n")),
  "left with a comment": "# to be written\n",
  "left with another profile": `[other]\n${keys("other")}`,
};

for (const [moment, text] of Object.entries(MOMENTS)) {
  for (const profile of [undefined, "default"]) {
    const named = profile === undefined ? "" : ", named";
    Deno.test(`while the credentials file is ${moment}, the keys in memory sign${named} (C10)`, async () => {
      await using machine = new Machine({ credentials: DEFAULT });
      const source = machine.source({ profile });
      assertEquals(await outcome(source), "ASIADEFAULT");
      const path = machine.write(".aws/credentials", text);
      assertEquals(await outcome(source), "ASIADEFAULT");
      assertEquals(await outcome(source), "ASIADEFAULT");
      assertEquals(machine.warnings, ["the credentials in memory stay in use"]);
      Deno.writeTextFileSync(path, `[default]\n${keys("next")}`);
      assertEquals(await outcome(source), "ASIANEXT");
      assertEquals(machine.container.requests, []);
    });
  }
}

Deno.test("a role is not left for the profile's own keys while the config file is empty (C10)", async () => {
  const own = role("app", "default");
  for (const text of ["", "[default]\n", "[profile x]\nregion = y\n", "[def"]) {
    await using machine = new Machine({ credentials: DEFAULT, config: own });
    const source = machine.source();
    assertEquals(await outcome(source), "ASIAAPP1");
    const path = machine.write(".aws/config", text);
    assertEquals(await outcome(source), "ASIAAPP1", text);
    Deno.writeTextFileSync(path, own.replace("/app", "/other"));
    assertEquals(await outcome(source), "ASIAOTHER2", text);
  }
});

Deno.test("a role whose source profile is cut keeps its session (C10)", async () => {
  for (const text of ["", "[base]\n", "[base]\naws_access_key_id = A\n"]) {
    await using machine = new Machine({
      credentials: BASE,
      config: role("app"),
    });
    const source = machine.source();
    assertEquals(await outcome(source), "ASIAAPP1");
    machine.write(".aws/credentials", text);
    assertEquals(await outcome(source), "ASIAAPP1", text);
  }
});

Deno.test("keys that were refused or are over get the error, not the container's place (C10)", async () => {
  await using machine = new Machine({ credentials: DEFAULT });
  const source = machine.source();
  const refused = await source.get();
  machine.write(".aws/credentials", "[default]\n");
  const found = await source.get({ refresh: refused }).catch((error) => error);
  assert(found instanceof CredentialsError, String(found));
  assertStringIncludes(found.message, "its credentials are no longer in");
  await assertGone(source);
  machine.write(".aws/credentials", DEFAULT);
  assertEquals(await outcome(source), "ASIADEFAULT");
  assertEquals(machine.container.requests, []);
});

Deno.test("a session that is over while the file is empty is not used (C10)", async () => {
  let now = Date.now();
  await using machine = new Machine({
    credentials: DEFAULT,
    config: role("app", "default"),
  });
  const source = machine.source({ now: () => now });
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/config", "");
  assertEquals(await outcome(source), "ASIAAPP1");
  now += 2 * 3_600_000;
  await assertGone(source);
  assertEquals(machine.sts.asked.length, 1);
});

Deno.test("a credentials file that is removed is an error, not the container's place (C10)", async () => {
  await using machine = new Machine({ credentials: DEFAULT });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIADEFAULT");
  Deno.removeSync(machine.path(".aws/credentials"));
  await assertGone(source);
  assertEquals(machine.container.requests, []);
});

Deno.test("a profile that is given another way by hand takes it at the next request", async () => {
  await using machine = new Machine({
    credentials: BASE,
    config: role("app"),
  });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/config", `[default]\n${keys("config")}`);
  assertEquals(await outcome(source), "ASIACONFIG");
});

const PORTAL = `sso_region = eu-west-1\nsso_start_url = ${START_URL}\n`;

const TOKEN = JSON.stringify({
  accessToken: "access-token-1",
  expiresAt: inAnHour().toISOString(),
});

Deno.test("a session of SSO may be renamed, and the older form moved into one", async () => {
  await using machine = new Machine();
  await using sso = new SsoPeer("access-token-1");
  const whose = "sso_account_id = 1\nsso_role_name = Dev\n";
  for (const name of [START_URL, "corp", "firm"]) {
    machine.write(tokenFile(name), TOKEN);
  }
  const source = machine.source({
    variables: { AWS_ENDPOINT_URL_SSO: sso.url },
  });
  const texts = [
    `[default]\n${PORTAL}${whose}`,
    `[default]\nsso_session = corp\n${whose}[sso-session corp]\n${PORTAL}`,
    `[default]\nsso_session = firm\n${whose}[sso-session firm]\n${PORTAL}`,
  ];
  for (const [index, text] of texts.entries()) {
    machine.write(".aws/config", text);
    assertEquals(await outcome(source), "ASIADEV");
    assertEquals(sso.requests.length, index + 1);
  }
  assertEquals(machine.warnings, []);
});

Deno.test("a session of SSO may move to another portal and region by hand", async () => {
  await using machine = new Machine();
  await using sso = new SsoPeer("access-token-1");
  machine.write(tokenFile("corp"), TOKEN);
  const text = "[default]\nsso_session = corp\nsso_account_id = 1\n" +
    `sso_role_name = Dev\n[sso-session corp]\n${PORTAL}`;
  const source = machine.source({
    variables: { AWS_ENDPOINT_URL_SSO: sso.url },
  });
  for (const next of [text, text.replace("eu-west-1", "eu-west-2")]) {
    machine.write(".aws/config", next);
    assertEquals(await outcome(source), "ASIADEV");
  }
  assertEquals(sso.requests.length, 2);
  assertEquals(machine.warnings, []);
});

Deno.test("of a profile that is the source of its own role, what neither hangs on may go", async () => {
  const own = role("app", "default");
  await using machine = new Machine({
    credentials: DEFAULT,
    config: `${own}sso_region = eu-west-1\n`,
  });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/config", own);
  assertEquals(await outcome(source), "ASIAAPP2");
});

Deno.test("a setting that is changed by hand is taken, be it for its own beginning or in the last line", async () => {
  const named = (name: string) => `${role("app")}role_session_name = ${name}\n`;
  for (
    const [before, after] of [
      [`${named("old\n  er")}region = x\n`, `${named("old")}region = x\n`],
      [named("older"), named("old")],
      [role("app"), role("app", "next")],
    ]
  ) {
    await using machine = new Machine({
      config: before,
      credentials: BASE + BASE.replaceAll("base", "next"),
    });
    const source = machine.source();
    await source.get();
    machine.write(".aws/config", after);
    assertEquals(await outcome(source), "ASIAAPP2", after);
    assertEquals(machine.warnings, []);
  }
});

Deno.test("what a profile without a role calls its source may go", async () => {
  await using machine = new Machine({
    config: `[default]\n${keys("config")}source_profile = base\n`,
    credentials: BASE,
  });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIACONFIG");
  machine.write(".aws/credentials", `[other]\n${keys("other")}`);
  assertEquals(await outcome(source), "ASIACONFIG");
  assertEquals(machine.warnings, []);
});

Deno.test("a source profile may be left for another one", async () => {
  await using machine = new Machine({
    credentials: BASE,
    config: SESSION,
  });
  const source = machine.source({ profile: "app" });
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/config", SESSION.replace("= base", "= next"));
  // It is not there yet: the keys in memory sign.
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/credentials", `[next]\n${keys("next")}`);
  assertEquals(await outcome(source), "ASIAAPP2");
  assertEquals(machine.sts.asked[1].signedBy, "ASIANEXT");
});

Deno.test("a profile that leaves it to the container has to be there, too", async () => {
  const config = "[profile plain]\nregion = eu-west-1\n";
  await using machine = new Machine({ config });
  const source = machine.source({ profile: "plain" });
  assertEquals(await outcome(source), "ASIACONTAINER1");
  Deno.removeSync(machine.path(".aws/config"));
  const gone = 'profile "plain": it is neither in';
  assertStringIncludes(await outcome(source), gone);
});

Deno.test("a file that is rewritten in place with its size and its time is read again, a second later", async () => {
  await using machine = new Machine({ credentials: DEFAULT });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIADEFAULT");
  const path = machine.path(".aws/credentials");
  const { atime, mtime, ctime } = Deno.statSync(path);
  const text = DEFAULT.replaceAll("DEFAULT", "ANOTHER")
    .replaceAll("default\n", "another\n");
  assertEquals(text.length, DEFAULT.length);
  assert(atime && mtime && ctime);
  // Deno tells this one time in whole seconds.
  while (Deno.statSync(path).ctime?.getTime() === ctime.getTime()) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    Deno.writeTextFileSync(path, text);
    Deno.utimeSync(path, atime, mtime);
  }
  assertEquals(await outcome(source), "ASIAANOTHER");
});

Deno.test("SSO is not left for the keys beside it while its lines are missing (S1)", async () => {
  await using machine = new Machine({ credentials: DEFAULT });
  await using sso = new SsoPeer("access-token-1");
  const [account, name] = ["sso_account_id = 1\n", "sso_role_name = Dev\n"];
  const session = `[sso-session corp]\n${PORTAL}`;
  const profile = "[default]\nregion = x\nsso_session = corp\n";
  const token = machine.write(tokenFile(), TOKEN);
  const complete = session + profile + account + name;
  const config = machine.write(".aws/config", complete);
  const source = machine.source({
    variables: { AWS_ENDPOINT_URL_SSO: sso.url },
  });
  assertEquals(await outcome(source), "ASIADEV");
  const own = profile + account + name;
  for (const text of [session + profile, session, own, profile]) {
    Deno.writeTextFileSync(config, text);
    assertEquals(await outcome(source), "ASIADEV", text);
  }
  Deno.writeTextFileSync(config, complete);
  assertEquals(await outcome(source), "ASIADEV");
  // A token that is half written is no reason, either; one that is gone is.
  for (const text of ["", TOKEN.slice(0, 9), "{}"]) {
    Deno.writeTextFileSync(token, text);
    assertEquals(await outcome(source), "ASIADEV", text);
  }
  Deno.removeSync(token);
  assertStringIncludes(await outcome(source), "there is no SSO session");
});

Deno.test("an identity that the same file defines anew is taken", async () => {
  await using machine = new Machine({
    credentials: `${DEFAULT}aws_session_token = token-of-default\n`,
  });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIADEFAULT");
  const path = machine.path(".aws/credentials");
  Deno.writeTextFileSync(path, `[default]\n${keys("next")}`);
  assertEquals(await outcome(source), "ASIANEXT");
  machine.write(".aws/config", role("app"));
  Deno.writeTextFileSync(path, BASE);
  assertEquals(await outcome(source), "ASIAAPP1");
});
