/**
 * The least IAM policy for a target, by the service that it is signed for.
 *
 * Sources of the actions and resources: Service Authorization Reference, the
 * page of each service.
 */

import {
  knownHost,
  parseRuntimeArn,
  unescapedRuntimeArn,
} from "../endpoint.ts";
import type { OptionNames } from "../../naming.ts";
import { MANAGED_SERVERS } from "./managed_servers.ts";
import {
  allow,
  allowing,
  arnStarts,
  decode,
  inEachRegion,
  literal,
  type PolicyMaker,
  type PolicyTarget,
  type Target,
  type TargetPolicy,
} from "./statement.ts";

const MAKERS: { readonly [service: string]: PolicyMaker } = {
  "execute-api": apiGateway,
  "lambda": lambda,
  "bedrock-agentcore": agentCore,
  "vpc-lattice-svcs": lattice,
  ...MANAGED_SERVERS,
};

export const POLICY_SERVICES: readonly string[] = Object.keys(MAKERS);

/**
 * The least policy that lets a principal call a target; `undefined` when it is
 * not known what the target's service asks for.
 *
 * @param account The account of the resource where the URL tells none.
 */
export function targetPolicy(
  config: PolicyTarget,
  account: string,
  names: OptionNames,
): TargetPolicy | undefined {
  const { service, targetUrl: url } = config;
  if (!Object.hasOwn(MAKERS, service)) return undefined;
  const path = literal(decode(url.pathname).replace(/^\//, ""));
  const isSse = config.transport === "sse";
  const host = knownHost(config);
  return MAKERS[service]({ config, url, host, path, account, isSse, names });
}

/**
 * Amazon API Gateway, "Statement reference of IAM policies for API execution in
 * API Gateway".
 */
function apiGateway(target: Target): TargetPolicy {
  const { id, stage, path, note } = apiOf(target);
  // A session is ended with DELETE; GET resumes a stream, or holds one open.
  const methods = target.isSse
    ? [`GET/${path}`, "POST/*"]
    : ["POST", "GET", "DELETE"].map((method) => `${method}/${path}`);
  const resources = arnStarts("execute-api", target).flatMap((arn) =>
    methods.map((method) => `${arn}:${id}/${stage}/${method}`)
  );
  const action = "execute-api:Invoke";
  return allowing("InvokeApi", action, resources, note, sseNote(target));
}

const sseNote = ({ isSse, names }: Target) =>
  isSse &&
  `with ${names.transportSse} the target names the path of the messages itself: ` +
    "where you know it, put it in place of the * that stands for it";

/**
 * An API, its stage and its path there. Amazon API Gateway, "Invoke REST APIs"
 * (the stage is the path's first segment; a private API's host may hold its
 * endpoint, too) and "Stages for HTTP APIs" (the stage $default has no segment).
 * Words in capitals stand for what the URL does not tell.
 */
function apiOf(
  { host, path }: Target,
): { id: string; stage: string; path: string; note: string | false } {
  const id = /^([a-z0-9]+)(?:-vpce-[a-z0-9]+)?\.execute-api(?:-fips)?\./
    .exec(host)?.[1];
  const [first = "", ...others] = path.split("/");
  const rest = others.join("/");
  if (id === undefined) {
    const note =
      `${host} does not tell the API (a custom domain, or a load balancer): ` +
      "put its ID in place of API_ID, its stage in place of STAGE, and the " +
      "path behind the domain's mapping in place of the last *";
    return { id: "API_ID", stage: "STAGE", path: "*", note };
  }
  if (others.length > 0) {
    const note = `"${first}" is taken for the stage; in an HTTP API with the ` +
      `stage $default, write $default/METHOD/${first}/${rest}`;
    return { id, stage: first, path: rest, note };
  }
  // No segment is no other stage's, either.
  const note = first !== "" &&
    `/${first} is taken for a path of an HTTP API's stage $default; if ` +
      `"${first}" is the stage itself, write ${first}/METHOD/ in place of ` +
      `$default/METHOD/${first}`;
  return { id, stage: "$default", path: first, note };
}

function lambda(target: Target): TargetPolicy | undefined {
  const { host } = target;
  // The API of Lambda itself is no MCP server.
  if (/^(?:vpce-[^.]+\.)?lambda(?:-fips)?\./.test(host)) return undefined;
  return /\.lambda-web\./.test(host) ? webFunction(target) : lambdaUrl(target);
}

/** AWS Lambda, "Lambda Web Function endpoint access control". */
function webFunction(target: Target): TargetPolicy {
  const rest = "web-function/FUNCTION_NAME/endpoint/ENDPOINT_NAME";
  const resource = inEachRegion("lambda", target, rest);
  return allowing(
    "InvokeWebFunction",
    "lambda:InvokeWebFunctionEndpoint",
    resource,
    "the host does not tell the Web Function: put its name in place of " +
      "FUNCTION_NAME, and its endpoint's in place of ENDPOINT_NAME",
  );
}

/**
 * AWS Lambda, "Control access to Lambda function URLs": since October 2025 both
 * actions are asked for, and a condition keeps the second to the function's URL.
 */
function lambdaUrl(target: Target): TargetPolicy {
  const resource = inEachRegion("lambda", target, "function:FUNCTION_NAME");
  return {
    statements: [
      allow("InvokeUrl", "lambda:InvokeFunctionUrl", resource, {
        StringEquals: { "lambda:FunctionUrlAuthType": "AWS_IAM" },
      }),
      allow("InvokeThroughUrl", "lambda:InvokeFunction", resource, {
        Bool: { "lambda:InvokedViaFunctionUrl": "true" },
      }),
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
function agentCore(target: Target): TargetPolicy | undefined {
  const gateway = /^([^.]+)\.gateway\.bedrock-agentcore(?:-fips)?\./
    .exec(target.host)?.[1];
  if (gateway === undefined) return agentRuntime(target);
  // An interface endpoint stands where the gateway's ID would.
  const isUnknown = gateway.startsWith("vpce-");
  const rest = `gateway/${isUnknown ? "GATEWAY_ID" : gateway}`;
  const resource = inEachRegion("bedrock-agentcore", target, rest);
  return allowing(
    "InvokeGateway",
    "bedrock-agentcore:InvokeGateway",
    resource,
    isUnknown &&
      "the host does not tell the gateway: put its ID in place of GATEWAY_ID",
  );
}

function agentRuntime(target: Target): TargetPolicy | undefined {
  const { config, host, url } = target;
  const [, segment] = /^\/runtimes\/([^/]+)(?:\/|$)/.exec(url.pathname) ?? [];
  if (segment === undefined) return undefined;
  const text = decode(segment);
  // One that lacks an escape is meant all the same.
  const named = parseRuntimeArn(text) ?? unescapedRuntimeArn(url);
  const account = url.searchParams.get("accountId") ?? target.account;
  const arns = named !== undefined
    ? [named.arn]
    : arnStarts("bedrock-agentcore", { config, host, account })
      .map((arn) => `${arn}:runtime/${literal(text)}`);
  const qualifier = url.searchParams.get("qualifier") ?? "DEFAULT";
  const resources = arns.flatMap((arn) => [
    arn,
    `${arn}/runtime-endpoint/${literal(qualifier)}`,
  ]);
  const action = "bedrock-agentcore:InvokeAgentRuntime";
  const isForUser = config.headers
    .some(([name]) => name.toLowerCase() === USER_ID_HEADER);
  return allowing(
    "InvokeRuntime",
    isForUser ? [action, `${action}ForUser`] : action,
    resources,
    !isForUser &&
      `with a header ${USER_ID_HEADER}, ${action}ForUser is needed, too (give ` +
        `the header as ${target.names.header} to see it)`,
  );
}

/** Amazon VPC Lattice, "Control access to VPC Lattice services using auth policies". */
function lattice(target: Target): TargetPolicy {
  const { host, path, isSse } = target;
  const id = /-([0-9a-f]{17})\.[^.]+\.vpc-lattice-svcs\./.exec(host)?.[1];
  const service = id === undefined ? "SERVICE_ID" : `svc-${id}`;
  const rest = `service/${service}/${isSse ? "*" : path}`;
  const resource = inEachRegion("vpc-lattice", target, rest);
  return allowing(
    "InvokeService",
    "vpc-lattice-svcs:Invoke",
    resource,
    id === undefined &&
      "the host does not tell the service: put its ID (svc-…) in place of " +
        "SERVICE_ID",
    sseNote(target),
  );
}
