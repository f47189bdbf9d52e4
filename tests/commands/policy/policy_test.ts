import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigError } from "../../../src/errors.ts";
import { TARGET } from "../command_world.ts";
import { policy, statementsOf } from "./run_policy.ts";

const API = "arn:aws:execute-api:eu-west-1:*:";
const LATTICE =
  "https://tools-0e3b248e712320f13.7d67968.vpc-lattice-svcs.us-west-2.on.aws";
const RUNTIME = "https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/";
const RUNTIME_ARN =
  "arn:aws:bedrock-agentcore:us-west-2:111122223333:runtime/mine-AbC123";

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

for (
  const [what, [url, ...args], resource, said] of [
    [
      "a path of one segment is of the default stage, and a private API's host tells the API",
      ["https://abc123-vpce-0f1e2d3c.execute-api.us-gov-west-1.amazonaws.com/mcp"],
      "arn:aws-us-gov:execute-api:us-gov-west-1:*:abc123/$default/POST/mcp",
    ],
    [
      "behind a tunnel the host to sign tells the API, in whatever case",
      [
        "http://localhost:8443/prod/mcp",
        "--sign-host=ABC123.Execute-API.eu-west-1.AmazonAWS.com:443",
      ],
      `${API}abc123/prod/POST/mcp`,
    ],
    [
      "a FIPS endpoint's host tells the API, too",
      ["https://abc123.execute-api-fips.eu-west-1.amazonaws.com/prod/mcp"],
      `${API}abc123/prod/POST/mcp`,
    ],
    [
      "a custom domain leaves words to fill in, and says which",
      [
        "https://mcp.example/mcp",
        "--service-name=execute-api",
        "--region=eu-west-1",
      ],
      `${API}API_ID/STAGE/POST/*`,
      "API_ID",
    ],
    [
      "what stands for anything in IAM stands for itself in a policy",
      ["https://abc123.execute-api.eu-west-1.amazonaws.com/prod/a*b%3Fc/$%7Bd%7D"],
      `${API}abc123/prod/POST/a\${*}b\${?}c/\${$}{d}`,
    ],
    [
      "a runtime by its ID is of the account in the query",
      [`${RUNTIME}mine-AbC123/invocations?accountId=111122223333`],
      RUNTIME_ARN,
    ],
    [
      "an AgentCore gateway is named by its URL",
      ["https://gw-x1.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp"],
      "arn:aws:bedrock-agentcore:us-east-1:*:gateway/gw-x1",
    ],
    [
      "a gateway that an interface endpoint hides is to be filled in",
      ["https://vpce-0a1b-c2d3.gateway.bedrock-agentcore.us-west-2.vpce.amazonaws.com/mcp"],
      "arn:aws:bedrock-agentcore:us-west-2:*:gateway/GATEWAY_ID",
      "GATEWAY_ID",
    ],
    [
      "a Lattice service is named by its URL",
      [`${LATTICE}/mcp`],
      "arn:aws:vpc-lattice:us-west-2:*:service/svc-0e3b248e712320f13/mcp",
    ],
    [
      "a Lattice service of HTTP+SSE names the path of the messages itself",
      [`${LATTICE}/sse`, "--transport=sse"],
      "arn:aws:vpc-lattice:us-west-2:*:service/svc-0e3b248e712320f13/*",
      "names the path of the messages itself",
    ],
  ] as [string, string[], string, string?][]
) {
  Deno.test(what, async () => {
    const outcome = await policy(url, ...args);
    const [{ Resource }] = statementsOf(outcome);
    assertEquals([Resource].flat()[0], resource);
    if (said !== undefined) assertStringIncludes(outcome.stderr, said);
  });
}

Deno.test("a URL without a path is of the default stage, and no other is suggested", async () => {
  const outcome = await policy(
    "https://abc123.execute-api.eu-west-1.amazonaws.com/",
  );
  const [{ Resource }] = statementsOf(outcome);
  assertEquals(Resource[0], `${API}abc123/$default/POST/`);
  assertEquals(outcome.stderr.includes("stage"), false, outcome.stderr);
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
  const [{ Action, Resource }] = statementsOf(
    await policy(
      `${url}*`,
      "--header",
      "X-Amzn-Bedrock-AgentCore-Runtime-User-Id: u",
    ),
  );
  assertEquals(Action, [
    "bedrock-agentcore:InvokeAgentRuntime",
    "bedrock-agentcore:InvokeAgentRuntimeForUser",
  ]);
  assertEquals(Resource[1], `${RUNTIME_ARN}/runtime-endpoint/LIVE\${*}`);
});

const UNKNOWN: readonly (readonly [service: string, ...args: string[]])[] = [
  [
    "sagemaker",
    ...["https://mcp.example/mcp", "--service-name", "sagemaker"],
    ...["--region", "eu-west-1"],
  ],
  // Lambda's own API, and no function.
  ["lambda", "https://lambda.eu-west-1.amazonaws.com/mcp"],
];

for (const [service, ...args] of UNKNOWN) {
  Deno.test(`of ${service}, of which nobody knows what it asks for, no policy is made up`, async () => {
    const outcome = await policy(...args);
    assertEquals([outcome.code, outcome.stdout], [1, ""]);
    const words = `it is not known what ${service} asks`;
    assertStringIncludes(outcome.stderr, words);
  });
}

Deno.test("each region of a set is named, and only a wildcard stands for more", async () => {
  const cases: [set: string, regions: string[]][] = [
    ["eu-west-1,eu-central-1", ["eu-west-1", "eu-central-1"]],
    ["eu-west-1,us-*", ["eu-west-1", "us-*"]],
    ["eu-west-1,*", ["*"]],
  ];
  for (const [set, regions] of cases) {
    const signed = ["--sig-version", "v4a", "--region", set];
    const [api] = statementsOf(await policy(TARGET, ...signed));
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
