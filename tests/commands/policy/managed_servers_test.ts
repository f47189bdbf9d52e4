import { assertEquals, assertStringIncludes } from "@std/assert";
import { policy, statementsOf } from "./run_policy.ts";

/** What the statements for a target allow: actions, resource and condition. */
async function allowed(...args: string[]): Promise<unknown[]> {
  return statementsOf(await policy(...args)).map((
    { Action, Resource, Condition },
  ) => [Action, Resource, ...Condition ? [Condition] : []]);
}

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
    [["aidevops:*", "arn:aws:aidevops:us-east-1:*:agentspace/AGENT_SPACE_ID"]],
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
