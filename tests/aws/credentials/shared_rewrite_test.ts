/**
 * Shared files that are emptied or cut for a moment, as in the middle of a
 * rewrite: the identity that was found in them stays, or there is an error.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { CredentialsError } from "../../../src/errors.ts";
import { SsoPeer } from "./peers.ts";
import { DEFAULT, keys, Machine, outcome } from "./shared_machine.ts";

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
  const role = "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
    "source_profile = default\n";
  for (const text of ["", "[default]\n", "[profile x]\nregion = y\n", "[def"]) {
    await using machine = new Machine({ credentials: DEFAULT, config: role });
    const source = machine.source();
    assertEquals(await outcome(source), "ASIAAPP1");
    const path = machine.write(".aws/config", text);
    assertEquals(await outcome(source), "ASIAAPP1", text);
    Deno.writeTextFileSync(path, role.replace("/app", "/other"));
    assertEquals(await outcome(source), "ASIAOTHER2", text);
  }
});

Deno.test("a role whose source profile is cut keeps its session (C10)", async () => {
  for (const text of ["", "[base]\n", "[base]\naws_access_key_id = A\n"]) {
    await using machine = new Machine({
      credentials: `[base]\n${keys("base")}`,
      config: "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
        "source_profile = base\n",
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
  assertStringIncludes(
    await outcome(source),
    "its credentials are no longer in",
  );
  machine.write(".aws/credentials", DEFAULT);
  assertEquals(await outcome(source), "ASIADEFAULT");
  assertEquals(machine.container.requests, []);
});

Deno.test("a session that is over while the file is empty is not used (C10)", async () => {
  let now = Date.now();
  await using machine = new Machine({
    credentials: DEFAULT,
    config: "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
      "source_profile = default\n",
  });
  const source = machine.source({ now: () => now });
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/config", "");
  assertEquals(await outcome(source), "ASIAAPP1");
  now += 2 * 3_600_000;
  assertStringIncludes(
    await outcome(source),
    "its credentials are no longer in",
  );
  assertEquals(machine.sts.asked.length, 1);
});

Deno.test("a credentials file that is removed is an error, not the container's place (C10)", async () => {
  await using machine = new Machine({ credentials: DEFAULT });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIADEFAULT");
  Deno.removeSync(machine.path(".aws/credentials"));
  assertStringIncludes(
    await outcome(source),
    "its credentials are no longer in",
  );
  assertEquals(machine.container.requests, []);
});

Deno.test("a profile that is given another way by hand takes it at the next request", async () => {
  await using machine = new Machine({
    credentials: `[base]\n${keys("base")}`,
    config: "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
      "source_profile = base\n",
  });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/config", `[default]\n${keys("config")}`);
  assertEquals(await outcome(source), "ASIACONFIG");
});

/** A config file with a role, and what is left when it is cut anywhere. */
const ROLE = "[profile app]\nregion = us-east-1\n" +
  "role_arn = arn:aws:iam::123456789012:role/app\n" +
  "external_id = e-1\nsource_profile = app\n";

Deno.test("a config file that is cut anywhere leaves a role for nothing else (S1)", async () => {
  await using machine = new Machine({
    config: ROLE,
    credentials: `[app]\n${keys("own")}`,
  });
  const source = machine.source({
    profile: "app",
    variables: webIdentity(machine),
  });
  assertEquals(await outcome(source), "ASIAAPP1");
  const path = machine.path(".aws/config");
  for (let length = 0; length < ROLE.length - 1; length += 3) {
    Deno.writeTextFileSync(path, ROLE.slice(0, length));
    const cut = await outcome(source);
    assertEquals(cut, "ASIAAPP1", ROLE.slice(0, length));
  }
  Deno.writeTextFileSync(path, ROLE);
  assertEquals(await outcome(source), "ASIAAPP2");
  assertEquals(machine.container.requests, []);
});

/** A token in the environment, which would gladly be traded for a role. */
function webIdentity(machine: Machine): Record<string, string> {
  return {
    AWS_WEB_IDENTITY_TOKEN_FILE: machine.write("web-token", "web-token"),
    AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/web",
  };
}

/** A role in the config file whose source is another profile. */
const SESSION = "[profile app]\nsource_profile = base\n" +
  "role_arn = arn:aws:iam::123456789012:role/app\n" +
  "role_session_name = old\n";

const LOWER: Record<string, {
  files: { config?: string; credentials?: string };
  cut: { config?: string; credentials?: string };
  found: string;
  profile?: string;
  hasWebIdentity?: boolean;
}> = {
  "the credentials file's keys for the config file's": {
    files: {
      credentials: `[default]\nregion = x\n${keys("default")}`,
      config: `[default]\n${keys("config")}`,
    },
    cut: { credentials: "[default]\nregion = x\n" },
    found: "ASIADEFAULT",
  },
  "a program for keys": {
    files: {
      config: `[default]\n${keys("config")}credential_process = cat printed\n`,
    },
    cut: { config: `[default]\n${keys("config")}` },
    found: "ASIAPRINTED",
  },
  "a role for the environment's web identity": {
    files: {
      credentials: DEFAULT,
      config: ROLE.replaceAll("profile app", "default")
        .replace("= app", "= default"),
    },
    cut: { config: "[default]\nregion = us-east-1\n" },
    found: "ASIAAPP1",
    hasWebIdentity: true,
  },
  "a role over keys for the role over a program": {
    files: {
      credentials: `[base]\n${keys("base")}`,
      config: ROLE.replace("= app", "= base") +
        "[profile base]\ncredential_process = cat printed\n",
    },
    cut: { credentials: "" },
    found: "ASIAAPP1",
    profile: "app",
  },
  "a role over keys for the role over the container": {
    files: {
      credentials: `[base]\n${keys("base")}`,
      config: ROLE.replace("= app", "= base") +
        "[profile base]\nrole_arn = arn:aws:iam::123456789012:role/base\n" +
        "credential_source = EcsContainer\n",
    },
    cut: { credentials: "[base]\n" },
    found: "ASIAAPP1",
    profile: "app",
  },
  "keys with a token for keys without": {
    files: { credentials: `${DEFAULT}aws_session_token = token-of-default\n` },
    cut: { credentials: DEFAULT },
    found: "ASIADEFAULT",
  },
  "a role's name for another that begins like it": {
    files: {
      credentials: `[app]\n${keys("own")}`,
      config: "[profile app]\nsource_profile = app\n" +
        "role_arn = arn:aws:iam::123456789012:role/app-admin",
    },
    cut: {
      config: "[profile app]\nsource_profile = app\n" +
        "role_arn = arn:aws:iam::123456789012:role/app",
    },
    found: "ASIAAPP-ADMIN1",
    profile: "app",
  },
  "a source profile's role for its keys, though the role's session is new": {
    files: {
      credentials: `[base]\n${keys("base")}`,
      config: SESSION + "[profile base]\nweb_identity_token_file = TOKEN\n" +
        "role_arn = arn:aws:iam::123456789012:role/base\n",
    },
    cut: { config: SESSION.replace("= old", "= new") + "[profile base]\n" },
    found: "ASIAAPP2",
    profile: "app",
  },
  "a source profile's role for its keys, though the role is new": {
    files: {
      credentials: `[base]\n${keys("base")}`,
      config: SESSION + "[profile base]\nweb_identity_token_file = TOKEN\n" +
        "role_arn = arn:aws:iam::123456789012:role/base\n",
    },
    cut: { config: SESSION.replace("/app", "/new") },
    found: "ASIAAPP2",
    profile: "app",
  },
  "a role's external ID, though its session is new": {
    files: {
      credentials: `[base]\n${keys("base")}`,
      config: `${SESSION}external_id = e-1\n`,
    },
    cut: { config: SESSION.replace("= old", "= new") },
    found: "ASIAAPP1",
    profile: "app",
  },
  "a role for its keys, though these are rotated": {
    files: {
      config: `[default]\n${keys("old")}source_profile = default\n` +
        "role_arn = arn:aws:iam::123456789012:role/app\n",
    },
    cut: { config: `[default]\n${keys("new")}` },
    found: "ASIAAPP1",
  },
  "a program's arguments, on lines of their own": {
    files: {
      config: "[default]\ncredential_process = cat printed\n\n" +
        "  # Unbuffered:\n  -u\n",
    },
    cut: {
      config: "[default]\ncredential_process = cat printed\n\n  # Unbuf",
    },
    found: "ASIAPRINTED",
  },
};

for (
  const [what, { files, cut, found, profile, hasWebIdentity }] of Object
    .entries(LOWER)
) {
  Deno.test(`a cut file does not give up ${what} (S1)`, async () => {
    await using machine = new Machine();
    const printed = machine.write(
      "printed",
      JSON.stringify({
        Version: 1,
        AccessKeyId: "ASIAPRINTED",
        SecretAccessKey: "secret-of-printed",
      }),
    );
    const token = machine.write("web-token", "web-token");
    const write = (all: { config?: string; credentials?: string }) => {
      for (const [name, text] of Object.entries(all)) {
        machine.write(
          `.aws/${name}`,
          text.replace("cat printed", `cat ${printed}`)
            .replace("TOKEN", token),
        );
      }
    };
    write(files);
    let now = Date.now();
    const source = machine.source({
      profile,
      now: () => now,
      variables: hasWebIdentity ? webIdentity(machine) : {},
    });
    assertEquals(await outcome(source), found);
    write(cut);
    assertEquals(await outcome(source), found);
    const current = await source.get();
    const refused = await source.get({ refresh: current })
      .catch((error) => error);
    assert(refused instanceof CredentialsError, JSON.stringify(refused));
    now += 2 * 3_600_000;
    assertStringIncludes(
      await outcome(source),
      "its credentials are no longer in",
    );
    write(files);
    const again = await outcome(source);
    assertEquals(again.replace(/\d$/, ""), found.replace(/\d$/, ""));
    assertEquals(machine.container.requests, []);
    assertEquals(machine.sts.asked.filter(({ role }) => role === "web"), []);
  });
}

/** What a profile adds to a web identity of the environment, line by line. */
const BESIDE_WEB =
  "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
  "source_profile = default\nweb_identity_token_file = elsewhere\n" +
  "role_session_name = me\n";

for (const isRoleOfEnv of [true, false]) {
  const whose = isRoleOfEnv ? "the environment's" : "the profile's";
  Deno.test(`a cut file leaves a web identity of the environment with ${whose} role to no one (S1)`, async () => {
    await using machine = new Machine({
      credentials: DEFAULT,
      config: BESIDE_WEB,
    });
    const { AWS_ROLE_ARN, ...token } = webIdentity(machine);
    const source = machine.source({
      variables: isRoleOfEnv ? { ...token, AWS_ROLE_ARN } : token,
    });
    const found = isRoleOfEnv ? "ASIAWEB1" : "ASIAAPP1";
    assertEquals(await outcome(source), found);
    const path = machine.path(".aws/config");
    for (let length = 0; length < BESIDE_WEB.length - 1; length += 2) {
      Deno.writeTextFileSync(path, BESIDE_WEB.slice(0, length));
      const cut = await outcome(source);
      assertEquals(cut, found, BESIDE_WEB.slice(0, length));
    }
    assertEquals(machine.sts.asked.length, 1);
    Deno.writeTextFileSync(path, BESIDE_WEB);
    assertEquals(await outcome(source), found.replace("1", "2"));
    assertEquals(
      machine.sts.asked.map(({ session, signedBy }) => [session, signedBy]),
      [["me", undefined], ["me", undefined]],
    );
  });
}

Deno.test("a cut file does not give up the container for a role that was kept off (S1)", async () => {
  const role = "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
    "source_profile = base\n[profile base]\ncredential_source = Environment\n";
  const kept = role.replace("[profile", "web_identity_token_file =\n[profile");
  await using machine = new Machine({ config: kept });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIACONTAINER1");
  machine.write(".aws/credentials", `[base]\n${keys("base")}`);
  assertEquals(await outcome(source), "ASIACONTAINER2");
  machine.write(".aws/config", role);
  assertEquals(await outcome(source), "ASIACONTAINER2");
  assertEquals(machine.sts.asked, []);
});

Deno.test("a session of SSO may be renamed, and the older form moved into one", async () => {
  await using machine = new Machine();
  await using sso = new SsoPeer("access-token-1");
  const start = "https://corp.awsapps.com/start";
  const lines = `sso_region = eu-west-1\nsso_start_url = ${start}\n`;
  const whose = "sso_account_id = 1\nsso_role_name = Dev\n";
  for (const name of [start, "corp", "firm"]) {
    const hash = createHash("sha1").update(name).digest("hex");
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const token = JSON.stringify({ accessToken: "access-token-1", expiresAt });
    machine.write(`.aws/sso/cache/${hash}.json`, token);
  }
  const source = machine.source({
    variables: { AWS_ENDPOINT_URL_SSO: sso.url },
  });
  const texts = [
    `[default]\n${lines}${whose}`,
    `[default]\nsso_session = corp\n${whose}[sso-session corp]\n${lines}`,
    `[default]\nsso_session = firm\n${whose}[sso-session firm]\n${lines}`,
  ];
  for (const [index, text] of texts.entries()) {
    machine.write(".aws/config", text);
    assertEquals(await outcome(source), "ASIADEV");
    assertEquals(sso.requests.length, index + 1);
  }
  assertEquals(machine.warnings, []);
});

Deno.test("a source profile may be left for another one", async () => {
  await using machine = new Machine({
    credentials: `[base]\n${keys("base")}`,
    config: SESSION,
  });
  const source = machine.source({ profile: "app" });
  assertEquals(await outcome(source), "ASIAAPP1");
  machine.write(".aws/credentials", `[next]\n${keys("next")}`);
  machine.write(".aws/config", SESSION.replace("= base", "= next"));
  assertEquals(await outcome(source), "ASIAAPP2");
  assertEquals(machine.sts.asked[1].signedBy, "ASIANEXT");
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
  const [account, role] = ["sso_account_id = 1\n", "sso_role_name = Dev\n"];
  const session = "[sso-session corp]\nsso_region = eu-west-1\n" +
    "sso_start_url = https://corp.awsapps.com/start\n";
  const profile = "[default]\nregion = x\nsso_session = corp\n";
  const hash = createHash("sha1").update("corp").digest("hex");
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const token = JSON.stringify({ accessToken: "access-token-1", expiresAt });
  const tokenFile = machine.write(`.aws/sso/cache/${hash}.json`, token);
  const config = machine.write(
    ".aws/config",
    session + profile + account + role,
  );
  const source = machine.source({
    variables: { AWS_ENDPOINT_URL_SSO: sso.url },
  });
  assertEquals(await outcome(source), "ASIADEV");
  for (
    const text of [
      session + profile,
      session,
      profile + account + role,
      profile,
    ]
  ) {
    Deno.writeTextFileSync(config, text);
    assertEquals(await outcome(source), "ASIADEV", text);
  }
  Deno.writeTextFileSync(config, session + profile + account + role);
  assertEquals(await outcome(source), "ASIADEV");
  // A token that is half written is no reason, either; one that is gone is.
  for (const text of ["", token.slice(0, 9), "{}"]) {
    Deno.writeTextFileSync(tokenFile, text);
    assertEquals(await outcome(source), "ASIADEV", text);
  }
  Deno.removeSync(tokenFile);
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
  machine.write(
    ".aws/config",
    "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
      "source_profile = base\n",
  );
  Deno.writeTextFileSync(path, `[base]\n${keys("base")}`);
  assertEquals(await outcome(source), "ASIAAPP1");
});
