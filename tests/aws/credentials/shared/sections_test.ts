import { assertEquals, assertStringIncludes } from "@std/assert";
import { profileRegion } from "../../../../src/aws/shared_files/shared_files.ts";
import { assertRefused, DEFAULT, keys, Machine, program } from "./machine.ts";

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
