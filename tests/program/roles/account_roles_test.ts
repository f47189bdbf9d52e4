/** Whole-program tests: calls with a role in the account that they name. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { modern } from "../../support/stream/modern_message.ts";
import { ProxyProcess } from "../../support/program/proxy_process.ts";
import { result } from "../../support/raw/mcp.ts";
import { LOGIN_ARGS, LoginWorld } from "../../support/aws/login_world.ts";
import { BASE_ARN, RoleSts } from "../../support/aws/role_sts.ts";
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
import { NO_KEYS } from "../../support/aws/test_identity.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { tempDir } from "../../support/temp_dir.ts";

Deno.test("a call goes with the role of the account that it names, in a session of its own, which ends as it began", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED],
    start: "start",
  });
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

Deno.test("with --skip-auth and no credentials a call that names an account is not sent as nobody's", async () => {
  await using w = await roleWorld({
    args: [FIXED, ...LISTED, "--skip-auth"],
    env: NO_KEYS,
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

Deno.test("the accounts may stand in a file, a line each", async () => {
  await using temp = await tempDir({
    accounts: `# ours\n${A} # the first\r\n\n${B}\n`,
  });
  const file = join(temp.path, "accounts");
  await using w = await roleWorld({
    args: [FIXED, `--allow-account=${file}`],
    permissions: { read: [temp.path] },
  });
  await w.call("get_item", { aws_account: B });
  const { error } = await w.call("get_item", { aws_account: DENIED });
  assertStringIncludes(error.message, `${A}, ${B}`);
  assertEquals(callsOf(w).map(([by]) => by), [sessionArn("ReadOnly", B)]);
  await Deno.writeTextFile(file, `${A}\nall of them\n`);
  await using other = await ProxyProcess.start({
    target: NOBODY,
    args: [FIXED, `--allow-account=${file}`],
    permissions: { read: [temp.path] },
  });
  assertEquals((await other.status()).code, 2);
  assertStringIncludes(other.stderr, "got 'all of them' in line 2 of");
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
  name: "100 accounts take less than 48 MiB beside one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using w = await roleWorld({
      args: [FIXED, "--allow-account=*", "--sse"],
      start: "start",
    });
    await w.proxy.initialize();
    const call = (n: number) => {
      const aws_account = String(n % 100).padStart(12, "0");
      return w.call("get_item", { aws_account });
    };
    for (let n = 0; n < 80; n++) await call(0);
    const before = await residentMib(w.proxy.pid);
    for (let n = 0; n < 100; n++) {
      assertEquals((await call(n)).error, undefined);
    }
    const more = await residentMib(w.proxy.pid) - before;
    assert(more < 48, `${more} MiB`);
    assertEquals(w.sts.roles.length, 100);
  },
});
