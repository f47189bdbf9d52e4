/**
 * Whose keys are found in shared files as people write them, beside a container
 * that would gladly give its own: the AWS CLI's choice, or an error.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  findCaBundle,
  profileRegion,
} from "../../../../src/aws/shared_files/shared_files.ts";
import { keysOf } from "../../../support/aws/credential_peers.ts";
import { assertRefused, DEFAULT, keys, Machine, program } from "./machine.ts";

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
