/**
 * Whose keys are found in shared files as people write them, beside a container
 * that would gladly give its own: the AWS CLI's choice, or an error.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { profileRegion } from "../../../src/aws/shared_files/profile_settings.ts";
import { findCaBundle } from "../../../src/aws/shared_files/profile_settings.ts";
import { keysOf } from "./peers.ts";
import { DEFAULT, keys, Machine } from "./shared_machine.ts";

/** An error that names the file and the line, and asks nobody else. */
function assertRefused(
  machine: Machine,
  file: "config" | "credentials",
  line: number,
  found: string,
): void {
  assertStringIncludes(
    found,
    `${machine.path(".aws", file)} line ${line}: `,
  );
  assertEquals(machine.container.requests, []);
}

Deno.test("what follows a section's ] does not hand its keys to the default profile (C1)", async () => {
  const tails = ["# note", " # note", " x", ";n", " = x", " ;", "\t#", " y] z"];
  for (const tail of tails) {
    await using machine = new Machine({
      credentials: `${DEFAULT}[prod]${tail}\n${keys("prod")}`,
    });
    assertEquals(await machine.found(), "ASIADEFAULT", tail);
    if (tail.includes("]")) continue;
    assertEquals(await machine.found("prod"), "ASIAPROD", tail);
    await using other = new Machine({
      config: `${DEFAULT}[profile prod]${tail}\n${keys("prod")}`,
    });
    assertEquals(await other.found(), "ASIADEFAULT", tail);
    assertEquals(await other.found("prod"), "ASIAPROD", tail);
  }
});

Deno.test("a section header that is none is an error with file and line (C2, C11)", async () => {
  for (
    const header of ["[prod", "[prod)", "prod]", "prod", "[]", "<<<<<<< x"]
  ) {
    await using machine = new Machine({
      credentials: `${DEFAULT}${header}\n${keys("prod")}`,
    });
    assertRefused(machine, "credentials", 4, await machine.found());
    assertRefused(machine, "credentials", 4, await machine.found("prod"));
  }
});

Deno.test("a section glued to a secret is an error with file and line (C2, C11)", async () => {
  await using machine = new Machine({
    credentials: `${DEFAULT.trimEnd()}[prod]\n${keys("prod")}`,
  });
  assertRefused(machine, "credentials", 4, await machine.found());
});

Deno.test("# and ; belong to a profile's name (C3)", async () => {
  await using machine = new Machine({
    credentials: `${DEFAULT}[Team #1]\n${keys("one")}[a ;b]\n${keys("two")}`,
    config:
      "[profile 'Team #1']\nregion = r1\n[profile \"a ;b\"]\nregion = r2\n",
  });
  assertEquals(await machine.found(), "ASIADEFAULT");
  for (
    const [name, id, region] of [["Team #1", "ONE", "r1"], [
      "a ;b",
      "TWO",
      "r2",
    ]]
  ) {
    assertEquals(await machine.found(name), `ASIA${id}`);
    assertEquals(await profileRegion(name, machine.all()), region);
  }
});

Deno.test("a role in a section with a tail is not the default profile's (C4)", async () => {
  await using machine = new Machine({
    credentials: DEFAULT,
    config:
      "[profile app] (admin)\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
      "source_profile = default\n",
  });
  assertEquals(await machine.found(), "ASIADEFAULT");
  assertEquals(machine.sts.asked, []);
  assertEquals(await machine.found("app"), "ASIAAPP1");
});

Deno.test("a colon stands for = (C5)", async () => {
  const colons = keys("user").replaceAll(" =", ":");
  await using machine = new Machine({
    credentials: `[default]\n${colons}[prod]\n${colons.replaceAll(":", " : ")}`,
  });
  assertEquals(await machine.found(), "ASIAUSER");
  assertEquals(await machine.found("prod"), "ASIAUSER");
});

Deno.test("a variable's profile is found in the AWS CLI's order, and has to be there (C8)", async () => {
  await using machine = new Machine({
    credentials: `${DEFAULT}[work]\n${keys("work")}[other]\n${keys("other")}`,
    config: "[profile work]\nregion = eu-west-9\n",
  });
  const work = { AWS_DEFAULT_PROFILE: "work" };
  assertEquals(await machine.found(undefined, work), "ASIAWORK");
  const both = { ...work, AWS_PROFILE: "other" };
  assertEquals(await machine.found(undefined, both), "ASIAWORK");
  assertEquals(await machine.found("other", both), "ASIAOTHER");
  assertEquals(await profileRegion(undefined, machine.all(both)), "eu-west-9");
  for (const name of ["nosuch", "Work", "default "]) {
    const found = await machine.found(undefined, { AWS_DEFAULT_PROFILE: name });
    assertStringIncludes(found, `profile "${name}": it is neither in`);
  }
  assertEquals(machine.container.requests, []);
});

Deno.test("a variable that names the default profile asks for it to be there (C8)", async () => {
  await using machine = new Machine({ credentials: `[work]\n${keys("work")}` });
  const found = await machine.found(undefined, { AWS_PROFILE: "default" });
  assertStringIncludes(found, 'profile "default": it is neither in');
});

Deno.test("variables and ~ count in the variables that name the files (C9)", async () => {
  await using machine = new Machine({ credentials: DEFAULT });
  machine.write("alt/credentials", `[default]\n${keys("alt")}`);
  machine.write("alt/config", "[default]\nregion = alt-1\n");
  const places = [
    "$HOME/alt",
    "${HOME}/alt",
    "$ALT",
    "${ALT}",
    "~/alt",
    "~/$X/alt",
  ];
  for (const place of places) {
    const variables = {
      ALT: machine.path("alt"),
      X: ".",
      AWS_SHARED_CREDENTIALS_FILE: `${place}/credentials`,
      AWS_CONFIG_FILE: `${place}/config`,
    };
    assertEquals(await machine.found(undefined, variables), "ASIAALT", place);
    assertEquals(
      await profileRegion(undefined, machine.all(variables)),
      "alt-1",
    );
  }
});

Deno.test("the home of another user is not looked up, and nothing signs in its place (C9)", async () => {
  await using machine = new Machine();
  const found = await machine.found(undefined, {
    AWS_SHARED_CREDENTIALS_FILE: "~root/.aws/credentials",
  });
  assertStringIncludes(found, "the home of another user is not looked up");
  assertEquals(machine.container.requests, []);
});

Deno.test("a file that cannot be understood is an error, whatever is wrong and whichever it is (C11)", async () => {
  const broken: [text: string | Uint8Array, line: number][] = [
    ["region = x\n[default]\n", 1],
    [`${DEFAULT}[default]\n`, 4],
    [`${DEFAULT}aws_access_key_id = AKIAOTHER\n`, 4],
    [`${DEFAULT}AWS_ACCESS_KEY_ID : AKIAOTHER\n`, 4],
    [`${DEFAULT}\n= x\n`, 5],
    [`\ufeff${DEFAULT}`, 1],
    [`${DEFAULT}s3 =\n  nonsense\n`, 4],
    [
      new TextEncoder().encode(DEFAULT).map((byte, at) =>
        at === 12 ? 0xff : byte
      ),
      2,
    ],
    [
      Uint8Array.from([0xff, 0xfe, ...new TextEncoder().encode("[\0d\0]\0")]),
      1,
    ],
  ];
  for (const [text, line] of broken) {
    for (const file of ["config", "credentials"] as const) {
      await using machine = new Machine(
        file === "config" ? { credentials: DEFAULT } : { config: DEFAULT },
      );
      const path = machine.write(`.aws/${file}`, "");
      Deno.writeFileSync(
        path,
        typeof text === "string" ? new TextEncoder().encode(text) : text,
      );
      assertRefused(machine, file, line, await machine.found());
      assertRefused(machine, file, line, await machine.found("default"));
      const region = await profileRegion(undefined, machine.all())
        .catch((error) => error.message);
      assertRefused(machine, file, line, region);
    }
  }
});

Deno.test({
  name:
    "a file that may not be read is an error, not a file that is empty (C11)",
  // Root may read it.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  async fn() {
    await using machine = new Machine({ credentials: DEFAULT });
    Deno.chmodSync(machine.path(".aws/credentials"), 0);
    assertStringIncludes(await machine.found(), "cannot be read");
    assertEquals(machine.container.requests, []);
  },
});

Deno.test("a file that is there and cannot be looked at is an error (S6)", async () => {
  for (const file of ["config", "credentials"]) {
    await using machine = new Machine({ config: "", credentials: "" });
    const path = machine.path(".aws", file);
    Deno.removeSync(path);
    // Nobody may follow a link to itself, not even root.
    Deno.symlinkSync(path, path);
    assertStringIncludes(await machine.found(), `${path}: cannot be read`);
    assertEquals(machine.container.requests, []);
  }
});

Deno.test({
  name: "a directory that may not be looked into is an error (S6)",
  // Root may.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
  async fn() {
    await using machine = new Machine({ credentials: DEFAULT });
    Deno.chmodSync(machine.path(".aws"), 0);
    const found = await machine.found();
    Deno.chmodSync(machine.path(".aws"), 0o700);
    assertStringIncludes(found, "cannot be read");
    assertEquals(machine.container.requests, []);
  },
});

Deno.test({
  name: "a .. after a link leads where the system goes, or nowhere (S4)",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using machine = new Machine();
    machine.write("el/x/file", "");
    Deno.symlinkSync("el/x", machine.path("current"));
    machine.write("creds", `[default]\n${keys("wrong")}`);
    const right = machine.write("el/creds", DEFAULT);
    const given = { AWS_SHARED_CREDENTIALS_FILE: "~/current/../creds" };
    assertEquals(await machine.found(undefined, given), "ASIADEFAULT");
    Deno.removeSync(right);
    assertEquals(await machine.found(undefined, given), "ASIACONTAINER1");
    const lost = { AWS_SHARED_CREDENTIALS_FILE: "~/nowhere/../creds" };
    assertStringIncludes(
      await machine.found(undefined, lost),
      "cannot be followed: write the path out",
    );
    machine.write("token", "wrong-token");
    machine.write("el/token", "right-token");
    const role = "[default]\nrole_arn = arn:aws:iam::123456789012:role/web\n";
    const token = `${machine.home}/current/../token`;
    machine.write(
      ".aws/config",
      `${role}web_identity_token_file = ${token}\n`,
    );
    assertEquals(await machine.found(), "ASIAWEB1");
    assertEquals(machine.sts.asked[0].webToken, "right-token");
    Deno.chmodSync(machine.write("c.sh", "#!/bin/sh\nexit 7\n"), 0o755);
    program(machine, "el/c.sh");
    machine.write(
      ".aws/config",
      `[default]\ncredential_process = ${machine.home}/current/../c.sh\n`,
    );
    assertEquals(await machine.found(), "AKIAPROGRAM");
  },
});

Deno.test("roles that are each other's source are a circle, with keys too (S5)", async () => {
  const role = (name: string, from: string) =>
    `[profile ${name}]\nsource_profile = ${from}\n` +
    `role_arn = arn:aws:iam::123456789012:role/${name}\n`;
  await using machine = new Machine({
    config: role("a", "b") + keys("a") + role("b", "a") + role("own", "own") +
      keys("own") + role("over", "own"),
  });
  assertStringIncludes(await machine.found("a"), "in a circle: a → b → a");
  assertEquals(machine.sts.asked, []);
  assertEquals(await machine.found("own"), "ASIAOWN1");
  assertEquals(await machine.found("over"), "ASIAOVER2");
});

Deno.test("a role that is no ARN and a token that is empty are not sent to STS (W)", async () => {
  for (const arn of ["", "arn:aws:iam"]) {
    await using machine = new Machine({
      credentials: DEFAULT,
      config: `[default]\nrole_arn = ${arn}\nsource_profile = default\n`,
    });
    assertStringIncludes(await machine.found(), "is no ARN of a role");
    assertEquals(machine.sts.asked, []);
  }
  await using machine = new Machine();
  const found = await machine.found(undefined, {
    AWS_WEB_IDENTITY_TOKEN_FILE: machine.write("token", "\n"),
    AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/web",
  });
  assertStringIncludes(found, "token is empty");
  assertEquals(machine.sts.asked, []);
});

Deno.test("a role's duration is read as the AWS CLI reads it (M2)", async () => {
  const seconds: [text: string, sent: string | undefined][] = [
    ["", undefined],
    ["0x384", undefined],
    ["900.5", undefined],
    ["9e2", undefined],
    ["900 # note", undefined],
    ["900", "900"],
    ["+9_00", "900"],
  ];
  for (const [text, sent] of seconds) {
    await using machine = new Machine({
      credentials: DEFAULT,
      config: "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
        `source_profile = default\nduration_seconds = ${text}\n`,
    });
    assertEquals(await machine.found(), "ASIAAPP1");
    assertEquals(machine.sts.asked[0].seconds, sent, text);
  }
});

Deno.test("a role's duration that no session has is refused with its file and line, and STS is not asked", async () => {
  for (const text of ["-5", "0", "899", "43201", "+1_0"]) {
    await using machine = new Machine({
      credentials: DEFAULT,
      config: "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
        `source_profile = default\nduration_seconds = ${text}\n`,
    });
    const found = await machine.found();
    assertStringIncludes(found, "config line 4) must be from 900 to 43200");
    assertEquals(machine.sts.asked, [], text);
  }
});

Deno.test("a region in a variable that cannot be sent is refused by its name, and STS is not asked elsewhere (C19)", async () => {
  for (
    const [text, said] of [
      ["us-east-1\r", "U+000D (carriage return) at its end"],
      ["\ufeffus-east-1", "U+FEFF (byte order mark) at its beginning"],
      ["us-\u200beast-1", "U+200B (zero width space) as character 4"],
    ]
  ) {
    await using machine = new Machine({
      credentials: DEFAULT,
      config: "[default]\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
        "source_profile = default\n",
    });
    const found = await machine.found(undefined, { AWS_REGION: text });
    assertStringIncludes(found, `AWS_REGION has ${said}`);
    assertEquals(machine.sts.asked, []);
  }
});

Deno.test("the older variable of a session token comes first (M1)", async () => {
  await using machine = new Machine();
  const { accessKeyId, secretAccessKey } = keysOf("env");
  const variables = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SECURITY_TOKEN: keysOf("older").sessionToken,
  };
  for (const newer of [undefined, keysOf("newer").sessionToken]) {
    const { sessionToken } = await machine.source({
      variables: { ...variables, ...newer && { AWS_SESSION_TOKEN: newer } },
    }).get();
    assertEquals(sessionToken, variables.AWS_SECURITY_TOKEN);
  }
});

Deno.test("REQUESTS_CA_BUNDLE names the roots where nothing else does (M3)", async () => {
  await using machine = new Machine({
    config: "[profile ca]\nca_bundle = ~/p\n",
  });
  const env = (more = {}) =>
    machine.env({ REQUESTS_CA_BUNDLE: "/r.pem", ...more });
  assertEquals(await findCaBundle(undefined, env()), {
    path: "/r.pem",
    from: "REQUESTS_CA_BUNDLE",
  });
  assertEquals((await findCaBundle("ca", env()))?.path, machine.path("p"));
  const given = await findCaBundle("ca", env({ AWS_CA_BUNDLE: "/a.pem" }));
  assertEquals(given?.path, "/a.pem");
});

Deno.test("half of a pair of keys is an error, wherever the other half is (C11)", async () => {
  const [id, secret] = keys("default").split(/(?<=\n)/);
  const halves: Partial<Record<"config" | "credentials", string>>[] = [
    { credentials: `[default]\n${id}` },
    { credentials: `[default]\n${secret}` },
    { config: `[default]\n${id}` },
    { credentials: `[default]\n${id}`, config: `[default]\n${secret}` },
    { credentials: `[default]\n${id}aws_secret_access_key =\n` },
    {
      credentials: "[default]\naws_access_key_id =\naws_secret_access_key =\n",
    },
    { credentials: `[default]\naws_access_key_id =\n  x = y\n${secret}` },
  ];
  for (const files of halves) {
    await using machine = new Machine(files);
    assertStringIncludes(await machine.found(), `${machine.home}/.aws/`);
    assertEquals(machine.container.requests, []);
  }
});

Deno.test("a comment begins at the start of a line only (C18)", async () => {
  await using machine = new Machine({
    credentials: `[Team]\n${keys("wrong")}[Team #1]\n${keys("right")}`,
    config:
      "[profile app]\n# note\nrole_arn = arn:aws:iam::123456789012:role/app\n" +
      "  ; indented\nexternal_id = a #b ;c\nsource_profile = Team #1\n",
  });
  assertEquals(await machine.found("app"), "ASIAAPP1");
  const [{ externalId, signedBy }] = machine.sts.asked;
  assertEquals([externalId, signedBy], ["a #b ;c", "ASIARIGHT"]);
});

Deno.test("the options of [DEFAULT] count in every profile of the file", async () => {
  await using machine = new Machine({
    credentials: `[DEFAULT]\n${keys("all")}[a]\n[b]\n${keys("b")}`,
  });
  assertEquals(await machine.found("a"), "ASIAALL");
  assertEquals(await machine.found("b"), "ASIAB");
  assertStringIncludes(await machine.found("DEFAULT"), "it is neither in");
});

Deno.test("a web identity of a profile is an error without a role, and comes before its keys", async () => {
  await using machine = new Machine({
    credentials: DEFAULT,
    config: "[default]\nweb_identity_token_file = token\n",
  });
  for (const profile of [undefined, "default"]) {
    const found = await machine.found(profile);
    assertStringIncludes(found, "role_arn");
  }
  machine.write(
    ".aws/config",
    `[default]\nweb_identity_token_file = ${machine.write("token", "t")}\n` +
      "role_arn = arn:aws:iam::123456789012:role/web\n",
  );
  assertEquals(await machine.found(), "ASIAWEB1");
  const role = { AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/env" };
  assertEquals(await machine.found(undefined, role), "ASIAENV2");
  assertEquals(await machine.found("default", role), "ASIAWEB3");
});

/** A program that prints keys, and writes its arguments into a file. */
function program(machine: Machine, name = "c.sh"): string {
  const path = machine.write(
    name,
    `#!/bin/sh
printf '%s\\n' "$@" > "$0.args"
printf '{"Version":1,"AccessKeyId":"AKIAPROGRAM","SecretAccessKey":"s"}'
`,
  );
  Deno.chmodSync(path, 0o755);
  return path;
}

Deno.test({
  name:
    "a credential process gets the arguments that the AWS CLI gives it (C6, C7)",
  ignore: Deno.build.os === "windows",
  async fn() {
    const lines: [rest: string, ...args: string[]][] = [
      [" --account\n    prod", "--account", "prod"],
      [" --account prod\n\n\t--more", "--account", "prod", "--more"],
      [" --account\n  # not this\n  prod", "--account", "prod"],
      [' --account "Prod #2"', "--account", "Prod #2"],
      [" --account Prod #2", "--account", "Prod", "#2"],
      [` 'a b' "c'd" e\\ f "g\\"h"`, "a b", "c'd", "e f", 'g"h'],
      [' --account ""x', "--account", "x"],
    ];
    for (const [rest, ...args] of lines) {
      await using machine = new Machine();
      const path = program(machine);
      machine.write(
        ".aws/config",
        `[default]\ncredential_process = ${path}${rest}\nregion = x\n`,
      );
      assertEquals(await machine.found(), "AKIAPROGRAM", rest);
      const got = Deno.readTextFileSync(`${path}.args`).trimEnd().split("\n");
      assertEquals(got, args);
    }
  },
});

Deno.test("a credential process whose quotation has no end is not run (C15)", async () => {
  for (const rest of [' "abc', " 'abc", " abc\\", ' "abc\\']) {
    await using machine = new Machine();
    machine.write(
      ".aws/config",
      `[default]\ncredential_process = ${program(machine)}${rest}\n`,
    );
    const found = await machine.found();
    assertStringIncludes(
      found,
      "credential_process cannot be split into words",
    );
    assertEquals(machine.container.requests, []);
  }
});
