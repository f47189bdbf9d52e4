/** What is left of a program's stderr in a log. */

import { assert, assertEquals, assertFalse } from "@std/assert";
import { maskProgramOutput } from "../../src/redact/program_output.ts";

const KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN = "IQoJb3JpZ2luX2VjE/an+echoed/session+token==";

Deno.test("nothing of a secret is left, however a program says it", async (t) => {
  for (
    const said of [
      `+ export AWS_SECRET_ACCESS_KEY=${KEY}`,
      `++ SECRET='hunter2 with spaces'`,
      `SECRET="hunter2`,
      `+ vault login hunter2`,
      `vault: login --password hunter2 failed`,
      `login -token hunter2`,
      `password: hunter2`,
      `{"SecretAccessKey": "hunter2"}`,
      `{"AccessKeyId":"ASIAECHOEDKEYID00001","SessionToken":"${TOKEN}"}`,
      `got ${KEY}, ${TOKEN}`,
      `curl: Authorization: Basic hunter2`,
      `sent bearer hunter2`,
      `password hunter2`,
      `the password is hunter2`,
      `Enter passphrase "hunter2"`,
      `mfa code hunter2`,
      `> curl -u admin:hunter2 https://example.com`,
      `mysql -phunter2`,
      `sshpass -p hunter2 ssh host`,
      `vault write -f auth hunter2`,
      `<Password>hunter2</Password>`,
      `<secret-key type="x">hunter2`,
      `['--password', 'hunter2']`,
      `["-p","hunter2"]`,
      `cloning https://user:hunter2@example.com/x`,
      `key 'ASIAECHOEDKEYID00001'`,
      `-----BEGIN PRIVATE KEY-----\n${KEY}\nhunter2`,
      `X='one\nhunter2\n'`,
      `+ echo 'one\nhunter2'`,
      `${" x".repeat(1020)} ${KEY}`,
    ]
  ) {
    await t.step(said.trim().slice(0, 60), () => {
      const shown = maskProgramOutput(said);
      for (const part of ["hunter", "wJal", "IQoJ", "KEYID0", "spaces"]) {
        assertFalse(shown.includes(part), shown);
      }
    });
  }
});

Deno.test("what a program says of its failure stays", () => {
  const said = "error: profile dev: the security token is invalid\n" +
    "InvalidClientTokenId (403), see /usr/share/doc/tool";
  assertEquals(maskProgramOutput(said), said);
  for (
    const prose of ["no token was found", "the key has expired.", "exit code 3"]
  ) {
    assertEquals(maskProgramOutput(prose), prose);
  }
  assertEquals(maskProgramOutput("+ curl -s x\n"), "+ curl[redacted]");
});

Deno.test("a program that writes without end is logged in part, and at once", () => {
  for (const part of ["key", "'", "+", "--key", "://a", "A1", " ", "\n"]) {
    const shown = maskProgramOutput(part.repeat(2 ** 20));
    assert(shown.length < 25_000, `${shown.length}`);
  }
});
