/**
 * The least IAM policy for the MCP servers that AWS runs itself.
 */

import {
  allow,
  allowing,
  decode,
  inEachRegion,
  literal,
  NO_RESOURCES,
  type PolicyMaker,
} from "./statement.ts";

const READING_DESKTOP = ["InvokeMcp", "CheckConnectionStatus", "GetScreenshot"];

const USING_DESKTOP = `
  CallForwardedTool DoubleClick HoldKey KeyPress LeftClick LeftClickDrag
  LeftMouseDown LeftMouseUp MiddleClick MovePointer RightClick Scroll TripleClick
  TypeText
`.match(/\w+/g) ?? [];

export const MANAGED_SERVERS: { readonly [service: string]: PolicyMaker } = {
  /**
   * Agent Toolkit for AWS, "How AWS MCP Server works with IAM": since March 2026
   * it has no actions of its own.
   */
  "aws-mcp": () => ({
    statements: [],
    notes: [
      "there is nothing to attach: the AWS MCP Server asks for no permission " +
      "of its own, and what its tools do is allowed by the policies that the " +
      "principal has anyway",
      "to bound what is done through it, use the condition keys " +
      'aws:ViaAWSMCPService ("true") and aws:CalledViaAWSMCP ' +
      '("aws-mcp.amazonaws.com") in those policies',
    ],
  }),

  /** Amazon EKS, "Amazon EKS MCP Server Configuration Reference". */
  "eks-mcp": ({ config: { readOnly }, names }) => {
    const reading = ["eks-mcp:InvokeMcp", "eks-mcp:CallReadOnlyTool"];
    const privileged = "eks-mcp:CallPrivilegedTool";
    return allowing(
      "UseMcpServer",
      readOnly ? reading : [...reading, privileged],
      "*",
      !readOnly &&
        `for the tools that only read (${names.onlyRead}), ${privileged} is ` +
          "not needed",
      NO_RESOURCES,
    );
  },

  /** Amazon ECS, "Getting started with the Amazon ECS MCP Server". */
  "ecs-mcp": () => {
    const actions = ["ecs-mcp:UseMcp", "ecs-mcp:InvokeReadOnlyTools"];
    return allowing("UseMcpServer", actions, "*", NO_RESOURCES);
  },

  /**
   * AWS Agent Registry (Service Authorization Reference): its MCP endpoint has a
   * tool for each of three operations, and each has an action.
   */
  "agent-registry": (target) => {
    const [, id] = /^\/registry\/([^/]+)(?:\/|$)/.exec(target.url.pathname) ??
      [];
    const registry = literal(`registry/${decode(id ?? "REGISTRY_ID")}`);
    const arns = (rest: string) => inEachRegion("agent-registry", target, rest);
    const actions = [
      "agent-registry:InvokeRegistryMcp",
      "agent-registry:SearchDiscoverableRegistryRecords",
      "agent-registry:ListDiscoverableRegistryRecords",
    ];
    const read = "agent-registry:GetDiscoverableRegistryRecord";
    const { statements, notes } = allowing(
      "UseRegistry",
      actions,
      arns(registry),
      "agent-registry:InvokeRegistryMcp alone lets a client connect and list " +
        "the tools; the other actions are the three tools', one each",
      id === undefined &&
        "the URL does not tell the registry: put its ID in place of REGISTRY_ID",
    );
    const records = allow("ReadRecords", read, arns(`${registry}/record/*`));
    return { statements: [...statements, records], notes };
  },

  /** Amazon WorkSpaces AgentAccess MCP Server (Service Authorization Reference). */
  "agentaccess-mcp": (target) => {
    const stack = inEachRegion("appstream", target, "stack/STACK_NAME");
    const tools = target.config.readOnly ? [] : USING_DESKTOP;
    const actions = [...READING_DESKTOP, ...tools]
      .map((name) => `agentaccess-mcp:${name}`);
    const arnLike = { "agentaccess-mcp:StackArn": stack };
    return {
      statements: [allow("UseDesktop", actions, "*", { ArnLike: arnLike })],
      notes: [
        "the URL does not tell the stack: put its name in place of STACK_NAME",
        "each tool has an action: take out those that are not to be used",
        NO_RESOURCES,
      ],
    };
  },

  /**
   * Amazon CloudWatch Application Signals MCP Server (Service Authorization
   * Reference): there is one server, and its ARN ends with the asterisk.
   */
  "application-signals-mcp": (target) => {
    const service = "application-signals-mcp";
    const actions = [`${service}:InvokeMcp`, `${service}:CallReadOnlyTool`];
    const resource = inEachRegion(service, target, "mcp-server/*");
    return allowing("UseMcpServer", actions, resource);
  },

  /**
   * Amazon SageMaker Unified Studio MCP (Service Authorization Reference); Amazon
   * EMR, "IAM Role Setup" of the Spark upgrade agent: since May 2026 only the way
   * through an interface endpoint has an action.
   */
  "sagemaker-unified-studio-mcp": () =>
    allowing(
      "UseThroughVpc",
      "sagemaker-unified-studio-mcp:AuthorizeVpce",
      "*",
      "it is asked for through an interface endpoint alone (AWS PrivateLink): " +
        "elsewhere there is nothing to attach, and what the tools do is allowed " +
        "by the policies that the principal has anyway",
      NO_RESOURCES,
    ),

  /** AWS DevOps Agent, "DevOps Agent IAM permissions". */
  "aidevops": (target) =>
    allowing(
      "UseAgentSpace",
      "aidevops:*",
      inEachRegion("aidevops", target, "agentspace/AGENT_SPACE_ID"),
      "put the agent space's ID in place of AGENT_SPACE_ID",
      "AWS does not say which action each tool asks for, so all of the agent " +
        "space are allowed: narrow them down to those that are used",
    ),
};
