/** The options that say how requests are signed, in the whole program. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import {
  type GateHandler,
  type GateRecord,
  IamGate,
} from "../../support/aws/iam_gate.ts";
import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../../support/program/proxy_process.ts";
import {
  NO_KEYS,
  TEST_SCOPE,
  TEST_VERIFIER,
} from "../../support/aws/test_identity.ts";
import type { VerifierOptions } from "../../support/sigv4/verifier.ts";
import { keysOf, StsPeer } from "../../support/aws/credential_peers.ts";
import { tempDir } from "../../support/temp_dir.ts";

const answer: GateHandler = (_request, response, record) => {
  const { id } = JSON.parse(record.text());
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ jsonrpc: "2.0", id, result: {} }));
};

/** One ping of a program: what the target received, and what came of it. */
async function ping(
  options: Omit<ProxyProcessOptions, "target">,
  verifier: VerifierOptions = TEST_VERIFIER,
): Promise<{ record: GateRecord; text: string; stderr: string }> {
  await using gate = await IamGate.start({ verifier, handler: answer });
  await using proxy = await ProxyProcess.startHere({
    target: new URL("/mcp", gate.origin),
    ...options,
  });
  const { text } = await proxy.request("ping");
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0);
  assertEquals(gate.records.length, 1);
  return { record: await gate.records.at(0), text, stderr: proxy.stderr };
}

function knownTo(name: string): VerifierOptions {
  const keys = keysOf(name);
  return { ...TEST_SCOPE, principals: { [keys.accessKeyId]: keys } };
}

Deno.test("--sig-version v4a signs with v4a", async () => {
  const { record } = await ping({ args: ["--sig-version", "v4a"] });
  assert(record.verdict.ok);
  assertEquals(record.header("x-amz-region-set"), TEST_SCOPE.region);
});

Deno.test("--unsigned-payload leaves the body out of the signature", async () => {
  const { record } = await ping({ args: ["--unsigned-payload"] }, {
    ...TEST_VERIFIER,
    allowUnsignedPayload: true,
  });
  assert(record.verdict.ok);
  assertEquals(record.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
});

Deno.test("--sign-host is the host that is signed and sent", async () => {
  const host = "abc.execute-api.eu-west-1.amazonaws.com";
  const { record } = await ping({ args: ["--sign-host", host] });
  assert(record.verdict.ok);
  assertEquals(record.header("host"), host);
});

Deno.test("--skip-auth sends unsigned where nothing is configured, and says so of a refusal", async () => {
  const { record, text, stderr } = await ping({
    args: ["--skip-auth"],
    env: NO_KEYS,
  });
  assertEquals(record.header("authorization"), undefined);
  assertStringIncludes(text, "the request was sent unsigned");
  assertStringIncludes(stderr, "requests go unsigned");
});

Deno.test("--assume-role signs as the role, which was asked for with the external ID", async () => {
  await using sts = new StsPeer();
  const { record } = await ping({
    args: [
      "--assume-role",
      "arn:aws:iam::123456789012:role/caller",
      "--external-id",
      "an-external-id",
      "--role-session-name",
      "a-session",
      "--role-duration",
      "15m",
    ],
    env: { AWS_ENDPOINT_URL_STS: sts.url },
    permissions: { net: [sts.host], env: ["_X_AMZN_TRACE_ID"] },
  }, knownTo("caller1"));
  assert(record.verdict.ok);
  const [{ role, session, externalId, seconds }] = sts.asked;
  assertEquals(
    { role, session, externalId, seconds },
    {
      role: "caller",
      session: "a-session",
      externalId: "an-external-id",
      seconds: "900",
    },
  );
});

Deno.test("--profile signs as the profile, whatever keys the environment has", async () => {
  await using temp = await tempDir();
  const home = temp.path;
  const keys = keysOf("dev");
  await Deno.mkdir(join(home, ".aws"));
  await Deno.writeTextFile(
    join(home, ".aws", "credentials"),
    `[dev]\naws_access_key_id=${keys.accessKeyId}\n` +
      `aws_secret_access_key=${keys.secretAccessKey}\n` +
      `aws_session_token=${keys.sessionToken}\n`,
  );
  const { record } = await ping(
    { home, args: ["--profile", "dev"] },
    knownTo("dev"),
  );
  assert(record.verdict.ok);
});

Deno.test("--unsigned-payload is named where the target wants the hash", async () => {
  const { text } = await ping({ args: ["--unsigned-payload"] });
  assertStringIncludes(text, "leave out --unsigned-payload");
});
