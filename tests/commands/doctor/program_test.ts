import { assertEquals, assertStringIncludes } from "@std/assert";
import { SdkServer } from "../../support/sdk/server.ts";
import { TEST_VERIFIER } from "../../support/aws/test_identity.ts";
import { Findings, SCOPE } from "./run.ts";
import { runProgram } from "../program.ts";
import { tempDir } from "../../support/temp_dir.ts";

Deno.test("with the narrowest permissions the doctor finds all well, and says what it could not ask", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  const outcome = await runProgram(
    ["doctor", server.url.href, ...SCOPE, "--json"],
    { target: server.url },
  );
  assertEquals(outcome.stderr, "");
  assertEquals(outcome.code, 0, outcome.stdout);
  const findings = new Findings(outcome);
  assertEquals(
    findings.steps.filter(({ status }) => status === "note").map(({ id }) =>
      id
    ),
    ["identity", "tls"],
  );
  const identity = findings.step("identity");
  assertStringIncludes(
    identity.detail,
    "--allow-net=sts.eu-west-1.amazonaws.com:443",
  );
  assertEquals(server.sessionIds, []);
});

Deno.test("without permission for the target the doctor names the flag, and goes no further", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  const outcome = await runProgram(
    ["doctor", server.url.href, ...SCOPE, "--json"],
    { target: new URL("http://127.0.0.1:9") },
  );
  assertEquals(outcome.code, 1);
  const findings = new Findings(outcome);
  const permissions = findings.step("permissions");
  assertEquals(permissions.status, "failed");
  assertEquals(permissions.advice, [`add --allow-net=${server.url.host}`]);
  const skipped = findings.steps.filter(({ status }) => status === "skipped");
  assertEquals(skipped.map(({ id }) => id), [
    "proxies",
    "dns",
    "connect",
    "tls",
    "clock",
    "initialize",
    "tools",
    "end",
  ]);
});

Deno.test("a name that may only be connected to is looked up by connecting", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  const target = new URL(server.url);
  target.hostname = "localhost";
  const outcome = await runProgram(
    ["doctor", target.href, ...SCOPE, "--json"],
    { target },
  );
  assertEquals(outcome.code, 0, outcome.stdout);
  const dns = new Findings(outcome).step("dns");
  assertEquals(dns.detail, "localhost is 127.0.0.1");
});

Deno.test("files that a profile needs and that may not be read are named with their flag", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using temp = await tempDir();
  const elsewhere = temp.path;
  const outcome = await runProgram(
    ["doctor", server.url.href, ...SCOPE, "--json", "--profile", "work"],
    {
      target: server.url,
      env: {
        AWS_CONFIG_FILE: `${elsewhere}/config`,
        AWS_SHARED_CREDENTIALS_FILE: `${elsewhere}/credentials`,
      },
    },
  );
  assertEquals(outcome.code, 1);
  const findings = new Findings(outcome);
  const permissions = findings.step("permissions");
  assertStringIncludes(
    permissions.advice.join(),
    `--allow-read=${elsewhere}/config,${elsewhere}/credentials`,
  );
  assertEquals(findings.step("credentials").status, "failed");
});
