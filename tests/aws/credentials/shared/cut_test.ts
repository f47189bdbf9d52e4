import { assert, assertEquals } from "@std/assert";
import { CredentialsError } from "../../../../src/errors.ts";
import {
  assertGone,
  BASE,
  DEFAULT,
  keys,
  Machine,
  outcome,
  SESSION,
} from "./machine.ts";

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

interface Files {
  readonly config?: string;
  readonly credentials?: string;
}

const LOWER: Record<string, {
  files: Files;
  cut: Files;
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
      credentials: BASE,
      config: ROLE.replace("= app", "= base") +
        "[profile base]\ncredential_process = cat printed\n",
    },
    cut: { credentials: "" },
    found: "ASIAAPP1",
    profile: "app",
  },
  "a role over keys for the role over the container": {
    files: {
      credentials: BASE,
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
      credentials: BASE,
      config: SESSION + "[profile base]\nweb_identity_token_file = TOKEN\n" +
        "role_arn = arn:aws:iam::123456789012:role/base\n",
    },
    cut: { config: SESSION.replace("= old", "= new") + "[profile base]\n" },
    found: "ASIAAPP2",
    profile: "app",
  },
  "a source profile's role for its keys, though the role is new": {
    files: {
      credentials: BASE,
      config: SESSION + "[profile base]\nweb_identity_token_file = TOKEN\n" +
        "role_arn = arn:aws:iam::123456789012:role/base\n",
    },
    cut: { config: SESSION.replace("/app", "/new") },
    found: "ASIAAPP2",
    profile: "app",
  },
  "a role's external ID, though its session is new": {
    files: {
      credentials: BASE,
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
      '{"Version":1,"AccessKeyId":"ASIAPRINTED","SecretAccessKey":"s"}',
    );
    const token = machine.write("web-token", "web-token");
    const write = (all: Files) => {
      for (const [name, text] of Object.entries(all)) {
        const placed = text.replace("cat printed", `cat ${printed}`);
        machine.write(`.aws/${name}`, placed.replace("TOKEN", token));
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
    await assertGone(source);
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

Deno.test("a web identity that the environment names whole hangs on no line of the profile", async () => {
  await using machine = new Machine({ config: BESIDE_WEB });
  const named = { ...webIdentity(machine), AWS_ROLE_SESSION_NAME: "env" };
  const source = machine.source({ variables: named });
  assertEquals(await outcome(source), "ASIAWEB1");
  machine.write(".aws/config", "[default]\nregion = us-east-1\n");
  assertEquals(await outcome(source), "ASIAWEB2");
});

Deno.test("a cut file does not give up the container for a role that was kept off (S1)", async () => {
  const role = "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
    "source_profile = base\n[profile base]\ncredential_source = Environment\n";
  const kept = role.replace("[profile", "web_identity_token_file =\n[profile");
  await using machine = new Machine({ config: kept });
  const source = machine.source();
  assertEquals(await outcome(source), "ASIACONTAINER1");
  machine.write(".aws/credentials", BASE);
  assertEquals(await outcome(source), "ASIACONTAINER2");
  machine.write(".aws/config", role);
  assertEquals(await outcome(source), "ASIACONTAINER2");
  assertEquals(machine.sts.asked, []);
});
