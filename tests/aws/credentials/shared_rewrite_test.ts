/**
 * Shared files that are emptied or cut for a moment, as in the middle of a
 * rewrite: the identity that was found in them stays, or there is an error.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CredentialsError } from "../../../src/errors.ts";
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
