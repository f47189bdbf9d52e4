/** Whole-program tests: calls with a role in the account that they name. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { modern } from "./support/modern_message.ts";
import { ProxyProcess } from "./support/proxy_process.ts";
import { type McpHandler, result } from "./support/raw_mcp.ts";
import { LOGIN_ARGS, LoginWorld } from "./support/login_world.ts";
import { BASE_ARN, RoleSts } from "./support/role_sts.ts";
import { roleArn, roleWorld, sessionArn } from "./support/role_world.ts";

const A = "111111111111";
const B = "222222222222";
const DENIED = "999999999999";

const FIXED = "--account-role=arn:aws:iam::{account}:role/ReadOnly";
const CHOSEN = "--account-role=arn:aws:iam::{account}:role/mcp/{role}";
const LISTED = [`--allow-account=${A}`, "--allow-account=2222222222??"];

type World = Awaited<ReturnType<typeof roleWorld>>;

/** Who called tools, with which arguments, in the order of their arrival. */
const callsOf = (w: World) =>
  w.sent("tools/call").map((
    { by, message },
  ) => [by, message.params.arguments]);

Deno.test("a call goes with the role of the account that it names, in a session of its own, which ends as it began", async () => {
  await using w = await roleWorld({ args: [FIXED, ...LISTED] });
  await w.proxy.initialize();
  await w.call("get_item", { id: 1, aws_account: A });
  await w.call("get_item", { id: 2, aws_account: B });
  await w.call("get_item", { id: 3 });
  await w.call("get_item", { id: 4, aws_account: null });
  await w.call("get_item", { aws_account: A, id: 5 });
  assertEquals(callsOf(w), [
    [sessionArn("ReadOnly", A), { id: 1 }],
    [sessionArn("ReadOnly", B), { id: 2 }],
    [BASE_ARN, { id: 3 }],
    [BASE_ARN, { id: 4 }],
    [sessionArn("ReadOnly", A), { id: 5 }],
  ]);
  assertEquals(w.sts.roles, [roleArn("ReadOnly", A), roleArn("ReadOnly", B)]);
  assertEquals(w.sts.asked.map(({ by }) => by), [BASE_ARN, BASE_ARN]);
  const sessions = new Set(w.sent("tools/call").map(({ session }) => session));
  assertEquals(sessions.size, 3);
  await w.proxy.closeStdin();
  assertEquals((await w.proxy.status()).code, 0);
  const ended = w.server.requests.all.filter(({ method }) =>
    method === "DELETE"
  );
  assertEquals(
    new Set(ended.map((request) => w.whoSent(request))),
    new Set([
      BASE_ARN,
      sessionArn("ReadOnly", A),
      sessionArn("ReadOnly", B),
    ]),
  );
});

Deno.test("calls of an account that come at once share one role and one session", async () => {
  const asked = Promise.withResolvers<void>();
  const allSent = Promise.withResolvers<void>();
  await using w = await roleWorld({
    args: [FIXED, ...LISTED],
    sts: {
      before: async () => {
        asked.resolve();
        await allSent.promise;
      },
    },
  });
  await w.proxy.initialize();
  const calls = [1, 2, 3].map((id) =>
    w.call("get_item", { id, aws_account: A })
  );
  await asked.promise;
  calls.push(w.call("get_item", { id: 4, aws_account: A }));
  allSent.resolve();
  await Promise.all(calls);
  assertEquals(w.sts.roles, [roleArn("ReadOnly", A)]);
  const sessions = w.sent("tools/call").map(({ session }) => session);
  assertEquals([sessions.length, new Set(sessions).size], [4, 1]);
});

Deno.test("a call may name the role, too, of those that are allowed", async () => {
  await using w = await roleWorld({
    args: [CHOSEN, ...LISTED, "--allow-role=audit-*", "--allow-role=ops"],
  });
  await w.call("get_item", { aws_account: A, aws_role: "audit-1", x: 1 });
  await w.call("get_item", { aws_account: A, aws_role: "ops" });
  assertEquals(callsOf(w), [
    [sessionArn("mcp/audit-1", A), { x: 1 }],
    [sessionArn("mcp/ops", A), {}],
  ]);
  const { error } = await w.call("get_item", { aws_account: A });
  assertStringIncludes(error.message, "aws_role must be a string");
});

Deno.test("tools offer both arguments, and one that has an argument of that name keeps it", async () => {
  const own = {
    name: "own",
    inputSchema: {
      type: "object",
      properties: { aws_account: { type: "string" } },
    },
  };
  await using w = await roleWorld({
    args: [CHOSEN, ...LISTED, "--allow-role=ops"],
    script: {
      "tools/list": (message, reply) =>
        reply.json(result(message, {
          tools: [{ name: "get", inputSchema: { type: "object" } }, own],
        })),
    },
  });
  await w.proxy.initialize();
  const { value } = await w.proxy.request("tools/list");
  const [get, kept] = Object(value).result.tools;
  const { aws_account, aws_role } = get.inputSchema.properties;
  assertEquals([aws_account.type, aws_account.pattern], [
    "string",
    "^[0-9]{12}$",
  ]);
  assertStringIncludes(aws_account.description, `${A}, 2222222222??`);
  assertStringIncludes(aws_role.description, "ops");
  assertEquals(kept, own);
  await w.call("own", { aws_account: DENIED, aws_role: "theirs" });
  assertEquals(callsOf(w), [
    [BASE_ARN, { aws_account: DENIED, aws_role: "theirs" }],
  ]);
  assertEquals(w.sts.roles, []);
});

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

Deno.test("with --skip-auth and no credentials a call that names an account is not sent as nobody's", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--skip-auth"],
    env: {
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_SESSION_TOKEN: undefined,
    },
  });
  const { error } = await w.call("get_item", { aws_account: A });
  assertStringIncludes(error.message, "failed to load AWS credentials");
  assertEquals(w.sent("tools/call"), []);
});

Deno.test("that a role is refused by STS is the error of its call alone, and the next call tries again", async () => {
  let isOpen = false;
  await using w = await roleWorld({
    args: [FIXED, ...LISTED],
    sts: {
      refuse: ({ role }) =>
        isOpen || role !== roleArn("ReadOnly", B)
          ? undefined
          : { type: "AccessDenied", message: "not for you" },
    },
  });
  await w.proxy.initialize();
  const [{ error }, other] = await Promise.all([
    w.call("get_item", { aws_account: B }),
    w.call("get_item", { aws_account: A }),
  ]);
  assertEquals([error.code, error.data.mayHaveRun], [-31012, false]);
  assertStringIncludes(error.message, `the account ${B}`);
  assertStringIncludes(error.message, "AccessDenied: not for you");
  assertEquals(other.error, undefined);
  const modernCall = modern({
    name: "get_item",
    arguments: { aws_account: B },
  });
  const { value } = await w.proxy.request("tools/call", modernCall);
  assertEquals(Object(value).error.code, -31012);
  isOpen = true;
  assertEquals(
    (await w.call("get_item", { aws_account: B })).error,
    undefined,
  );
  assertEquals(
    callsOf(w).map(([by]) => by),
    [sessionArn("ReadOnly", A), sessionArn("ReadOnly", B)],
  );
});

Deno.test("the era without sessions has the roles, too, and so has the bridge", async () => {
  for (const extra of [[], ["--bridge"]]) {
    await using w = await roleWorld({ args: [FIXED, ...LISTED, ...extra] });
    const { value } = await w.proxy.request(
      "tools/call",
      modern({ name: "get_item", arguments: { aws_account: A } }),
    );
    assertEquals(Object(value).error, undefined);
    assertEquals(callsOf(w).map(([by]) => by), [sessionArn("ReadOnly", A)]);
  }
});

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

Deno.test("the accounts may stand in a file, a line each", async () => {
  const directory = await Deno.makeTempDir();
  const file = join(directory, "accounts");
  await Deno.writeTextFile(file, `# ours\n${A} # the first\r\n\n${B}\n`);
  await using w = await roleWorld({
    args: [FIXED, `--allow-account=${file}`],
    permissions: { read: [directory] },
  });
  await w.call("get_item", { aws_account: B });
  const { error } = await w.call("get_item", { aws_account: DENIED });
  assertStringIncludes(error.message, `${A}, ${B}`);
  assertEquals(callsOf(w).map(([by]) => by), [sessionArn("ReadOnly", B)]);
  await Deno.writeTextFile(file, `${A}\nall of them\n`);
  await using other = await ProxyProcess.start({
    target: new URL("http://127.0.0.1:9/mcp"),
    args: [FIXED, `--allow-account=${file}`],
    permissions: { read: [directory] },
  });
  assertEquals((await other.status()).code, 2);
  assertStringIncludes(other.stderr, "got 'all of them' in line 2 of");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a role whose credentials the target takes for expired is assumed once more, and the call is sent", async () => {
  let isExpired = true;
  await using w = await roleWorld({
    args: [FIXED, ...LISTED],
    script: {
      "tools/call": (message, reply) => {
        if (!isExpired) return reply.json(result(message));
        isExpired = false;
        const text = "The security token included in the request is expired";
        return reply.json({ message: text }, 403, {
          "x-amzn-errortype": "ExpiredTokenException",
        });
      },
    },
  });
  await w.proxy.initialize();
  assertEquals((await w.call("get_item", { aws_account: A })).result, {});
  const role = roleArn("ReadOnly", A);
  assertEquals(w.sts.asked.map(({ role, by }) => [role, by]), [
    [role, BASE_ARN],
    [role, BASE_ARN],
  ]);
});

Deno.test("a call for an account waits for the login of whoever assumes the role", async () => {
  await using sts = await RoleSts.start();
  await using world = await LoginWorld.start();
  const proxy = await world.programWhoseSessionEnds({
    args: [...LOGIN_ARGS, FIXED, ...LISTED],
    env: { AWS_ENDPOINT_URL_STS: sts.url },
    permissions: {
      net: [world.peer.host, sts.host],
      write: [join(world.home, ".aws/sso/cache")],
      env: ["_X_AMZN_TRACE_ID"],
    },
  });
  const called = proxy.request("tools/call", {
    name: "x",
    arguments: { aws_account: A },
  });
  const asked = await proxy.frames.find(({ text }) =>
    text.includes("elicitation/create")
  );
  const { id } = Object(asked.value);
  await proxy.send({ jsonrpc: "2.0", id, result: { action: "accept" } });
  assertEquals(sts.roles, []);
  world.peer.answer = "token";
  await called;
  // This target does not know the role, which is then assumed once more.
  assertEquals(new Set(sts.roles), new Set([roleArn("ReadOnly", A)]));
});

/** What a process holds, in MiB. */
async function residentMib(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kib] = /^VmRSS:\s+(\d+)/m.exec(status) ?? [];
  return Number(kib) / 1024;
}

Deno.test({
  name: "200 accounts take less than 64 MiB beside one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using w = await roleWorld({
      args: [FIXED, "--allow-account=*", "--sse"],
    });
    await w.proxy.initialize();
    const call = (n: number) => {
      const aws_account = String(n % 200).padStart(12, "0");
      return w.call("get_item", { aws_account });
    };
    for (let n = 0; n < 200; n++) await call(0);
    const before = await residentMib(w.proxy.pid);
    for (let n = 0; n < 400; n++) {
      assertEquals((await call(n)).error, undefined);
    }
    const more = await residentMib(w.proxy.pid) - before;
    assert(more < 64, `${more} MiB`);
    assertEquals(w.sts.roles.length, 200);
  },
});
