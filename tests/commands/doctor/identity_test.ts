import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { IamGate } from "../../support/aws/iam_gate.ts";
import { mcp } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { SdkServer } from "../../support/sdk/server.ts";
import { TEST_VERIFIER } from "../../support/aws/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose } from "./run.ts";
import { KEYS_ALONE, keysWith, startSts } from "./sts_peer.ts";

Deno.test("without credentials the doctor says what to run, tries the way to the target, and signs nothing", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  const outcome = await diagnose({}, server.url);
  assertEquals(outcome.code, 1);
  assertEquals(outcome.step("credentials").status, "failed");
  assertStringIncludes(outcome.step("credentials").detail, "aws configure");
  assertEquals(outcome.step("identity").status, "skipped");
  assertEquals(outcome.step("connect").status, "ok");
  assertEquals(outcome.step("initialize").status, "skipped");
  assertStringIncludes(outcome.step("initialize").detail, "credentials");
  assertEquals(server.gate.records.all.map(({ method }) => method), ["HEAD"]);
});

Deno.test("with --skip-auth and no credentials, the target is asked all the same", async () => {
  await using server = await RawServer.start(mcp({}));
  const outcome = await diagnose({}, server.url, "--skip-auth");
  assertEquals(outcome.step("credentials").status, "note");
  assertEquals(outcome.step("initialize").status, "ok");
  const posted = server.requests.all.filter(({ method }) => method === "POST");
  assertEquals(posted[0].header("authorization"), undefined);
});

Deno.test("a target that refuses the principal is told in IAM's words, with the action to allow", async () => {
  const principal = "arn:aws:sts::123456789012:assumed-role/tests/session";
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    refuse: () => ({
      type: "AccessDeniedException",
      message: `User: ${principal} is not authorized to perform: ` +
        "execute-api:Invoke on resource: arn:aws:execute-api:eu-west-1:" +
        "123456789012:abc/prod/POST/mcp",
    }),
    handler: () => {},
  });
  const outcome = await diagnose(TEST_KEYS, new URL("/mcp", gate.origin));
  assertEquals(outcome.code, 1);
  const { status, detail, facts } = outcome.step("initialize");
  assertEquals(status, "failed");
  assertStringIncludes(detail, `${principal} may not do execute-api:Invoke`);
  assertStringIncludes(detail, "allow execute-api:Invoke");
  assertEquals(facts.reason, "signature");
  assertEquals(outcome.step("tools").status, "skipped");
});

Deno.test("credentials that STS does not know are a fault of the identity", async () => {
  await using sts = await startSts();
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ACCESS_KEY_ID: "AKIDNOBODYKNOWS00001",
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.code, 1);
  const { status, detail } = outcome.step("identity");
  assertEquals(status, "failed");
  assertStringIncludes(detail, "does not know the access key AKID…0001");
});

Deno.test("the STS that the profile in use names is asked whose the credentials are", async () => {
  await using sts = await startSts();
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make(TEST_KEYS);
  const section = `[default]\nendpoint_url = ${sts.origin.origin}\n`;
  await world.write(".aws/config", section);
  const outcome = await diagnose(world, server.url);
  assertEquals(outcome.step("identity").status, "ok");
  await world.write(".aws/config", "[default]\nservices = elsewhere\n");
  const misspelt = await diagnose(world, server.url);
  const { status, detail } = misspelt.step("identity");
  assertEquals(status, "note");
  assertStringIncludes(detail, "there is no [services elsewhere]");
});

Deno.test("an STS that is not reached is a note, and no fault", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using gone = await startSts();
  await gone.stop();
  const outcome = await diagnose(keysWith(gone), server.url);
  assertEquals(outcome.code, 0, outcome.stdout);
  assertEquals(outcome.step("identity").status, "note");
});

Deno.test("an STS whose answer has no end is a note, and is not read for ever", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  const chunk = "x".repeat(64 * 1024);
  let chunks = 0;
  await using sts = await startSts({
    handler: (_request, response) => {
      const write = () => {
        do chunks++; while (response.write(chunk));
      };
      response.on("drain", write);
      write();
    },
  });
  const outcome = await diagnose(keysWith(sts), server.url);
  assertEquals(outcome.code, 0, outcome.stdout);
  const { status, detail } = outcome.step("identity");
  assertEquals(status, "note");
  assertStringIncludes(detail, "byte size limit");
  // What the system's own buffers take comes on top.
  assert(chunks < 500, `${chunks} of 64 KiB were taken`);
});

for (
  const [ahead, status, words] of [
    [10 * 60_000, "failed", "behind STS's"],
    [-10 * 60_000, "failed", "ahead of STS's"],
    [2 * 60_000, "ok", "behind STS's"],
    [0, "ok", "the same as STS's"],
  ] as const
) {
  Deno.test(`a clock that AWS's is ${ahead / 60_000} min ahead of is ${status}`, async () => {
    await using sts = await startSts({
      verifier: {
        ...TEST_VERIFIER,
        service: "sts",
        clock: () => Date.now() + ahead,
      },
    });
    await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
    const outcome = await diagnose(keysWith(sts), server.url);
    const clock = outcome.step("clock");
    assertEquals(clock.status, status);
    assertStringIncludes(clock.detail, words);
    assertEquals(outcome.code, status === "failed" ? 1 : 0);
  });
}

Deno.test("where STS says nothing, the clock is compared with the target's", async () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  await using server = await RawServer.start(mcp({
    HEAD: (_none, reply) => reply.status(405, { date }),
  }));
  const outcome = await diagnose(KEYS_ALONE, server.url);
  const { status, detail } = outcome.step("clock");
  assertEquals(status, "failed");
  assertStringIncludes(detail, "behind the target's");
});
