/** What the doctor advises where the target says no. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import { IamGate } from "../../support/aws/iam_gate.ts";
import { mcp, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import {
  TEST_CREDENTIALS,
  TEST_VERIFIER,
} from "../../support/aws/test_identity.ts";
import { CommandWorld, SSO_PROFILE, TEST_KEYS } from "../command_world.ts";
import { diagnose } from "./run.ts";

for (
  const [type, message, advice] of [
    ["AccessDeniedException", "no", "sigv4-proxy policy prints what"],
    ["ExpiredTokenException", "expired", "renew the credentials"],
    ["UnrecognizedClientException", "unknown", "renew the credentials"],
    ["RequestTimeTooSkewed", "too late", "set this machine's clock"],
    ["SignatureDoesNotMatch", "no match", "aws sts get-caller-identity"],
  ]
) {
  Deno.test(`a target that answers with ${type} has the doctor advise: ${advice}`, async () => {
    await using gate = await IamGate.start({
      verifier: TEST_VERIFIER,
      refuse: () => ({ type, message }),
      handler: () => {},
    });
    const outcome = await diagnose(TEST_KEYS, new URL("/mcp", gate.origin));
    const { status, detail, advice: given } = outcome.step("initialize");
    assertEquals([status, given.length], ["failed", 1], detail);
    assertStringIncludes(given[0], advice);
  });
}

Deno.test("a refusal for want of a signature is no matter of what is allowed", async () => {
  await using gate = await IamGate.start({
    verifier: TEST_VERIFIER,
    handler: () => {},
  });
  const target = new URL("/mcp", gate.origin);
  const outcome = await diagnose({}, target, "--skip-auth");
  const { status, advice } = outcome.step("initialize");
  assertEquals(status, "failed");
  assertStringIncludes(advice.join(), "leave out --skip-auth");
});

Deno.test("a list of tools that has none in it is a fault with advice", async () => {
  await using server = await RawServer.start(mcp({
    "tools/list": (message, reply) => reply.json(result(message)),
  }));
  const outcome = await diagnose(TEST_KEYS, server.url);
  const { status, advice } = outcome.step("tools");
  assertEquals([status, advice.length], ["failed", 1]);
});

Deno.test("with v4a a session token of the global STS endpoint is warned of, and another is not", async () => {
  await using server = await RawServer.start(mcp({}));
  // As tokens of version 1 begin; the rest is anything.
  const old = btoa("\x17\n\x06er/aws and more of it");
  const statuses: unknown[] = [];
  for (
    const [version, token] of [
      ["v4a", old],
      ["v4a", TEST_CREDENTIALS.sessionToken],
      ["v4a", undefined],
      ["v4", old],
    ]
  ) {
    await using world = await CommandWorld.make({
      ...TEST_KEYS,
      AWS_SESSION_TOKEN: token,
      AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1/",
    });
    const args = ["--sig-version", version ?? ""];
    const { steps, stdout } = await diagnose(world, server.url, ...args);
    const found = steps.find(({ id }) => id === "token");
    statuses.push(found?.status);
    if (found?.status === "note") {
      assertStringIncludes(found.advice[0], "AWS_STS_REGIONAL_ENDPOINTS");
    }
    assertEquals(stdout.includes(old), false);
  }
  assertEquals(statuses, ["note", "ok", undefined, undefined]);
});

Deno.test("the doctor says which region the calls of the AWS MCP Server are for, as the target is told", async () => {
  await using server = await RawServer.start(mcp({}));
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_REGION: "eu-west-3",
    AWS_ENDPOINT_URL_STS: "http://127.0.0.1:1/",
  });
  const { stdout } = await world.run(runDoctor, [
    server.url.href,
    "--sign-host",
    "aws-mcp.us-east-1.api.aws",
    "--json",
  ]);
  const [first] = JSON.parse(stdout).steps;
  assertEquals([first.status, first.advice], ["ok", []]);
  assertStringIncludes(first.detail, "for aws-mcp in us-east-1;");
  assertStringIncludes(first.detail, "; calls are for eu-west-3");
  assertEquals(first.facts.callRegions, ["eu-west-3"]);
  const [asked] = server.requests.all.filter((request) =>
    request.text().includes('"initialize"')
  );
  assertEquals(JSON.parse(asked.text()).params._meta, {
    AWS_REGION: "eu-west-3",
  });
});

for (
  const [args, words] of [
    [[], "--login has a client that opens pages ask its user to sign in"],
    [
      ["--login"],
      "with --login a client that opens pages has its user sign in",
    ],
  ] as const
) {
  Deno.test(`a session that is over has the doctor tell of a login${args.map((arg) => ` with ${arg}`).join("")}`, async () => {
    await using server = await RawServer.start(mcp({}));
    await using world = await CommandWorld.make();
    await world.write(".aws/config", SSO_PROFILE);
    const asked = await diagnose(world, server.url, "--profile=work", ...args);
    const { status, advice } = asked.step("credentials");
    assertEquals([status, advice.at(-1)], ["failed", words]);
  });
}
