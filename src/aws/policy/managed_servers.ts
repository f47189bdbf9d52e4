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
  type Target,
  type TargetPolicy,
} from "./statement.ts";

export const MANAGED_SERVERS: {
  readonly [service: string]: (target: Target) => TargetPolicy;
} = {
  "aws-mcp": awsMcpServer,
  "eks-mcp": eksMcpServer,
  "ecs-mcp": ecsMcpServer,
  "agent-registry": agentRegistry,
  "agentaccess-mcp": agentAccess,
  "application-signals-mcp": applicationSignals,
  "sagemaker-unified-studio-mcp": unifiedStudio,
  "aidevops": devOpsAgent,
};

/**
 * Agent Toolkit for AWS, "How AWS MCP Server works with IAM": since March 2026
 * it has no actions of its own.
 */
function awsMcpServer(): TargetPolicy {
  return {
    statements: [],
    notes: [
      "there is nothing to attach: the AWS MCP Server asks for no permission " +
      "of its own, and what its tools do is allowed by the policies that the " +
      "principal has anyway",
      "to bound what is done through it, use the condition keys " +
      'aws:ViaAWSMCPService ("true") and aws:CalledViaAWSMCP ' +
      '("aws-mcp.amazonaws.com") in those policies',
    ],
  };
}

/** Amazon EKS, "Amazon EKS MCP Server Configuration Reference". */
function eksMcpServer({ config, names }: Target): TargetPolicy {
  const reading = ["eks-mcp:InvokeMcp", "eks-mcp:CallReadOnlyTool"];
  if (config.readOnly) {
    return allowing("UseMcpServer", reading, "*", NO_RESOURCES);
  }
  const privileged = "eks-mcp:CallPrivilegedTool";
  return allowing(
    "UseMcpServer",
    [...reading, privileged],
    "*",
    `for the tools that only read (${names.onlyRead}), ${privileged} is not ` +
      "needed",
    NO_RESOURCES,
  );
}

/** Amazon ECS, "Getting started with the Amazon ECS MCP Server". */
function ecsMcpServer(): TargetPolicy {
  const actions = ["ecs-mcp:UseMcp", "ecs-mcp:InvokeReadOnlyTools"];
  return allowing("UseMcpServer", actions, "*", NO_RESOURCES);
}

const NO_REGISTRY =
  "the URL does not tell the registry: put its ID in place of REGISTRY_ID";

/**
 * AWS Agent Registry (Service Authorization Reference): its MCP endpoint has a
 * tool for each of three operations, and each has an action.
 */
function agentRegistry(target: Target): TargetPolicy {
  const [, id] = /^\/registry\/([^/]+)(?:\/|$)/.exec(target.url.pathname) ?? [];
  const registry = `registry/${id === undefined ? "REGISTRY_ID" : decode(id)}`;
  const arns = (rest: string) => inEachRegion("agent-registry", target, rest);
  const actions = [
    "agent-registry:InvokeRegistryMcp",
    "agent-registry:SearchDiscoverableRegistryRecords",
    "agent-registry:ListDiscoverableRegistryRecords",
  ];
  const read = "agent-registry:GetDiscoverableRegistryRecord";
  return {
    statements: [
      allow("UseRegistry", actions, arns(literal(registry))),
      allow("ReadRecords", read, arns(`${literal(registry)}/record/*`)),
    ],
    notes: [
      "agent-registry:InvokeRegistryMcp alone lets a client connect and list " +
      "the tools; the other actions are the three tools', one each",
      ...id === undefined ? [NO_REGISTRY] : [],
    ],
  };
}

/** Amazon WorkSpaces AgentAccess MCP Server (Service Authorization Reference). */
function agentAccess(target: Target): TargetPolicy {
  const { readOnly } = target.config;
  const stack = inEachRegion("appstream", target, "stack/STACK_NAME");
  const tools = readOnly
    ? READING_DESKTOP
    : [...READING_DESKTOP, ...USING_DESKTOP];
  const actions = ["InvokeMcp", ...tools].map((name) =>
    `agentaccess-mcp:${name}`
  );
  const arnLike = { "agentaccess-mcp:StackArn": stack };
  return {
    statements: [allow("UseDesktop", actions, "*", { ArnLike: arnLike })],
    notes: [
      "the URL does not tell the stack: put its name in place of STACK_NAME",
      "each tool has an action: take out those that are not to be used",
      NO_RESOURCES,
    ],
  };
}

const READING_DESKTOP = ["CheckConnectionStatus", "GetScreenshot"];

const USING_DESKTOP = `
  CallForwardedTool DoubleClick HoldKey KeyPress LeftClick LeftClickDrag
  LeftMouseDown LeftMouseUp MiddleClick MovePointer RightClick Scroll TripleClick
  TypeText
`.match(/\w+/g) ?? [];

/**
 * Amazon CloudWatch Application Signals MCP Server (Service Authorization
 * Reference): there is one server, and its ARN ends with the asterisk.
 */
function applicationSignals(target: Target): TargetPolicy {
  const service = "application-signals-mcp";
  const actions = [`${service}:InvokeMcp`, `${service}:CallReadOnlyTool`];
  const resource = inEachRegion(service, target, "mcp-server/*");
  return allowing("UseMcpServer", actions, resource);
}

/**
 * Amazon SageMaker Unified Studio MCP (Service Authorization Reference); Amazon
 * EMR, "IAM Role Setup" of the Spark upgrade agent: since May 2026 only the way
 * through an interface endpoint has an action.
 */
function unifiedStudio(): TargetPolicy {
  const action = "sagemaker-unified-studio-mcp:AuthorizeVpce";
  return allowing(
    "UseThroughVpc",
    action,
    "*",
    "it is asked for through an interface endpoint alone (AWS PrivateLink): " +
      "elsewhere there is nothing to attach, and what the tools do is allowed " +
      "by the policies that the principal has anyway",
    NO_RESOURCES,
  );
}

/** AWS DevOps Agent, "DevOps Agent IAM permissions". */
function devOpsAgent(target: Target): TargetPolicy {
  const rest = "agentspace/AGENT_SPACE_ID";
  const resource = inEachRegion("aidevops", target, rest);
  return allowing(
    "UseAgentSpace",
    "aidevops:*",
    resource,
    "put the agent space's ID in place of AGENT_SPACE_ID",
    "AWS does not say which action each tool asks for, so all of the agent " +
      "space are allowed: narrow them down to those that are used",
  );
}
