/**
 * The least IAM policy for a target, by the service that it is signed for.
 *
 * Sources of the actions and resources: Service Authorization Reference, the
 * page of each service.
 *
 * @module
 */

import type { Config } from "../config.ts";
import { arnStart, decode, knownHost, literal, pathOf } from "./arn.ts";
import { readApi } from "./policy_api.ts";

/** A statement of an IAM policy. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: {
    readonly [operator: string]: { readonly [key: string]: string };
  };
}

/** The statements for a target, and what a person has to know of them. */
export interface TargetPolicy {
  readonly statements: readonly Statement[];
  /** What stands for something that the URL does not tell, a sentence each. */
  readonly notes: readonly string[];
}

/** What the statements are made of. */
export interface PolicyInput {
  readonly config: Config;
  /** The account of the resource where the URL tells none; `*` for any. */
  readonly account: string;
}

/** Makes the statements for the targets of one service. */
export type PolicyMaker = (input: PolicyInput) => TargetPolicy | undefined;

const MAKERS: { readonly [service: string]: PolicyMaker | undefined } = {
  "execute-api": apiGateway,
  "lambda": lambdaUrl,
  "bedrock-agentcore": agentCore,
  "vpc-lattice-svcs": lattice,
  "aws-mcp": () => AWS_MCP_SERVER,
  "eks-mcp": eksMcpServer,
  "ecs-mcp": ecsMcpServer,
};

/** The services of which the actions are known. */
export const POLICY_SERVICES: readonly string[] = Object.keys(MAKERS);

/**
 * The least policy that lets a principal call a target.
 *
 * @param input The target, and the account that it may be of.
 * @returns `undefined` when it is not known what the target's service asks for.
 */
export function targetPolicy(input: PolicyInput): TargetPolicy | undefined {
  const { service } = input.config;
  return Object.hasOwn(MAKERS, service) ? MAKERS[service]?.(input) : undefined;
}

/**
 * Amazon API Gateway, "Statement reference of IAM policies for API execution in
 * API Gateway".
 */
function apiGateway({ config, account }: PolicyInput): TargetPolicy {
  const { api, stage, path, notes } = readApi(config);
  const arn = arnStart("execute-api", config, account);
  // A session is ended with DELETE; GET resumes a stream, or holds one open.
  const resources = ["POST", "GET", "DELETE"].map((method) =>
    `${arn}:${api}/${stage}/${method}/${path}`
  );
  return {
    statements: [allow("InvokeApi", "execute-api:Invoke", resources)],
    notes,
  };
}

/**
 * AWS Lambda, "Control access to Lambda function URLs": since October 2025 both
 * actions are asked for, and a condition keeps the second to the function's URL.
 */
function lambdaUrl({ config, account }: PolicyInput): TargetPolicy | undefined {
  const host = knownHost(config);
  // The API of Lambda itself is no MCP server.
  if (/^lambda\./.test(host)) return undefined;
  const resource = `${
    arnStart("lambda", config, account)
  }:function:FUNCTION_NAME`;
  return {
    statements: [
      {
        ...allow("InvokeUrl", "lambda:InvokeFunctionUrl", resource),
        Condition: {
          StringEquals: { "lambda:FunctionUrlAuthType": "AWS_IAM" },
        },
      },
      {
        ...allow("InvokeThroughUrl", "lambda:InvokeFunction", resource),
        Condition: { Bool: { "lambda:InvokedViaFunctionUrl": "true" } },
      },
    ],
    notes: [
      "a function URL does not tell its function: put the function's name in " +
      "place of FUNCTION_NAME (with :ALIAS after it if the URL is an alias's)",
    ],
  };
}

const USER_ID_HEADER = "x-amzn-bedrock-agentcore-runtime-user-id";

/**
 * Amazon Bedrock AgentCore: "Invoke an AgentCore Runtime agent" (a runtime is
 * invoked through one of its endpoints, and both are asked about), "Set up
 * inbound authorization for your gateway".
 */
function agentCore(input: PolicyInput): TargetPolicy | undefined {
  const { config, account } = input;
  const base = arnStart("bedrock-agentcore", config, account);
  const gateway = /^([^.]+)\.gateway\.bedrock-agentcore\./.exec(
    knownHost(config),
  );
  if (gateway !== null) {
    const resource = `${base}:gateway/${gateway[1]}`;
    const action = "bedrock-agentcore:InvokeGateway";
    return {
      statements: [allow("InvokeGateway", action, resource)],
      notes: [],
    };
  }
  const registry = /^\/registry\/([^/]+)\//.exec(config.targetUrl.pathname);
  if (registry !== null) {
    const resource = `${base}:registry/${decode(registry[1])}`;
    const action = "bedrock-agentcore:InvokeRegistryMcp";
    return { statements: [allow("UseRegistry", action, resource)], notes: [] };
  }
  return runtime(input);
}

function runtime({ config, account }: PolicyInput): TargetPolicy | undefined {
  const found = runtimeOf(config.targetUrl);
  if (found === undefined) return undefined;
  const arn = found.arn ??
    `${
      arnStart("bedrock-agentcore", config, found.account ?? account)
    }:runtime/${found.id}`;
  const hasUser = config.headers.some(([name]) =>
    name.toLowerCase() === USER_ID_HEADER
  );
  const actions = [
    "bedrock-agentcore:InvokeAgentRuntime",
    ...(hasUser ? ["bedrock-agentcore:InvokeAgentRuntimeForUser"] : []),
  ];
  const qualifier = config.targetUrl.searchParams.get("qualifier") ?? "DEFAULT";
  const resources = [arn, `${arn}/runtime-endpoint/${literal(qualifier)}`];
  return {
    statements: [
      allow(
        "InvokeRuntime",
        actions.length > 1 ? actions : actions[0],
        resources,
      ),
    ],
    notes: hasUser ? [] : [
      `with a header ${USER_ID_HEADER}, bedrock-agentcore:` +
      "InvokeAgentRuntimeForUser is needed, too (give the header as --header " +
      "to see it)",
    ],
  };
}

/** `/runtimes/<ARN or ID>/invocations`, with `accountId` beside an ID. */
function runtimeOf(
  url: URL,
): { id: string; arn?: string; account?: string } | undefined {
  const [, segment] = /^\/runtimes\/([^/]+)(?:\/|$)/.exec(url.pathname) ?? [];
  if (segment === undefined) return undefined;
  const text = decode(segment);
  const [, account, id] =
    /^arn:aws[a-z-]*:bedrock-agentcore:[a-z0-9-]+:(\d{12}):runtime\/([\w-]+)$/
      .exec(text) ?? [];
  if (id !== undefined) return { id, arn: text, account };
  const given = url.searchParams.get("accountId") ?? undefined;
  return { id: literal(text), account: given };
}

/** Amazon VPC Lattice, "Control access to VPC Lattice services using auth policies". */
function lattice({ config, account }: PolicyInput): TargetPolicy {
  const id = /-([0-9a-f]{17})\.[^.]+\.vpc-lattice-svcs\./.exec(
    knownHost(config),
  );
  const service = id === null ? "SERVICE_ID" : `svc-${id[1]}`;
  const path = pathOf(config.targetUrl);
  const arn = arnStart("vpc-lattice", config, account);
  const resource = `${arn}:service/${service}/${path}`;
  return {
    statements: [allow("InvokeService", "vpc-lattice-svcs:Invoke", resource)],
    notes: id === null
      ? [
        "the host does not tell the service: put its ID (svc-…) in place of " +
        "SERVICE_ID",
      ]
      : [],
  };
}

/**
 * Agent Toolkit for AWS, "How AWS MCP Server works with IAM": since March 2026
 * it has no actions of its own.
 */
const AWS_MCP_SERVER: TargetPolicy = {
  statements: [],
  notes: [
    "there is nothing to attach: the AWS MCP Server asks for no permission of " +
    "its own, and what its tools do is allowed by the policies that the " +
    "principal has anyway",
    "to bound what is done through it, use the condition keys " +
    'aws:ViaAWSMCPService ("true") and aws:CalledViaAWSMCP ' +
    '("aws-mcp.amazonaws.com") in those policies',
  ],
};

/** Amazon EKS, "Amazon EKS MCP Server Configuration Reference". */
function eksMcpServer({ config }: PolicyInput): TargetPolicy {
  const reading = ["eks-mcp:InvokeMcp", "eks-mcp:CallReadOnlyTool"];
  if (config.readOnly) {
    return {
      statements: [allow("UseMcpServer", reading, "*")],
      notes: [NO_RESOURCES],
    };
  }
  const actions = [...reading, "eks-mcp:CallPrivilegedTool"];
  return {
    statements: [allow("UseMcpServer", actions, "*")],
    notes: [
      "for the tools that only read (--read-only), " +
      "eks-mcp:CallPrivilegedTool is not needed",
      NO_RESOURCES,
    ],
  };
}

/** Amazon ECS, "Getting started with the Amazon ECS MCP Server". */
function ecsMcpServer(): TargetPolicy {
  const actions = ["ecs-mcp:UseMcp", "ecs-mcp:InvokeReadOnlyTools"];
  return {
    statements: [allow("UseMcpServer", actions, "*")],
    notes: [NO_RESOURCES],
  };
}

const NO_RESOURCES = "the service has no resources to name: Resource is *";

function allow(
  Sid: string,
  Action: Statement["Action"],
  Resource: Statement["Resource"],
): Statement {
  return { Sid, Effect: "Allow", Action, Resource };
}
