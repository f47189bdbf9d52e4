/** Whole-program tests: calls for accounts that do not go. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { BASE_ARN } from "../../support/aws/role_sts.ts";
import {
  roleArn,
  roleWorld,
  sessionArn,
} from "../../support/aws/role_world.ts";
import {
  A,
  B,
  callsOf,
  CHOSEN,
  DENIED,
  FIXED,
  LISTED,
} from "./account_roles.ts";

const REFUSED: readonly (readonly [what: string, args: unknown])[] = [
  ["an account that is not on the list", { aws_account: DENIED }],
  ["an account of a glob with a digit more", { aws_account: `${B}2` }],
  ["a glob in place of an account", { aws_account: "2222222222??" }],
  ["an asterisk", { aws_account: "*" }],
  ["a number", { aws_account: 111111111111 }],
  ["an array", { aws_account: [A] }],
  ["an object", { aws_account: { toString: A } }],
  ["an empty text", { aws_account: "" }],
  ["blanks around the digits", { aws_account: ` ${A} ` }],
  ["a line end after the digits", { aws_account: `${A}\n` }],
  ["digits of another script", { aws_account: "١١١١١١١١١١١١" }],
  ["full-width digits", { aws_account: "１１１１１１１１１１１１" }],
  ["an ARN in place of an account", { aws_account: roleArn("Admin", A) }],
  ["a template in place of an account", { aws_account: "{account}" }],
  ["a path into another role", { aws_account: `${A}:role/Admin` }],
  ["a role without an account", { aws_role: "ops" }],
  ["no role", { aws_account: A }],
  ["a role that is not on the list", { aws_account: A, aws_role: "Admin" }],
  ["a role with a path", { aws_account: A, aws_role: "ops/../Admin" }],
  ["a role with a slash", { aws_account: A, aws_role: "x/ops" }],
  ["a template in place of a role", { aws_account: A, aws_role: "{account}" }],
  ["a glob in place of a role", { aws_account: A, aws_role: "o*" }],
  ["a pattern of a replacement", { aws_account: A, aws_role: "$&" }],
  ["letters that look alike", { aws_account: A, aws_role: "оps" }],
  ["a role that is too long", { aws_account: A, aws_role: "a".repeat(65) }],
  ["a role in another case", { aws_account: A, aws_role: "OPS" }],
];

Deno.test("what is not allowed is refused before STS is asked, and the target hears of none of it", async () => {
  await using w = await roleWorld({
    args: [
      CHOSEN,
      ...LISTED,
      "--allow-role=ops",
      "--allow-role=a*",
    ],
  });
  await w.proxy.initialize();
  for (const [what, args] of REFUSED) {
    const { error } = await w.call("get_item", args);
    assertEquals([what, error?.code, error?.data.reason], [
      what,
      -31019,
      "blocked",
    ]);
    assertStringIncludes(error.message, "the call was not sent");
  }
  await w.proxy.send([{
    jsonrpc: "2.0",
    id: "batch",
    method: "tools/call",
    params: { name: "get_item", arguments: { aws_account: A } },
  }]);
  const { value } = await w.proxy.answer("batch");
  assertStringIncludes(
    Object(value).error.message,
    "a call in a batch cannot name aws_account or aws_role",
  );
  assertEquals([callsOf(w), w.sts.asked], [[], []]);
});

Deno.test("of an account that is named twice the one that counts is looked at and signs, and neither reaches the target", async () => {
  await using w = await roleWorld({ args: [FIXED, ...LISTED] });
  const line = (id: number, args: string) =>
    `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"get_item","arguments":${args}}}`;
  await w.proxy.send(
    line(1, `{"aws_account":"${DENIED}","a":1,"aws_\\u0061ccount":"${A}"}`),
  );
  await w.proxy.answer(1);
  await w.proxy.send(
    line(2, `{"aws_account":"${A}","aws_account":"${DENIED}"}`),
  );
  assertEquals(Object((await w.proxy.answer(2)).value).error.code, -31019);
  assertEquals(callsOf(w), [[sessionArn("ReadOnly", A), { a: 1 }]]);
  assertEquals(w.sts.roles, [roleArn("ReadOnly", A)]);
});

Deno.test("a call without an ID that names an account is not sent, alone or in a batch, and no role is assumed for it", async () => {
  await using w = await roleWorld({ args: [FIXED, ...LISTED] });
  await w.proxy.initialize();
  const call = (id: number, account?: string) => ({
    jsonrpc: "2.0",
    method: "tools/call",
    params: { name: "get_item", arguments: { id, aws_account: account } },
  });
  for (const account of [A, DENIED]) {
    await w.proxy.send(call(1, account));
    await w.proxy.send([call(2, account)]);
  }
  await w.call("get_item", { id: 3 });
  assertEquals(callsOf(w), [[BASE_ARN, { id: 3 }]]);
  assertEquals(w.sts.roles, []);
});
