/** Whole-program tests: roles of accounts, bound as the options say. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type McpHandler, result } from "../../support/raw/mcp.ts";
import { BASE_ARN } from "../../support/aws/role_sts.ts";
import {
  roleArn,
  roleWorld,
  sessionArn,
} from "../../support/aws/role_world.ts";
import { A, callsOf, FIXED, LISTED } from "./account_roles.ts";

Deno.test("a role of an account is assumed with the role before it unbound, and bound itself; receipts tell which it was", async () => {
  await using w = await roleWorld({
    args: [
      FIXED,
      ...LISTED,
      `--assume-role=${roleArn("Hub")}`,
      "--session-policy=read-only",
      "--source-identity=ada",
      "--external-id=the-external-id",
      "--role-session-name=sigv4-proxy",
      "--receipt",
    ],
  });
  await w.proxy.initialize();
  const { result } = await w.call("get_item", { aws_account: A });
  assertEquals(result._meta["sigv4-proxy/identity"], {
    account: A,
    arn: sessionArn("ReadOnly", A),
    role: roleArn("ReadOnly", A),
    region: "eu-west-1",
  });
  const roles = w.sts.asked.filter(({ action }) => action === "AssumeRole");
  assertEquals(
    roles.map(({ by, role, policyArns }) => [by, role, policyArns?.length]),
    [
      [BASE_ARN, roleArn("Hub"), 1],
      [BASE_ARN, roleArn("Hub"), undefined],
      [sessionArn("Hub"), roleArn("ReadOnly", A), 1],
    ],
  );
  assertEquals(roles.map(({ sourceIdentity }) => sourceIdentity), [
    "ada",
    undefined,
    "ada",
  ]);
});

Deno.test("with --read-only each account is asked for its tools, and what may write is refused there", async () => {
  const lists: McpHandler = (message, reply, request) => {
    const isOther = (request.header("authorization") ?? "").includes("ROLE");
    const name = isOther ? "put_item" : "get_item";
    return reply.json(result(message, {
      tools: [{
        name,
        annotations: { readOnlyHint: true },
        inputSchema: { type: "object" },
      }],
    }));
  };
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--read-only"],
    script: { "tools/list": lists },
  });
  await w.proxy.initialize();
  const { error } = await w.call("get_item", { aws_account: A });
  assertEquals(error.data.reason, "blocked");
  assertEquals(callsOf(w), []);
  // IAM holds the account's role to it; the identity before it is no role.
  assertEquals(w.sts.asked.map(({ role, policyArns }) => [role, policyArns]), [
    [roleArn("ReadOnly", A), ["arn:aws:iam::aws:policy/ReadOnlyAccess"]],
  ]);
  const [{ by }] = w.sent("initialize");
  assertEquals(by, BASE_ARN);
});

const lists: McpHandler = (message, reply) =>
  reply.json(result(message, {
    tools: [{
      name: "get_item",
      annotations: { readOnlyHint: true },
      inputSchema: { type: "object" },
    }],
  }));

Deno.test("with --read-only no call goes with an identity that is not bound: one that names no account is refused, alone, as null, in a batch or without an ID", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--read-only"],
    script: { "tools/list": lists },
  });
  await w.proxy.initialize({ protocolVersion: "2025-03-26" });
  const listed = await w.proxy.request("tools/list");
  const { tools: [tool] } = Object(listed.value).result;
  const { aws_account } = tool.inputSchema.properties;
  assert(!aws_account.description.includes("own identity"));
  for (const given of [{}, { aws_account: null }]) {
    const { error } = await w.call("get_item", given);
    assertEquals(error.data.reason, "blocked");
    assertStringIncludes(error.message, "the call names no aws_account");
    assertStringIncludes(error.message, "--assume-role");
  }
  const params = { name: "get_item", arguments: {} };
  await w.proxy.send([
    { jsonrpc: "2.0", id: "b", method: "tools/call", params },
  ]);
  const { value } = await w.proxy.frames.find(({ text }) =>
    text.includes("in a batch")
  );
  assertEquals([value].flat().map((one) => Object(one).id), ["b"]);
  await w.proxy.send({ jsonrpc: "2.0", method: "tools/call", params });
  await w.proxy.waitForLog(({ text }) => text.includes("without an ID"));
  assertEquals([callsOf(w), w.sts.asked], [[], []]);
  assertEquals((await w.call("get_item", { aws_account: A })).error, undefined);
  assertEquals(callsOf(w).length, 1);
});

Deno.test("with --read-only and a role before the accounts' a call that names none goes with that one, bound", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--read-only", `--assume-role=${roleArn("Hub")}`],
    script: { "tools/list": lists },
  });
  await w.proxy.initialize();
  assertEquals((await w.call("get_item", {})).error, undefined);
  assertEquals(callsOf(w).map(([by]) => by), [sessionArn("Hub")]);
  assertEquals(w.sts.asked[0].policyArns?.length, 1);
});

Deno.test("with --session-policy the first identity is not sent unbound where it is no role, and an account's role is bound", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--session-policy=read-only"],
  });
  const { error } = await w.call("get_item", {});
  assertEquals(error.code, -31012);
  assertEquals(w.server.requests.all, []);
  assertEquals(
    (await w.call("get_item", { aws_account: A })).error,
    undefined,
  );
  const [{ policyArns }] = w.sts.asked;
  assertEquals(policyArns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
});

Deno.test("who stands behind a call can be said of an account's role, though the identity before it is none", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--source-identity=ada", "--session-tag=a=b"],
  });
  assertEquals((await w.call("get_item", {})).error, undefined);
  await w.call("get_item", { aws_account: A });
  assertEquals(
    w.sts.asked.map(({ sourceIdentity, tags }) => [sourceIdentity, tags]),
    [["ada", ["a=b"]]],
  );
  assertEquals(callsOf(w).map(([by]) => by), [
    BASE_ARN,
    sessionArn("ReadOnly", A),
  ]);
});
