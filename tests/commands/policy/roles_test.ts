import { assertEquals, assertStringIncludes } from "@std/assert";
import { runPolicy } from "../../../src/commands/policy/policy.ts";
import { CommandWorld, TARGET, TEST_KEYS } from "../command_world.ts";
import { startSts, TEST_CALLER } from "../doctor/sts_peer.ts";
import { policy, statementsOf } from "./run_policy.ts";

Deno.test("the account is the caller's, told by STS, and said to be", async () => {
  await using sts = await startSts();
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await world.run(runPolicy, [TARGET]);
  const [{ Resource }] = statementsOf(outcome);
  assertStringIncludes(Resource[0], `:${TEST_CALLER.account}:abc123/`);
  assertStringIncludes(outcome.stderr, "is the credentials'");
});

Deno.test("a role to assume tells the account without a question", async () => {
  const outcome = await policy(
    TARGET,
    "--assume-role",
    "arn:aws:iam::444455556666:role/caller",
  );
  assertStringIncludes(statementsOf(outcome)[0].Resource[0], ":444455556666:");
  assertStringIncludes(outcome.stderr, "sts:AssumeRole on arn:aws:iam::4444");
});

Deno.test("who assumes the roles of accounts is allowed to, with the tags and the source identity that are given, and Deno to reach STS", async () => {
  const outcome = await policy(
    TARGET,
    "--account-role=arn:aws:iam::{account}:role/mcp/{role}",
    "--allow-account=111111111111",
    "--allow-account=2222*",
    "--allow-role=audit-*",
    "--allow-role=ops",
    "--session-tag=team=data",
    "--source-identity=ada",
  );
  const statement = statementsOf(outcome)[1];
  assertEquals(statement, {
    Sid: "AssumeAccountRoles",
    Effect: "Allow",
    Action: ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    Resource: [
      "arn:aws:iam::111111111111:role/mcp/audit-*",
      "arn:aws:iam::111111111111:role/mcp/ops",
      "arn:aws:iam::2222*:role/mcp/audit-*",
      "arn:aws:iam::2222*:role/mcp/ops",
    ],
  });
  assertStringIncludes(outcome.stderr, "AssumeAccountRoles is for who assumes");
  assertStringIncludes(outcome.stderr, ",sts.eu-west-1.amazonaws.com:443");
});

Deno.test("a role that reads and one that writes are both to be assumed", async () => {
  const outcome = await policy(
    TARGET,
    "--read-only",
    "--assume-role=arn:aws:iam::123456789012:role/reads",
    "--write-role=arn:aws:iam::123456789012:role/writes",
  );
  assertStringIncludes(
    outcome.stderr,
    "sts:AssumeRole on arn:aws:iam::123456789012:role/reads and " +
      "arn:aws:iam::123456789012:role/writes",
  );
});

Deno.test("receipts need STS, and the files of a session and of accounts are to be read", async () => {
  await using world = await CommandWorld.make();
  const file = await world.write("policy.json", '{"Statement":[]}');
  const accounts = await world.write("accounts", "111111111111\n");
  const { stdout } = await world.run(runPolicy, [
    TARGET,
    "--flags",
    "--receipt",
    `--session-policy=${file}`,
    "--account-role=arn:aws:iam::{account}:role/x",
    `--allow-account=${accounts}`,
  ]);
  for (const value of ["sts.eu-west-1.amazonaws.com:443", file, accounts]) {
    assertStringIncludes(stdout, value);
  }
});
