/**
 * The least IAM policy for a target, by the service that it is signed for.
 *
 * Sources of the actions and resources: Service Authorization Reference, the
 * page of each service.
 *
 * @module
 */

import { readRuntimeArn, unescapedRuntimeArn } from "../../aws/runtime_arn.ts";
import type { Config } from "../../config/config.ts";
import { knownHost } from "../target.ts";
import { arnStarts, decode, literal, pathOf, readApi } from "./arn.ts";

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
  const isSse = config.transport === "sse";
  const methods = isSse ? sseMethods(path) : [
    // A session is ended with DELETE; GET resumes a stream, or holds one open.
    `POST/${path}`,
    `GET/${path}`,
    `DELETE/${path}`,
  ];
  const resources = arnStarts("execute-api", config, account).flatMap((arn) =>
    methods.map((method) => `${arn}:${api}/${stage}/${method}`)
  );
  return {
    statements: [allow("InvokeApi", "execute-api:Invoke", resources)],
    notes: isSse ? [...notes, SSE_NOTE] : notes,
  };
}

/** HTTP+SSE of 2024 posts to a path that the stream names. */
function sseMethods(path: string): string[] {
  return [`GET/${path}`, "POST/*"];
}

const SSE_NOTE =
  "with --transport sse the target names the path of the messages itself: " +
  "where you know it, put it in place of the * that stands for it";

/**
 * AWS Lambda, "Control access to Lambda function URLs": since October 2025 both
 * actions are asked for, and a condition keeps the second to the function's URL.
 */
function lambdaUrl(input: PolicyInput): TargetPolicy | undefined {
  const host = knownHost(input.config);
  // The API of Lambda itself is no MCP server.
  if (/^lambda\./.test(host)) return undefined;
  const resource = inEachRegion("lambda", input, "function:FUNCTION_NAME");
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
  const { config } = input;
  const named = (rest: string) =>
    inEachRegion("bedrock-agentcore", input, rest);
  const gateway = /^([^.]+)\.gateway\.bedrock-agentcore\./.exec(
    knownHost(config),
  );
  if (gateway !== null) {
    const resource = named(`gateway/${gateway[1]}`);
    const action = "bedrock-agentcore:InvokeGateway";
    return {
      statements: [allow("InvokeGateway", action, resource)],
      notes: [],
    };
  }
  const registry = /^\/registry\/([^/]+)\//.exec(config.targetUrl.pathname);
  if (registry !== null) {
    const resource = named(`registry/${decode(registry[1])}`);
    const action = "bedrock-agentcore:InvokeRegistryMcp";
    return { statements: [allow("UseRegistry", action, resource)], notes: [] };
  }
  return runtime(input);
}

function runtime({ config, account }: PolicyInput): TargetPolicy | undefined {
  const found = runtimeOf(config.targetUrl);
  if (found === undefined) return undefined;
  const arns = found.arn !== undefined
    ? [found.arn]
    : arnStarts("bedrock-agentcore", config, found.account ?? account)
      .map((arn) => `${arn}:runtime/${found.id}`);
  const hasUser = config.headers.some(([name]) =>
    name.toLowerCase() === USER_ID_HEADER
  );
  const actions = [
    "bedrock-agentcore:InvokeAgentRuntime",
    ...(hasUser ? ["bedrock-agentcore:InvokeAgentRuntimeForUser"] : []),
  ];
  const qualifier = config.targetUrl.searchParams.get("qualifier") ?? "DEFAULT";
  const resources = arns.flatMap((arn) => [
    arn,
    `${arn}/runtime-endpoint/${literal(qualifier)}`,
  ]);
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
  // One that lacks an escape is meant all the same.
  const named = readRuntimeArn(text) ?? unescapedRuntimeArn(url);
  if (named !== undefined) return named;
  const given = url.searchParams.get("accountId") ?? undefined;
  return { id: literal(text), account: given };
}

/** Amazon VPC Lattice, "Control access to VPC Lattice services using auth policies". */
function lattice(input: PolicyInput): TargetPolicy {
  const { config } = input;
  const id = /-([0-9a-f]{17})\.[^.]+\.vpc-lattice-svcs\./.exec(
    knownHost(config),
  );
  const service = id === null ? "SERVICE_ID" : `svc-${id[1]}`;
  const isSse = config.transport === "sse";
  const path = isSse ? "*" : pathOf(config.targetUrl);
  const rest = `service/${service}/${path}`;
  const resource = inEachRegion("vpc-lattice", input, rest);
  const unknown = "the host does not tell the service: put its ID (svc-…) in " +
    "place of SERVICE_ID";
  return {
    statements: [allow("InvokeService", "vpc-lattice-svcs:Invoke", resource)],
    notes: [
      ...(id === null ? [unknown] : []),
      ...(isSse ? [SSE_NOTE] : []),
    ],
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

/** One resource, or of a set of regions one in each. */
function inEachRegion(
  service: string,
  { config, account }: PolicyInput,
  rest: string,
): Statement["Resource"] {
  const arns = arnStarts(service, config, account)
    .map((arn) => `${arn}:${rest}`);
  return arns.length === 1 ? arns[0] : arns;
}

function allow(
  Sid: string,
  Action: Statement["Action"],
  Resource: Statement["Resource"],
): Statement {
  return { Sid, Effect: "Allow", Action, Resource };
}
