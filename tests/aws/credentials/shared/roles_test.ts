import { assertEquals, assertStringIncludes } from "@std/assert";
import { createCredentialSource } from "../../../../src/aws/credentials/credentials.ts";
import { Redactor } from "../../../../src/redact/redact.ts";
import { keysOf } from "../../../support/aws/credential_peers.ts";
import { DEFAULT, keys, Machine, outcome, role } from "./machine.ts";

Deno.test("roles that are each other's source are a circle, with keys too (S5)", async () => {
  const named = (name: string, from: string) =>
    role(name, from).replace("default", `profile ${name}`);
  await using machine = new Machine({
    config: named("a", "b") + keys("a") + named("b", "a") +
      named("own", "own") + keys("own") + named("over", "own"),
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

Deno.test("the keys that a role is assumed with are kept out of texts, too", async () => {
  await using machine = new Machine({
    config: role("app").replace("source_profile = base", "") +
      "credential_source = EcsContainer\n",
  });
  const redactor = new Redactor();
  const source = createCredentialSource({ env: machine.all(), redactor });
  assertEquals(await outcome(source), "ASIAAPP1");
  const { secretAccessKey, sessionToken } = keysOf("container1");
  const shown = redactor.redact(`${secretAccessKey} ${sessionToken}`);
  assertEquals(shown, "[redacted] [redacted]");
});

Deno.test("what a session is to be bound by is not left out where no role is assumed, wherever the keys are from", async () => {
  for (
    const [credentials, config] of [
      [DEFAULT, ""],
      ["", `[default]\n${keys("config")}`],
      ["", ""],
    ]
  ) {
    await using machine = new Machine({ credentials, config });
    const session = { policy: '{"Statement":[]}' };
    const bound = createCredentialSource({ env: machine.all(), session });
    assertStringIncludes(await outcome(bound), "without assuming a role");
    assertEquals(machine.sts.asked, []);
  }
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
      config: `${role("app", "default")}duration_seconds = ${text}\n`,
    });
    assertEquals(await machine.found(), "ASIAAPP1");
    assertEquals(machine.sts.asked[0].seconds, sent, text);
  }
});

Deno.test("a role's duration that no session has is refused with its file and line, and STS is not asked", async () => {
  for (const text of ["-5", "0", "899", "43201", "+1_0"]) {
    await using machine = new Machine({
      credentials: DEFAULT,
      config: `${role("app", "default")}duration_seconds = ${text}\n`,
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
      config: role("app", "default"),
    });
    const found = await machine.found(undefined, { AWS_REGION: text });
    assertStringIncludes(found, `AWS_REGION has ${said}`);
    assertEquals(machine.sts.asked, []);
  }
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
  const env = { AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/env" };
  assertEquals(await machine.found(undefined, env), "ASIAENV2");
  assertEquals(await machine.found("default", env), "ASIAWEB3");
});

Deno.test("keys without an end that STS refuses are asked for anew, once, before a role is given up", async () => {
  await using machine = new Machine();
  const print = (id: string) =>
    machine.write(
      "printed",
      `{"Version":1,"AccessKeyId":"${id}","SecretAccessKey":"s"}`,
    );
  const run = `credential_process = cat ${print("AKIAOLD")}\n`;
  machine.write(".aws/config", `[default]\n${run}`);
  const base = machine.source();
  const roleOf = (name: string) =>
    createCredentialSource({
      base,
      env: machine.all(),
      assumeRole: { roleArn: `arn:aws:iam::123456789012:role/${name}` },
    });
  assertEquals(await outcome(roleOf("a")), "ASIAA1");
  print("AKIANEW");
  for (const [as, isAnew] of [["AccessDenied", 0], ["ExpiredToken", 1]]) {
    machine.sts.refused.set("AKIAOLD", `${as}`);
    const found = await outcome(roleOf("b"));
    if (isAnew) assertEquals(found, "ASIAB4");
    else assertStringIncludes(found, `${as}`);
  }
  machine.sts.refused.set("AKIANEW", "InvalidClientTokenId");
  assertStringIncludes(await outcome(roleOf("c")), "InvalidClientTokenId");
  const signers = machine.sts.asked.map(({ signedBy }) => signedBy);
  const [OLD, NEW] = ["AKIAOLD", "AKIANEW"];
  assertEquals(signers, [OLD, OLD, OLD, NEW, NEW]);
});
