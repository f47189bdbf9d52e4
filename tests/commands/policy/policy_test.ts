import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runPolicy } from "../../../src/commands/policy/policy.ts";
import type { Statement } from "../../../src/aws/policy/statement.ts";
import { ConfigError } from "../../../src/errors.ts";
import { CommandWorld, type Outcome, TEST_KEYS } from "../command_world.ts";
import { Authority } from "../../support/certificates.ts";
import { startSts, TEST_CALLER } from "../doctor/sts_peer.ts";

async function policy(...args: string[]): Promise<Outcome> {
  await using world = await CommandWorld.make();
  return await world.run(runPolicy, args);
}

function statementsOf({ stdout }: Outcome): Statement[] {
  const document = JSON.parse(stdout);
  assertEquals(document.Version, "2012-10-17");
  return document.Statement;
}

Deno.test("an API of API Gateway is invoked with the methods that MCP has, at its own path and stage", async () => {
  const outcome = await policy(
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/tools/mcp",
  );
  assertEquals(outcome.code, 0);
  const start = "arn:aws:execute-api:eu-west-1:*:abc123/prod";
  assertEquals(statementsOf(outcome), [{
    Sid: "InvokeApi",
    Effect: "Allow",
    Action: "execute-api:Invoke",
    Resource: [
      `${start}/POST/tools/mcp`,
      `${start}/GET/tools/mcp`,
      `${start}/DELETE/tools/mcp`,
    ],
  }]);
  assertStringIncludes(outcome.stderr, "the account is not known");
  assertStringIncludes(
    outcome.stderr,
    "Deno flags: --no-prompt " +
      "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443",
  );
});

Deno.test("a path of one segment is of the default stage, and a private API's host tells the API", async () => {
  const [{ Resource }] = statementsOf(
    await policy(
      "https://abc123-vpce-0f1e2d3c.execute-api.us-gov-west-1.amazonaws.com/mcp",
    ),
  );
  assertEquals(
    Resource[0],
    "arn:aws-us-gov:execute-api:us-gov-west-1:*:abc123/$default/POST/mcp",
  );
});

Deno.test("a URL without a path is of the default stage, and no other is suggested", async () => {
  const outcome = await policy(
    "https://abc123.execute-api.eu-west-1.amazonaws.com/",
  );
  const [{ Resource }] = statementsOf(outcome);
  assertStringIncludes(Resource[0], ":abc123/$default/POST/");
  assertEquals(outcome.stderr.includes("stage"), false, outcome.stderr);
});

Deno.test("a custom domain leaves words to fill in, and says which", async () => {
  const outcome = await policy(
    "https://mcp.example/mcp",
    "--service-name",
    "execute-api",
    "--region",
    "eu-west-1",
  );
  const [{ Resource }] = statementsOf(outcome);
  assertStringIncludes(Resource[0], ":API_ID/STAGE/POST/");
  assertStringIncludes(outcome.stderr, "API_ID");
});

Deno.test("what stands for anything in IAM stands for itself in a policy", async () => {
  const [{ Resource }] = statementsOf(
    await policy(
      "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/a*b%3Fc/$%7Bd%7D",
    ),
  );
  assertStringIncludes(Resource[0], "/POST/a${*}b${?}c/${$}{d}");
});

Deno.test("a function URL needs both actions, the second through the URL alone", async () => {
  const outcome = await policy("https://abc.lambda-url.eu-west-1.on.aws/");
  assertEquals(
    statementsOf(outcome).map(({ Action, Condition }) => [Action, Condition]),
    [
      [
        "lambda:InvokeFunctionUrl",
        { StringEquals: { "lambda:FunctionUrlAuthType": "AWS_IAM" } },
      ],
      [
        "lambda:InvokeFunction",
        { Bool: { "lambda:InvokedViaFunctionUrl": "true" } },
      ],
    ],
  );
  assertStringIncludes(outcome.stderr, "FUNCTION_NAME");
});

const RUNTIME = "https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/";
const RUNTIME_ARN =
  "arn:aws:bedrock-agentcore:us-west-2:111122223333:runtime/mine-AbC123";

Deno.test("an AgentCore runtime is invoked at its ARN and its endpoint, for a user only with the header", async () => {
  const url = `${RUNTIME}${
    encodeURIComponent(RUNTIME_ARN)
  }/invocations?qualifier=LIVE`;
  const outcome = await policy(url);
  assertEquals(statementsOf(outcome), [{
    Sid: "InvokeRuntime",
    Effect: "Allow",
    Action: "bedrock-agentcore:InvokeAgentRuntime",
    Resource: [RUNTIME_ARN, `${RUNTIME_ARN}/runtime-endpoint/LIVE`],
  }]);
  assertEquals(outcome.stderr.includes("account"), false);
  const [{ Action }] = statementsOf(
    await policy(
      url,
      "--header",
      "X-Amzn-Bedrock-AgentCore-Runtime-User-Id: u",
    ),
  );
  assertEquals(Action, [
    "bedrock-agentcore:InvokeAgentRuntime",
    "bedrock-agentcore:InvokeAgentRuntimeForUser",
  ]);
});

Deno.test("a runtime by its ID is of the account in the query, at the default endpoint", async () => {
  const [{ Resource }] = statementsOf(
    await policy(`${RUNTIME}mine-AbC123/invocations?accountId=111122223333`),
  );
  assertEquals(Resource, [
    RUNTIME_ARN,
    `${RUNTIME_ARN}/runtime-endpoint/DEFAULT`,
  ]);
});

Deno.test("an AgentCore gateway and a Lattice service are named by their URLs", async () => {
  const gateway = await policy(
    "https://gw-x1.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp",
  );
  assertEquals(
    statementsOf(gateway).map(({ Action, Resource }) => [
      Action,
      Resource,
    ]),
    [[
      "bedrock-agentcore:InvokeGateway",
      "arn:aws:bedrock-agentcore:us-east-1:*:gateway/gw-x1",
    ]],
  );
  const lattice = await policy(
    "https://tools-0e3b248e712320f13.7d67968.vpc-lattice-svcs.us-west-2.on.aws/mcp",
  );
  assertEquals(
    statementsOf(lattice)[0].Resource,
    "arn:aws:vpc-lattice:us-west-2:*:service/svc-0e3b248e712320f13/mcp",
  );
});

/** What the statements for a target allow: actions, resource and condition. */
async function allowed(...args: string[]): Promise<unknown[]> {
  return statementsOf(await policy(...args)).map((
    { Action, Resource, Condition },
  ) => [Action, Resource, ...Condition ? [Condition] : []]);
}

Deno.test("a gateway that an interface endpoint hides is to be filled in", async () => {
  const outcome = await policy(
    "https://vpce-0a1b-c2d3.gateway.bedrock-agentcore.us-west-2.vpce.amazonaws.com/mcp",
  );
  assertEquals(
    statementsOf(outcome)[0].Resource,
    "arn:aws:bedrock-agentcore:us-west-2:*:gateway/GATEWAY_ID",
  );
  assertStringIncludes(outcome.stderr, "GATEWAY_ID");
});

Deno.test("the registry of AgentCore is over: no policy is made up for its old place, and the new one is named", async () => {
  const old = await policy(
    "https://bedrock-agentcore.us-east-1.amazonaws.com/registry/r-1/mcp",
  );
  assertEquals([old.code, old.stdout], [1, ""]);
  assertStringIncludes(old.stderr, "https://agent-registry.REGION.api.aws/");
});

Deno.test("the Agent Registry asks for the connection and for each tool, in every partition", async () => {
  for (
    const [host, partition, region] of [
      ["agent-registry.us-west-2.api.aws", "aws", "us-west-2"],
      [
        "agent-registry-fips.us-gov-west-1.api.aws",
        "aws-us-gov",
        "us-gov-west-1",
      ],
      [
        "AGENT-REGISTRY.cn-north-1.api.amazonwebservices.com.cn",
        "aws-cn",
        "cn-north-1",
      ],
    ]
  ) {
    const registry = `arn:${partition}:agent-registry:${region}:*:registry/r-1`;
    assertEquals(await allowed(`https://${host}/registry/r-1/mcp`), [
      [
        [
          "agent-registry:InvokeRegistryMcp",
          "agent-registry:SearchDiscoverableRegistryRecords",
          "agent-registry:ListDiscoverableRegistryRecords",
        ],
        registry,
      ],
      ["agent-registry:GetDiscoverableRegistryRecord", `${registry}/record/*`],
    ]);
  }
});

Deno.test("an agent's desktop is bound to a stack, and with --read-only to looking", async () => {
  const url = "https://agentaccess-mcp.eu-west-1.api.aws/mcp";
  const stack = "arn:aws:appstream:eu-west-1:*:stack/STACK_NAME";
  assertEquals(await allowed(url, "--read-only"), [[
    [
      "agentaccess-mcp:InvokeMcp",
      "agentaccess-mcp:CheckConnectionStatus",
      "agentaccess-mcp:GetScreenshot",
    ],
    "*",
    { ArnLike: { "agentaccess-mcp:StackArn": stack } },
  ]]);
  const [{ Action }] = statementsOf(await policy(url));
  assertEquals(Action.length, 17);
  assertEquals(Action.includes("agentaccess-mcp:TypeText"), true);
});

Deno.test("AWS's further MCP servers have their actions, resources and words to fill in", async () => {
  assertEquals(
    await allowed("https://application-signals-mcp.us-east-1.api.aws/mcp"),
    [[
      [
        "application-signals-mcp:InvokeMcp",
        "application-signals-mcp:CallReadOnlyTool",
      ],
      "arn:aws:application-signals-mcp:us-east-1:*:mcp-server/*",
    ]],
  );
  assertEquals(
    await allowed(
      "https://sagemaker-unified-studio-mcp.us-east-1.api.aws/spark-upgrade/mcp",
    ),
    [["sagemaker-unified-studio-mcp:AuthorizeVpce", "*"]],
  );
  assertEquals(
    await allowed("https://connect.aidevops.us-east-1.api.aws/mcp"),
    [
      ["aidevops:*", "arn:aws:aidevops:us-east-1:*:agentspace/AGENT_SPACE_ID"],
    ],
  );
});

Deno.test("a Web Function is invoked at its endpoint, in all regions where its host is of all", async () => {
  const rest = "web-function/FUNCTION_NAME/endpoint/ENDPOINT_NAME";
  const action = "lambda:InvokeWebFunctionEndpoint";
  for (
    const [host, start] of [
      ["id.b7t.lambda-web.us-east-1.on.aws", "arn:aws:lambda:us-east-1"],
      ["id.lambda-web.global.on.aws", "arn:aws:lambda:*"],
      [
        "id.lambda-web.global.on.amazonwebservices.com.cn",
        "arn:aws-cn:lambda:*",
      ],
    ]
  ) {
    assertEquals(await allowed(`https://${host}/mcp`), [
      [action, `${start}:*:${rest}`],
    ]);
  }
});

Deno.test("the AWS MCP Server needs nothing allowed, and nobody is asked for an account", async () => {
  const outcome = await policy("https://aws-mcp.us-east-1.api.aws/mcp");
  assertEquals(outcome.code, 0);
  assertEquals(statementsOf(outcome), []);
  assertStringIncludes(outcome.stderr, "there is nothing to attach");
  assertStringIncludes(outcome.stderr, "aws:CalledViaAWSMCP");
  assertEquals(outcome.stderr.includes("the account"), false);
});

Deno.test("the EKS MCP Server is named by its actions, and with --read-only by those that read", async () => {
  const [{ Action, Resource }] = statementsOf(
    await policy("https://eks-mcp.us-west-2.api.aws/mcp"),
  );
  assertEquals(Action, [
    "eks-mcp:InvokeMcp",
    "eks-mcp:CallReadOnlyTool",
    "eks-mcp:CallPrivilegedTool",
  ]);
  assertEquals(Resource, "*");
  const [reading] = statementsOf(
    await policy("https://eks-mcp.us-west-2.api.aws/mcp", "--read-only"),
  );
  assertEquals(reading.Action, [
    "eks-mcp:InvokeMcp",
    "eks-mcp:CallReadOnlyTool",
  ]);
});

Deno.test("of a service that nobody knows, no policy is made up", async () => {
  const outcome = await policy(
    "https://mcp.example/mcp",
    "--service-name",
    "sagemaker",
    "--region",
    "eu-west-1",
  );
  assertEquals([outcome.code, outcome.stdout], [1, ""]);
  assertStringIncludes(outcome.stderr, "it is not known what sagemaker asks");
});

Deno.test("the account is the caller's, told by STS, and said to be", async () => {
  await using sts = await startSts();
  await using world = await CommandWorld.make({
    ...TEST_KEYS,
    AWS_ENDPOINT_URL_STS: sts.origin.href,
  });
  const outcome = await world.run(runPolicy, [
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
  ]);
  const [{ Resource }] = statementsOf(outcome);
  assertStringIncludes(Resource[0], `:${TEST_CALLER.account}:abc123/`);
  assertStringIncludes(outcome.stderr, "is the credentials'");
});

Deno.test("a role to assume tells the account without a question", async () => {
  const outcome = await policy(
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
    "--assume-role",
    "arn:aws:iam::444455556666:role/caller",
  );
  assertStringIncludes(statementsOf(outcome)[0].Resource[0], ":444455556666:");
  assertStringIncludes(outcome.stderr, "sts:AssumeRole on arn:aws:iam::4444");
});

Deno.test("each region of a set is named, and only a wildcard stands for more", async () => {
  const cases: [set: string, regions: string[]][] = [
    ["eu-west-1,eu-central-1", ["eu-west-1", "eu-central-1"]],
    ["eu-west-1,us-*", ["eu-west-1", "us-*"]],
    ["eu-west-1,*", ["*"]],
  ];
  for (const [set, regions] of cases) {
    const signed = ["--sig-version", "v4a", "--region", set];
    const [api] = statementsOf(
      await policy(
        "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
        ...signed,
      ),
    );
    assertEquals(
      api.Resource,
      regions.flatMap((region) =>
        ["POST", "GET", "DELETE"].map((method) =>
          `arn:aws:execute-api:${region}:*:abc123/prod/${method}/mcp`
        )
      ),
    );
    const [gateway] = statementsOf(
      await policy(
        "https://gw-x1.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp",
        ...signed,
      ),
    );
    const arns = regions.map((region) =>
      `arn:aws:bedrock-agentcore:${region}:*:gateway/gw-x1`
    );
    assertEquals(gateway.Resource, arns.length === 1 ? arns[0] : arns);
  }
});

Deno.test("HTTP+SSE may post to the path that the target names, and ends no session", async () => {
  const api = await policy(
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/sse",
    "--transport",
    "sse",
  );
  const start = "arn:aws:execute-api:eu-west-1:*:abc123/prod";
  assertEquals(statementsOf(api)[0].Resource, [
    `${start}/GET/sse`,
    `${start}/POST/*`,
  ]);
  assertStringIncludes(api.stderr, "names the path of the messages itself");
  const lattice = await policy(
    "https://tools-0e3b248e712320f13.7d67968.vpc-lattice-svcs.us-west-2.on.aws/sse",
    "--transport",
    "sse",
  );
  assertEquals(
    statementsOf(lattice)[0].Resource,
    "arn:aws:vpc-lattice:us-west-2:*:service/svc-0e3b248e712320f13/*",
  );
});

Deno.test("a FIPS endpoint's host tells the API, too", async () => {
  const outcome = await policy(
    "https://abc123.execute-api-fips.us-east-1.amazonaws.com/prod/mcp",
  );
  assertStringIncludes(
    statementsOf(outcome)[0].Resource[0],
    ":abc123/prod/POST/mcp",
  );
});

Deno.test("a runtime's ARN without its escape is understood, and the URL said to be wrong", async () => {
  const outcome = await policy(`${RUNTIME}${RUNTIME_ARN}/invocations`);
  assertEquals(statementsOf(outcome)[0].Resource, [
    RUNTIME_ARN,
    `${RUNTIME_ARN}/runtime-endpoint/DEFAULT`,
  ]);
  assertStringIncludes(
    outcome.stderr,
    "escape it as %2F (…:runtime%2Fmine-AbC123)",
  );
});

Deno.test("flags for a profile that is nowhere are printed with a warning", async () => {
  await using world = await CommandWorld.make();
  await world.write(".aws/config", "[profile work]\nregion = eu-west-1\n");
  const warningFor = async (profile: string) => {
    const { code, stdout, stderr } = await world.run(runPolicy, [
      "--flags",
      "--profile",
      profile,
      "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
    ]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "--no-prompt --allow-net=abc123.");
    return stderr;
  };
  assertStringIncludes(await warningFor("nope"), 'no profile "nope"');
  assertEquals(await warningFor("work"), "");
});

Deno.test("flags for shared files that cannot be understood are printed with a warning", async () => {
  await using world = await CommandWorld.make();
  const path = await world.write(".aws/config", "[default\n");
  const { code, stdout, stderr } = await world.run(runPolicy, [
    "--flags",
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
  ]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "--allow-read=");
  assertStringIncludes(stderr, "note: the Deno flags may lack something: ");
  assertStringIncludes(stderr, `${path} line 1: `);
});

Deno.test("flags that allow more than is needed, for a comma in a path, say so", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const file = await world.write("my, own/header", "X-Team: blue\n");
  const { stdout, stderr } = await world.run(runPolicy, [
    "--flags",
    "--header-file",
    file,
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
  ]);
  assertStringIncludes(stdout, `--allow-read=${world.home}\n`);
  assertStringIncludes(stderr, `allows more than '${file}'`);
});

Deno.test("with --flags, stdout has the Deno flags alone, quoted for a shell", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const { code, stdout, stderr } = await world.run(runPolicy, [
    "--flags",
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    "--no-prompt " +
      "--allow-net=abc123.execute-api.eu-west-1.amazonaws.com:443 " +
      "'--allow-env=AWS_*,MCP_*,HOME,HTTPS_PROXY,https_proxy,HTTP_PROXY,http_proxy,ALL_PROXY,all_proxy,NO_PROXY,no_proxy'\n",
  );
});

Deno.test("with the keys in the environment, the flags have the shared files where these tell the region", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  for (
    const target of [
      ["--service", "execute-api", "https://mcp.example/mcp"],
      // There it is the region of the calls.
      ["https://aws-mcp.us-east-1.api.aws/mcp"],
    ]
  ) {
    const { stdout } = await world.run(runPolicy, ["--flags", ...target], {
      profileRegion: () => Promise.resolve("eu-west-1"),
    });
    assertStringIncludes(stdout, `--allow-read=${world.home}/.aws/config`);
  }
});

Deno.test("with the keys in the environment, the flags have the shared files where these name certificates", async () => {
  await using world = await CommandWorld.make({ AWS_ACCESS_KEY_ID: "AKIA" });
  const { cert } = new Authority({ name: "Test roots" });
  const roots = await world.write("roots.pem", cert);
  const config = await world.write(
    ".aws/config",
    `[default]\nca_bundle = ${roots}\n`,
  );
  const { stdout } = await world.run(runPolicy, [
    "--flags",
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
  ]);
  assertStringIncludes(stdout, `--allow-read=${roots},${config},`);
});

Deno.test("faults of the arguments are a ConfigError, as everywhere", async () => {
  const { faults } = await assertRejects(
    () =>
      policy(
        "--flags=yes",
        "https://abc.execute-api.eu-west-1.amazonaws.com/mcp",
      ),
    ConfigError,
  );
  assertEquals(faults, [
    "--flags must be true or false, got 'yes' (set --flags)",
  ]);
  await assertRejects(() => policy("ftp://x/"), ConfigError);
});

Deno.test("who assumes the roles of accounts is allowed to, with the tags and the source identity that are given, and Deno to reach STS", async () => {
  const outcome = await policy(
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
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
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
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
    "https://abc123.execute-api.eu-west-1.amazonaws.com/prod/mcp",
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
