import { assertEquals, assertStringIncludes } from "@std/assert";
import { mcp } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";
import { roleArn, sessionArn } from "../../support/role_world.ts";
import { RoleSts } from "../../support/role_sts.ts";
import { TEST_VERIFIER } from "../../support/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose } from "./run.ts";

Deno.test("the doctor tells who a role's session is, and what binds it", async () => {
  await using sts = await RoleSts.start();
  await using server = await RawServer.start({
    handler: mcp({}),
    verifier: { ...TEST_VERIFIER, principals: sts.principals },
  });
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  const findings = await diagnose(
    world,
    server.url,
    "--assume-role",
    roleArn("Reader"),
    "--read-only",
    "--session-tag=team=data",
  );
  const { status, detail, facts } = findings.step("identity");
  assertEquals([status, facts.arn], ["ok", sessionArn("Reader")]);
  const boundBy = [
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "inline policy",
    "tag team",
  ];
  assertEquals(facts.boundBy, boundBy);
  assertStringIncludes(detail, `bounds: ${boundBy.join(", ")}`);
  assertEquals(findings.step("initialize").status, "ok");
});
