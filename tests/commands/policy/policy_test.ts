import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigError } from "../../../src/errors.ts";
import { policy, statementsOf } from "./run_policy.ts";

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

Deno.test("behind a tunnel the host to sign tells the API, in whatever case", async () => {
  const [{ Resource }] = statementsOf(
    await policy(
      "http://localhost:8443/prod/mcp",
      "--sign-host=ABC123.Execute-API.eu-west-1.AmazonAWS.com:443",
    ),
  );
  assertEquals(
    Resource[0],
    "arn:aws:execute-api:eu-west-1:*:abc123/prod/POST/mcp",
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
