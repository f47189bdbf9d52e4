/**
 * Whole-program tests: how hosts of AWS are signed for by themselves, and what
 * becomes of their refusals.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  awsWorld,
  HTTP_MODE,
  logged,
  post,
} from "../../support/aws/aws_world.ts";
import { mcp, type McpHandler } from "../../support/raw/mcp.ts";
import type { RawHandler } from "../../support/raw/server.ts";
import { TEST_VERIFIER } from "../../support/aws/test_identity.ts";

/** What a refusal says, and its facts. */
function errorOf({ value }: { value?: unknown }): {
  message: string;
  data: Record<string, unknown>;
} {
  return Object(value).error;
}

const GLOBAL = "bcdfghjklmnpqrst.lambda-web.global.on.aws";

Deno.test("a host of all regions is signed with v4a for all of them, and the log says so once", async () => {
  for (
    const [host, service] of [
      [GLOBAL, "lambda"],
      ["knowledge-mcp.global.api.aws", "knowledge-mcp"],
    ]
  ) {
    const env = { AWS_REGION: "eu-central-1" };
    await using w = await awsWorld(host, { region: "ap-south-2", service }, {
      env,
    });
    await w.proxy.initialize();
    assert(Object((await w.proxy.request("ping")).value).result);
    for (const request of w.server.requests.all) {
      assertEquals(request.verdict?.ok, true);
      assertEquals(request.header("host"), host);
      assertEquals(request.header("x-amz-region-set"), "*");
      assertStringIncludes(
        request.header("authorization") ?? "",
        "AWS4-ECDSA-P256-SHA256 ",
      );
    }
    const lines = logged(w.proxy, "read off the host");
    assertEquals(lines.length, 1);
    const { region, signatureVersion } = Object(lines[0]);
    assertEquals([region, signatureVersion], ["*", "v4a"]);
    // A variable that the set has in it is no contradiction.
    assertEquals(w.proxy.stderr.includes("is used, not"), false);
  }
});

Deno.test("a version, a region or a set that is given goes before what a host of all regions says", async () => {
  await using set = await awsWorld(GLOBAL, {
    region: "us-east-1",
    service: "lambda",
  }, { args: ["--region", "us-east-1,us-west-2"] });
  await set.proxy.initialize();
  const [asked] = set.server.requests.all;
  assertEquals(asked.header("x-amz-region-set"), "us-east-1,us-west-2");
  assertEquals(asked.verdict?.ok, true);

  await using v4 = await awsWorld(GLOBAL, {
    region: "us-east-1",
    service: "lambda",
  }, { env: { AWS_SIG_VERSION: "v4", AWS_REGION: "us-east-1" } });
  await v4.proxy.initialize();
  const [old] = v4.server.requests.all;
  assertStringIncludes(old.header("authorization") ?? "", "AWS4-HMAC-SHA256 ");
  assertEquals(old.verdict?.ok, true);
  assertStringIncludes(
    v4.proxy.stderr,
    "signature version v4 of AWS_SIG_VERSION is used, not v4a of the host",
  );
});

/** Refuses all, as API Gateway words things. */
const refusing = (message: string): RawHandler => (_request, reply) =>
  reply.json({ message }, 403, {
    "x-amzn-errortype": "IncompleteSignatureException",
  });

Deno.test("a 403 that wants the other algorithm is told so, with what to set", async () => {
  const names = { v4: "AWS4-HMAC-SHA256", v4a: "AWS4-ECDSA-P256-SHA256" };
  for (
    const [signed, wanted, said] of [
      ["v4", "v4a", `The request must be signed with ${names.v4a}.`],
      ["v4", "v4a", "This endpoint requires SigV4a for arn:aws:x:::sigv4"],
      ["v4", "v4a", `Unsupported AWS 'algorithm': '${names.v4}'.`],
      ["v4a", "v4", `Unsupported AWS 'algorithm': '${names.v4a}'.`],
      ["v4a", "v4", "Please use Signature Version 4."],
    ]
  ) {
    await using w = await awsWorld(
      "abc.execute-api.eu-west-1.amazonaws.com",
      TEST_VERIFIER,
      { args: ["--sig-version", signed], handler: refusing(said) },
    );
    const { message, data } = errorOf(await w.proxy.initialize());
    assertStringIncludes(message, `set --sig-version ${wanted} `, said);
    assertStringIncludes(message, `of version ${signed}, and wants ${wanted}`);
    assertEquals(data.cause, "wrong-algorithm");
    assertEquals(data.wants, { signatureVersion: wanted });
  }
});

Deno.test("over HTTP a 403 that wants the other algorithm is told so, too", async () => {
  const said = "The request must be signed with AWS4-ECDSA-P256-SHA256.";
  await using w = await awsWorld(
    "abc.execute-api.eu-west-1.amazonaws.com",
    TEST_VERIFIER,
    { handler: refusing(said), ...HTTP_MODE },
  );
  const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
  const { error } = await (await post(w.proxy, ping)).json();
  assertStringIncludes(error.message, "set --sig-version v4a ");
  assertEquals(error.data.cause, "wrong-algorithm");
});

Deno.test("a 403 that names the algorithm that was used, or a principal called like one, is of another cause", async () => {
  for (
    const said of [
      "Authorization header requires 'Credential' parameter. " +
      "Authorization=AWS4-HMAC-SHA256 x",
      "User: arn:aws:iam::111122223333:user/sigv4a is not authorized to " +
      "perform: execute-api:Invoke",
    ]
  ) {
    await using w = await awsWorld(
      "abc.execute-api.eu-west-1.amazonaws.com",
      TEST_VERIFIER,
      { handler: refusing(said) },
    );
    const { message } = errorOf(await w.proxy.initialize());
    assertEquals(message.includes("--sig-version"), false, message);
  }
});

Deno.test("the limit of a Web Function is named, over stdio and over HTTP", async () => {
  const late: McpHandler = (_message, reply) =>
    reply.status(504, { "lambda-web-error-type": "Runtime.RequestTimeout" });
  const host = "bcdfghjklmnpqrst.b7t.lambda-web.us-east-1.on.aws";
  const scope = { region: "us-east-1", service: "lambda" };
  const handler = mcp({ "tools/call": late });
  await using w = await awsWorld(host, scope, { handler });
  await w.proxy.initialize();
  const answer = await w.proxy.request("tools/call", { name: "slow" });
  const { message, data } = errorOf(answer);
  assertStringIncludes(message, "HTTP 504: Runtime.RequestTimeout: the Web");
  assertStringIncludes(message, "timeoutSeconds");
  assertEquals([data.status, data.awsError], [504, "Runtime.RequestTimeout"]);

  await using proxy = await awsWorld(host, scope, { handler, ...HTTP_MODE });
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: {} };
  const response = await post(proxy.proxy, call);
  await response.body?.cancel();
  assertEquals(response.status, 504);
  assertEquals(
    response.headers.get("lambda-web-error-type"),
    "Runtime.RequestTimeout",
  );
});
