import { assertEquals, assertStringIncludes } from "@std/assert";
import { mcp } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { roleArn, sessionArn } from "../../support/aws/role_world.ts";
import { RoleSts } from "../../support/aws/role_sts.ts";
import { TEST_VERIFIER } from "../../support/aws/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { diagnose } from "./run.ts";

/** The doctor at a target that takes the sessions of this STS. */
async function atTarget(sts: RoleSts) {
  const server = await RawServer.start({
    handler: mcp({}),
    verifier: { ...TEST_VERIFIER, principals: sts.principals },
  });
  const world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.url,
  });
  return {
    diagnose: (...args: string[]) => diagnose(world, server.url, ...args),
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("the doctor tells who a role's session is, and what binds it", async () => {
  await using sts = await RoleSts.start();
  await using doctor = await atTarget(sts);
  const findings = await doctor.diagnose(
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

Deno.test("the doctor takes on the role in each account that is named, and one that writes, and has the target greet each", async () => {
  const closed = roleArn("ReadOnly", "222222222222");
  await using sts = await RoleSts.start({
    refuse: ({ role }) =>
      role === closed
        ? { type: "AccessDenied", message: "not for you" }
        : undefined,
  });
  await using doctor = await atTarget(sts);
  const byAccount = await doctor.diagnose(
    "--account-role=arn:aws:iam::{account}:role/ReadOnly",
    "--allow-account=111111111111",
    "--allow-account=222222222222",
    "--allow-account=3333*",
  );
  const roles = byAccount.steps.filter(({ id }) => id === "role");
  assertEquals(
    roles.map(({ status, facts }) => [status, facts.role, facts.arn]),
    [
      [
        "ok",
        roleArn("ReadOnly", "111111111111"),
        sessionArn("ReadOnly", "111111111111"),
      ],
      ["failed", closed, undefined],
    ],
  );
  for (const { detail, facts } of roles) {
    assertStringIncludes(detail, `${facts.role}: `);
  }
  assertStringIncludes(roles[1].detail, "AccessDenied: not for you");
  const byGlob = await doctor.diagnose(
    "--account-role=arn:aws:iam::{account}:role/{role}",
    "--allow-account=111111111111",
    "--allow-role=audit-*",
  );
  assertEquals(byGlob.steps.filter(({ id }) => id === "role"), []);
  const greeted = byAccount.steps.filter(({ id }) => id === "initialize");
  assertEquals(greeted.map(({ status }) => status), ["ok", "ok"]);
  const byWriter = await doctor.diagnose(
    "--read-only",
    `--assume-role=${roleArn("Reader")}`,
    `--write-role=${roleArn("Writer")}`,
  );
  assertEquals(byWriter.step("role").facts.arn, sessionArn("Writer"));
  assertEquals(
    byWriter.steps.filter(({ id }) => id === "initialize")
      .map(({ status }) => status),
    ["ok", "ok"],
  );
});
