/**
 * Whole-program tests: what the program does by itself for the hosts of AWS,
 * played on loopback by their names.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "./support/proxy_process.ts";
import { mcp, type McpHandler } from "./support/raw_mcp.ts";
import { type RawHandler, RawServer } from "./support/raw_server.ts";
import type { VerifierOptions } from "./support/sigv4_verifier.ts";
import { TEST_CREDENTIALS, TEST_VERIFIER } from "./support/test_identity.ts";

/** A target that goes by a name of AWS, and the program before it. */
async function world(
  host: string,
  scope: Partial<VerifierOptions>,
  { args = [], handler = mcp({}), ...options }: {
    args?: readonly string[];
    handler?: RawHandler;
  } & Pick<ProxyProcessOptions, "env" | "home" | "permissions"> = {},
) {
  const server = await RawServer.start({
    handler,
    verifier: { ...TEST_VERIFIER, ...scope },
  });
  const proxy = await ProxyProcess.start({
    target: server.url,
    bareArgs: [server.url.href, "--sign-host", host, ...args],
    ...options,
  });
  return {
    server,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The JSON log lines of a message. */
function logged(proxy: ProxyProcess, message: string): unknown[] {
  return proxy.stderrLines.filter((line) => Object(line).message === message);
}

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
    await using w = await world(host, { region: "ap-south-2", service }, {
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
  await using set = await world(GLOBAL, {
    region: "us-east-1",
    service: "lambda",
  }, { args: ["--region", "us-east-1,us-west-2"] });
  await set.proxy.initialize();
  const [asked] = set.server.requests.all;
  assertEquals(asked.header("x-amz-region-set"), "us-east-1,us-west-2");
  assertEquals(asked.verdict?.ok, true);

  await using v4 = await world(GLOBAL, {
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
    await using w = await world(
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

Deno.test("a 403 that names the algorithm that was used, or a principal called like one, is of another cause", async () => {
  for (
    const said of [
      "Authorization header requires 'Credential' parameter. " +
      "Authorization=AWS4-HMAC-SHA256 x",
      "User: arn:aws:iam::111122223333:user/sigv4a is not authorized to " +
      "perform: execute-api:Invoke",
    ]
  ) {
    await using w = await world(
      "abc.execute-api.eu-west-1.amazonaws.com",
      TEST_VERIFIER,
      { handler: refusing(said) },
    );
    const { message } = errorOf(await w.proxy.initialize());
    assertEquals(message.includes("--sig-version"), false, message);
  }
});

const FRONT = {
  permissions: { net: ["127.0.0.1:0"] },
  env: {
    MCP_LISTEN: "127.0.0.1:0",
    MCP_LISTEN_TOKEN: "a-token-of-these-tests",
  },
};

/** Sends a message to the program's HTTP front. */
async function post(
  proxy: ProxyProcess,
  message: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { value } = await proxy.waitForLog(({ value }) =>
    Object(value).message === "listening"
  );
  return await fetch(Object(value).url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${FRONT.env.MCP_LISTEN_TOKEN}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: JSON.stringify(message),
  });
}

Deno.test("the limit of a Web Function is named, over stdio and over HTTP", async () => {
  const late: McpHandler = (_message, reply) =>
    reply.status(504, { "lambda-web-error-type": "Runtime.RequestTimeout" });
  const host = "bcdfghjklmnpqrst.b7t.lambda-web.us-east-1.on.aws";
  const scope = { region: "us-east-1", service: "lambda" };
  const handler = mcp({ "tools/call": late });
  await using w = await world(host, scope, { handler });
  await w.proxy.initialize();
  const answer = await w.proxy.request("tools/call", { name: "slow" });
  const { message, data } = errorOf(answer);
  assertStringIncludes(message, "HTTP 504: Runtime.RequestTimeout: the Web");
  assertStringIncludes(message, "timeoutSeconds");
  assertEquals([data.status, data.awsError], [504, "Runtime.RequestTimeout"]);

  await using front = await world(host, scope, { handler, ...FRONT });
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: {} };
  const response = await post(front.proxy, call);
  await response.body?.cancel();
  assertEquals(response.status, 504);
  assertEquals(
    response.headers.get("lambda-web-error-type"),
    "Runtime.RequestTimeout",
  );
});

const MCP_SERVER = "aws-mcp.us-east-1.api.aws";
const MCP_SCOPE = { region: "us-east-1", service: "aws-mcp" };

/** Runs a test with a HOME whose AWS config has this text. */
async function withConfig(
  text: string,
  test: (home: string) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.aws`);
    await Deno.writeTextFile(`${home}/.aws/config`, text);
    await test(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** The bodies of a method that reached the target. */
function bodies({ requests }: RawServer, method: string): string[] {
  return requests.all.filter((request) => request.method === "POST")
    .map((request) => request.text())
    .filter((text) => JSON.parse(text).method === method);
}

const CALL =
  '{"jsonrpc" : "2.0","id":"1","method":"tools/call","params":{"name":"n","arguments":{"big":12345678901234567890}, "_meta":{"x":1}}}';

Deno.test("the AWS MCP Server is told the region that the AWS CLI would use, by splicing, and nobody else is", async () => {
  const spliced = CALL.replace('"_meta":{', '"_meta":{"AWS_REGION":"REGION",');
  await withConfig("[default]\nregion = ap-south-1\n", async (home) => {
    for (
      const [args, env, region] of [
        [[], {}, "ap-south-1"],
        [[], { AWS_DEFAULT_REGION: "eu-north-1" }, "eu-north-1"],
        [
          [],
          { AWS_REGION: "eu-west-3", AWS_DEFAULT_REGION: "eu-north-1" },
          "eu-west-3",
        ],
        [["--region", "us-east-1"], { AWS_REGION: "eu-west-3" }, "us-east-1"],
        [["--metadata", "AWS_REGION=sa-east-1"], {}, "sa-east-1"],
        [["--no-region-metadata"], { AWS_REGION: "eu-west-3" }, undefined],
        [[], { MCP_REGION_METADATA: "false" }, undefined],
      ] as const
    ) {
      await using w = await world(MCP_SERVER, MCP_SCOPE, { args, env, home });
      await w.proxy.initialize();
      await w.proxy.send(CALL);
      await w.proxy.answer("1");
      const expected = region
        ? spliced.replace('"REGION"', JSON.stringify(region))
        : CALL;
      assertEquals(bodies(w.server, "tools/call"), [expected]);
      assertEquals(
        w.server.requests.all.every(({ verdict }) => verdict?.ok),
        true,
      );
      assertEquals(
        logged(w.proxy, "the region of calls goes with them").length,
        region && region !== "sa-east-1" ? 1 : 0,
      );
    }
    for (
      const [host, scope] of [
        ["eks-mcp.us-east-1.api.aws", { ...MCP_SCOPE, service: "eks-mcp" }],
        [
          "aws-mcp.us-east-1.api.aws.evil.example",
          { ...MCP_SCOPE, service: "aws-mcp" },
        ],
      ] as const
    ) {
      const args = ["--service", scope.service, "--region", scope.region];
      await using w = await world(host, scope, { args, home });
      await w.proxy.initialize();
      await w.proxy.send(CALL);
      await w.proxy.answer("1");
      assertEquals(bodies(w.server, "tools/call"), [CALL]);
    }
  });
});

Deno.test("a call that says its region itself keeps it, and without any region in sight nothing is put in", async () => {
  const own = CALL.replace('"x":1', '"x":1, "AWS_REGION":"me-south-1"');
  const env = { AWS_REGION: "eu-west-3" };
  await using w = await world(MCP_SERVER, MCP_SCOPE, { env });
  await w.proxy.initialize();
  await w.proxy.send(own);
  await w.proxy.answer("1");
  assertEquals(bodies(w.server, "tools/call"), [own]);

  await using none = await world(MCP_SERVER, MCP_SCOPE);
  await none.proxy.initialize();
  await none.proxy.send(CALL);
  await none.proxy.answer("1");
  assertEquals(bodies(none.server, "tools/call"), [CALL]);
});

Deno.test("over HTTP the AWS MCP Server is told the region, too", async () => {
  const env = { ...FRONT.env, AWS_REGION: "eu-west-3" };
  await using w = await world(MCP_SERVER, MCP_SCOPE, { ...FRONT, env });
  const answer = await post(w.proxy, JSON.parse(CALL));
  await answer.body?.cancel();
  const [body] = bodies(w.server, "tools/call");
  assertEquals(JSON.parse(body).params._meta, {
    AWS_REGION: "eu-west-3",
    x: 1,
  });
});

Deno.test("each profile's calls are for the region of its own", async () => {
  const keys = `aws_access_key_id = ${TEST_CREDENTIALS.accessKeyId}
aws_secret_access_key = ${TEST_CREDENTIALS.secretAccessKey}
aws_session_token = ${TEST_CREDENTIALS.sessionToken}
`;
  const config = `[profile one]\nregion = eu-west-1\n${keys}
[profile two]\nregion = ap-south-1\n${keys}
[profile none]\n${keys}`;
  await withConfig(config, async (home) => {
    const profiles = ["one", "two", "none"];
    const args = profiles.flatMap((name) => ["--profile", name]);
    for (
      const [env, regions] of [
        [{}, ["eu-west-1", "eu-west-1", "ap-south-1", undefined]],
        [{ AWS_REGION: "sa-east-1" }, Array(4).fill("sa-east-1")],
      ] as const
    ) {
      await using w = await world(MCP_SERVER, MCP_SCOPE, { args, env, home });
      await w.proxy.initialize();
      for (const aws_profile of [undefined, ...profiles]) {
        const asked = { name: "n", arguments: { aws_profile } };
        await w.proxy.request("tools/call", asked);
      }
      assertEquals(
        bodies(w.server, "tools/call").map((text) =>
          JSON.parse(text).params._meta?.AWS_REGION
        ),
        regions,
      );
    }
  });
});
