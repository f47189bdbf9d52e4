/** Whole-program tests: a role's session that IAM bounds. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { keysOf, StsPeer } from "../../support/aws/credential_peers.ts";
import { flagsOf, World } from "../../aws/credentials/world.ts";
import { ProxyProcess } from "../../support/program/proxy_process.ts";
import { mcp } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { BASE_ARN, RoleSts } from "../../support/aws/role_sts.ts";
import {
  roleArn,
  roleWorld,
  sessionArn,
} from "../../support/aws/role_world.ts";
import { NO_KEYS } from "../../support/aws/test_identity.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { tempDir } from "../../support/temp_dir.ts";

const READER = ["--assume-role", roleArn("Reader")];
const READ_ONLY_ARN = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/** The actions of a session policy. */
function actionsIn(policy = "{}"): unknown[] {
  return JSON.parse(policy).Statement.map((
    { Sid, Action, Resource }: Record<string, unknown>,
  ) => [Sid, Action, Resource]);
}

Deno.test("a role's session is bound by managed policies and a file, with a source identity and tags, and what it signs reaches the target", async () => {
  await using temp = await tempDir({
    "policy.json":
      '\n{ "Version" : "2012-10-17",\n "Statement": [ { "Effect": "Allow", "Action": "a b:*", "Resource": "\\" x" } ] }\n',
  });
  await using w = await roleWorld({
    args: [
      ...READER,
      "--session-policy=arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
      `--session-policy=${join(temp.path, "policy.json")}`,
      "--session-policy=arn:aws:iam::123456789012:policy/mine",
      "--source-identity=ada@example.com",
      "--session-tag=team=Data & co".replace("&", "+"),
      "--session-tag=ticket=A-1=x",
    ],
    permissions: { read: [temp.path] },
    start: "start",
  });
  await w.proxy.initialize();
  assertEquals((await w.call("get_item")).error, undefined);
  assertEquals(w.sts.asked, [{
    action: "AssumeRole",
    by: BASE_ARN,
    role: roleArn("Reader"),
    session: "sigv4-proxy",
    seconds: "3600",
    externalId: undefined,
    policy:
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a b:*","Resource":"\\" x"}]}',
    policyArns: [
      "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
      "arn:aws:iam::123456789012:policy/mine",
    ],
    sourceIdentity: "ada@example.com",
    tags: ["team=Data + co", "ticket=A-1=x"],
  }]);
  assertEquals(w.sent("tools/call").map(({ by }) => by), [
    sessionArn("Reader"),
  ]);
});

Deno.test("a role for a set of regions is asked for in the first of them", async () => {
  await using sts = await RawServer.start((_request, reply) =>
    reply.status(403)
  );
  await using target = await RawServer.start(mcp({}));
  await using _proxy = await ProxyProcess.start({
    target: target.url,
    bareArgs: [
      target.url.href,
      "--service-name=execute-api",
      ...READER,
      "--sig-version=v4a",
      "--region=eu-west-1,eu-central-1",
    ],
    env: { AWS_ENDPOINT_URL_STS: sts.url.origin },
    permissions: { net: [sts.url.host], env: ["_X_AMZN_TRACE_ID"] },
  });
  const asked = await sts.requests.at(0);
  assertStringIncludes(
    asked.header("authorization") ?? "",
    "/eu-west-1/sts/aws4_request",
  );
});

Deno.test("without an option for it, nothing is said of a session to STS", async () => {
  await using w = await roleWorld({ args: READER });
  await w.proxy.initialize();
  const [{ policy, policyArns, sourceIdentity, tags }] = w.sts.asked;
  assertEquals([policy, policyArns, sourceIdentity, tags], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

for (
  const [how, args] of [
    ["--session-policy read-only", ["--session-policy", "read-only"]],
    ["--read-only", ["--read-only"]],
  ] as const
) {
  Deno.test(`with ${how} the role's session is ReadOnlyAccess and what the target itself asks for`, async () => {
    await using w = await roleWorld({ args: [...READER, ...args] });
    await w.proxy.initialize();
    assertEquals((await w.call("get_item")).error, undefined);
    const [{ policyArns, policy }] = w.sts.asked;
    assertEquals(policyArns, [READ_ONLY_ARN]);
    const start = "arn:aws:execute-api:eu-west-1:*:*/*";
    assertEquals(actionsIn(policy), [[
      undefined,
      "execute-api:Invoke",
      [`${start}/POST/*`, `${start}/GET/*`, `${start}/DELETE/*`],
    ]]);
    assertEquals(w.sent("tools/call").map(({ by }) => by), [
      sessionArn("Reader"),
    ]);
  });
}

Deno.test("with --read-only a session policy of one's own takes the place of read-only, and ARNs go beside it", async () => {
  await using w = await roleWorld({
    args: [
      ...READER,
      "--read-only",
      "--session-policy",
      "arn:aws:iam::aws:policy/SecurityAudit",
    ],
  });
  await w.proxy.initialize();
  const [{ policyArns, policy }] = w.sts.asked;
  assertEquals(policyArns, ["arn:aws:iam::aws:policy/SecurityAudit"]);
  assertEquals(policy, undefined);
});

Deno.test("a service that nobody knows leaves the role with ReadOnlyAccess alone, and says so", async () => {
  await using sts = await RoleSts.start();
  await using proxy = await ProxyProcess.start({
    target: NOBODY,
    bareArgs: [
      "http://127.0.0.1:9/mcp",
      "--region=eu-west-1",
      "--service=mine",
      ...READER,
      "--session-policy=read-only",
    ],
    env: { AWS_ENDPOINT_URL_STS: sts.url },
    permissions: { net: [sts.host], env: ["_X_AMZN_TRACE_ID"] },
  });
  await proxy.log.find(({ text }) =>
    text.includes("it is not known what the target's service asks for")
  );
  await proxy.log.find(({ text }) => text.includes('"started"'));
  const [{ policyArns, policy }] = sts.asked;
  assertEquals([policyArns, policy], [[READ_ONLY_ARN], undefined]);
});

Deno.test("what STS says of too large a session is explained, and the call does not reach the target", async () => {
  await using w = await roleWorld({
    args: [...READER, "--session-policy", "read-only"],
    sts: {
      refuse: () => ({
        type: "PackedPolicyTooLarge",
        message: "Packed size of session tags consumes 117% of the space.",
      }),
    },
  });
  const { error } = await w.call("get_item");
  assertEquals(error.code, -31012);
  assertStringIncludes(error.message, "consumes 117%");
  assertStringIncludes(error.message, "take fewer or shorter ones");
  assertEquals(w.server.requests.all, []);
});

Deno.test("credentials of no role are not sent unbound: the call fails, and the target and STS hear of nothing", async () => {
  await using w = await roleWorld({ args: ["--session-policy", "read-only"] });
  const { error } = await w.call("get_item");
  assertEquals(error.code, -31012);
  assertStringIncludes(error.message, "without assuming a role");
  assertEquals([w.server.requests.all, w.sts.asked], [[], []]);
});

for (
  const [what, config, env, isFault] of [
    ["a web identity of the environment", "", {
      AWS_WEB_IDENTITY_TOKEN_FILE: "token",
      AWS_ROLE_ARN: roleArn("Pod"),
    }, true],
    [
      "a profile's web identity",
      `[default]\nweb_identity_token_file = token\nrole_arn = ${roleArn("P")}`,
      {},
      true,
    ],
    [
      "a profile's role, which comes before the web identity of the environment",
      `[default]\nrole_arn = ${roleArn("P")}\nsource_profile = base\n` +
      "[profile base]\naws_access_key_id = A\naws_secret_access_key = s",
      { AWS_WEB_IDENTITY_TOKEN_FILE: "token", AWS_ROLE_ARN: roleArn("Pod") },
      false,
    ],
  ] as const
) {
  for (const option of ["--source-identity=ada", "--session-tag=team=data"]) {
    Deno.test(`${option} and ${what} are ${isFault ? "a configuration error" : "no fault"}`, async () => {
      await using home = await tempDir({ ".aws/config": config });
      await using proxy = await ProxyProcess.start({
        target: NOBODY,
        home: home.path,
        args: [option],
        env: {
          ...NO_KEYS,
          ...env,
        },
      });
      if (isFault) {
        assertEquals((await proxy.status()).code, 2);
        assertStringIncludes(
          proxy.stderr,
          "AssumeRoleWithWebIdentity takes no others (leave out " +
            option.split("=")[0],
        );
      } else await proxy.waitForLog(({ text }) => text.includes("started"));
    });
  }
}

Deno.test("a web identity's session is bound, too, and takes no tags but its token's", async () => {
  using world = new World();
  await using sts = new StsPeer();
  const tokenFile = world.write("token", "a-web-identity-token");
  const ask = {
    flags: flagsOf("web identity", world, { host: sts.host, tokenFile }),
    env: {
      AWS_ENDPOINT_URL_STS: sts.url,
      AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile,
      AWS_ROLE_ARN: roleArn("Pod"),
    },
  };
  const session = { policyArns: [READ_ONLY_ARN], policy: '{"Statement":[]}' };
  const bound = await world.probe({ ...ask, options: { session } });
  assertEquals(bound.credentials?.accessKeyId, keysOf("pod1").accessKeyId);
  const form = new URLSearchParams(sts.requests[0].body);
  assertEquals(
    ["Action", "Policy", "PolicyArns.member.1.arn"].map((name) =>
      form.get(name)
    ),
    ["AssumeRoleWithWebIdentity", session.policy, READ_ONLY_ARN],
  );
  const tagged = await world.probe({
    ...ask,
    options: { session: { tags: [["team", "data"]] } },
  });
  assertStringIncludes(tagged.message ?? "", "what its token says");
  assertEquals(sts.asked.length, 1);
});

Deno.test("of a profile's chain of roles only the last is bound", async () => {
  using world = new World();
  await using sts = new StsPeer();
  world.write(
    ".aws/config",
    `[profile inner]\nrole_arn = ${
      roleArn("inner")
    }\nsource_profile = outer\n` +
      `[profile outer]\nrole_arn = ${
        roleArn("outer")
      }\nsource_profile = base\n`,
  );
  world.write(
    ".aws/credentials",
    "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret\n",
  );
  await world.probe({
    flags: flagsOf("role", world, { host: sts.host }),
    env: { AWS_ENDPOINT_URL_STS: sts.url },
    options: { profile: "inner", session: { policyArns: [READ_ONLY_ARN] } },
  });
  const bounds = sts.requests.map(({ body }) => {
    const form = new URLSearchParams(body);
    return [form.get("RoleArn"), form.get("PolicyArns.member.1.arn")];
  });
  assertEquals(bounds, [
    [roleArn("outer"), null],
    [roleArn("inner"), READ_ONLY_ARN],
  ]);
});
