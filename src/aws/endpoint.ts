/**
 * What the URL of an AWS endpoint says: its host of the service, the region and
 * the signature version that its requests are signed for, its path of a runtime.
 */

import { PARTITIONS } from "./partition.ts";

/** What a request to an AWS endpoint is signed for. */
export interface Endpoint {
  /** The signing name of the service, as in a credential scope. */
  readonly service: string;
  /**
   * The region; `*` where any may answer. Endpoints that do not tell it have
   * none.
   */
  readonly region?: string;
  /** The one signature version that is taken there, where that is v4a. */
  readonly signatureVersion?: "v4a";
}

const DUAL_STACK_DOMAINS: ReadonlySet<string> = new Set(
  PARTITIONS.map(({ dualStackDomain }) => dualStackDomain),
);

/** The domains under which AWS serves `<service>.<region>`. */
const SERVICE_DOMAINS: ReadonlySet<string> = new Set([
  ...PARTITIONS.map(({ domain }) => domain),
  ...DUAL_STACK_DOMAINS,
]);

/** The domains of what customers run: only the services named here sign there. */
const CUSTOMER_DOMAINS: readonly string[] = [
  "on.aws",
  "on.amazonwebservices.com.cn",
  "on.amazonwebservices.eu",
];

/**
 * `<id>.<label>.<region>.on.aws`, by label. Sources: AWS Lambda, "Creating and
 * managing Lambda function URLs" and "HTTP requests and responses" (of Web
 * Functions); Amazon VPC Lattice, "SIGv4 authenticated requests"; Amazon
 * OpenSearch Service, "Dual-stack endpoints".
 */
const CUSTOMER_SERVICES: ReadonlyMap<string, string> = servicesIn(
  "lambda-url:lambda lambda-web:lambda vpc-lattice-svcs aos:es aoss",
);

/**
 * `<id>.<label>.<region>.<domain>`, by label: resources with a host each.
 * Sources: Amazon API Gateway, "Invoke REST APIs"; Amazon Bedrock AgentCore,
 * "Use an AgentCore gateway" and "Invoke an AgentCore Runtime agent"; AWS
 * AppSync, "Endpoints and quotas"; Amazon DynamoDB, "Account-based endpoints".
 */
const RESOURCE_SERVICES: ReadonlyMap<string, string> = servicesIn(
  "execute-api bedrock-agentcore appsync-api:appsync " +
    "appsync-realtime-api:appsync ddb:dynamodb sagemaker lex " +
    "cloudfront-kvs:cloudfront-keyvaluestore",
);

/**
 * Services at `<service>.global.<dual-stack domain>` that are signed for with
 * v4, in a region that the host does not tell; all others there take v4a.
 * Source: the endpoint rules of the AWS SDKs.
 */
const V4_GLOBAL_SERVICES: ReadonlySet<string> = new Set(
  "cloudfront codecatalyst iam route53 savingsplans".split(" "),
);

/**
 * `<id>.<region>.<label>.<domain>`, by label: the region stands before the
 * service. Sources: Amazon OpenSearch Service and Serverless, Amazon
 * CloudSearch, Amazon Neptune and Neptune Analytics, "Signing requests".
 */
const REGION_FIRST_SERVICES: ReadonlyMap<string, string> = servicesIn(
  "es aoss cloudsearch neptune:neptune-db neptune-graph",
);

/**
 * Host labels by signing name, where the two differ: what the SDKs' service
 * models say (`endpointPrefix` and the host of the endpoint rules against
 * `signingName`); Amazon Managed Service for Prometheus, "Using the
 * Prometheus-compatible APIs", for aps; AWS DevOps Agent, "Connect to DevOps
 * Agent remote servers", for aidevops.
 */
const HOST_LABELS = `
  aidevops: connect.aidevops cp.aidevops
  IoTSecuredTunneling: api.tunneling.iot api.iot-tunneling
  appconfig: appconfigdata
  appstream: appstream2
  aps: aps-workspaces
  aws-marketplace: agreement-marketplace catalog.marketplace
    catalog-marketplace deployment-marketplace discovery-marketplace
    entitlement.marketplace entitlement-marketplace metering.marketplace
    metering-marketplace reporting-marketplace
  awsssoportal: portal.sso
  bedrock: bedrock-agent bedrock-agent-runtime bedrock-data-automation
    bedrock-data-automation-runtime bedrock-runtime
  bedrock-agentcore: bedrock-agentcore-control
  cassandra: cassandra-streams
  chime: identity-chime media-pipelines-chime meetings-chime messaging-chime
    voice-chime
  cloudhsm: cloudhsmv2
  cloudsearch: cloudsearchdomain
  connect: contact-lens
  detective: api.detective
  dynamodb: streams.dynamodb streams-dynamodb
  ecr: api.ecr
  ecr-public: api.ecr-public
  elasticfilesystem: efs
  es: aos
  execute-api: participant.connect
  forecast: forecastquery
  geo-maps: maps.geo
  geo-places: places.geo
  geo-routes: routes.geo
  iot-jobs-data: data.jobs.iot
  iotdata: data-ats.iot data.iot
  iotdeviceadvisor: api.iotdeviceadvisor
  ioteventsdata: data.iotevents
  iotmanagedintegrations: api.iotmanagedintegrations
  iotwireless: api.iotwireless
  ivs: ivsrealtime
  kafka: kafka-api
  lex: models-v2-lex runtime-v2-lex
  mediastore: data.mediastore
  mediatailor: api.mediatailor
  memorydb: memory-db
  mgh: migrationhub-config
  mobiletargeting: pinpoint
  payment-cryptography: controlplane.payment-cryptography
    dataplane.payment-cryptography
  personalize: personalize-events personalize-runtime
  pricing: api.pricing
  qapps: data.qapps
  route53-recovery-control-config: arc-recovery-control-config
  s3: s3-control
  servicecatalog: servicecatalog-appregistry
  ses: email mail-manager
  signer: data-signer
  sms-voice: sms-voice.pinpoint
  sso-oauth: oidc
  timestream: ingest.timestream query.timestream timestream-ingest
    timestream-query
  wickr: admin.wickr
`;

const SIGNING_NAMES: ReadonlyMap<string, string> = new Map(
  HOST_LABELS.split(/\n(?! {4})/).flatMap((row) => {
    const [service, ...labels] = row.split(/[:\s]+/).filter(Boolean);
    return labels.map((label) => [label, service] as const);
  }),
);

/** Labels, each with its service where that has another name. */
function servicesIn(table: string): ReadonlyMap<string, string> {
  return new Map(
    table.split(" ").map((row) => {
      const [label, service = label] = row.split(":");
      return [label, service];
    }),
  );
}

/** What stands in a region's place where there are many. */
const GLOBAL = "global";

const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d+$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** The first label of an interface endpoint's own name (AWS PrivateLink). */
const VPC_ENDPOINT = /^vpce-/;

/**
 * Reads the service and the region off an AWS host name: the general
 * `<service>.<region>.amazonaws.com` with its FIPS, dual-stack and PrivateLink
 * forms in every partition, and the hosts of single resources.
 *
 * @returns What to sign for, or `undefined` when the name does not tell.
 */
export function parseEndpoint(hostname: string): Endpoint | undefined {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const domain = [...CUSTOMER_DOMAINS, ...SERVICE_DOMAINS]
    .find((domain) => host.endsWith(`.${domain}`));
  if (domain === undefined) return undefined;

  const labels = host.slice(0, -domain.length - 1).split(".");
  if (!labels.every((label) => LABEL.test(label))) return undefined;

  const place = labels.findLastIndex((label) =>
    REGION.test(label) || label === GLOBAL
  );
  if (place < 1) return undefined;
  const before = labels.slice(0, place)
    .map((label) => label.replace(/-fips$/, ""));
  const after = labels.slice(place + 1).join(".");

  const isCustomers = CUSTOMER_DOMAINS.includes(domain);
  const last = before[before.length - 1];
  const service = !isCustomers
    ? serviceOf(before, after)
    : after === "" && before.length > 1
    ? CUSTOMER_SERVICES.get(last)
    : undefined;
  if (service === undefined) return undefined;
  const region = labels[place];
  if (region !== GLOBAL) return { service, region };
  const takesV4a = isCustomers
    ? last === "lambda-web"
    : DUAL_STACK_DOMAINS.has(domain) && !V4_GLOBAL_SERVICES.has(service);
  return takesV4a
    ? { service, region: "*", signatureVersion: "v4a" }
    : { service };
}

function serviceOf(
  before: readonly string[],
  after: string,
): string | undefined {
  if (after === "") return namedService(before);
  if (after !== "vpce") return REGION_FIRST_SERVICES.get(after);
  if (!VPC_ENDPOINT.test(before[0])) return undefined;
  return namedService(before.slice(1));
}

function namedService(labels: readonly string[]): string | undefined {
  const named = labels.filter((label, place) =>
    !(label === "dualstack" && place === labels.length - 1) &&
    !(label === "fips" && place === 0)
  );
  if (named.length === 0) return undefined;
  const last = named[named.length - 1];
  const service = SIGNING_NAMES.get(named.join(".")) ??
    RESOURCE_SERVICES.get(last);
  if (service !== undefined) return service;
  // Somebody else's service behind PrivateLink is named like its endpoint.
  if (named.length > 1 || VPC_ENDPOINT.test(last)) return undefined;
  return last;
}

/** The host that a target knows itself by. */
export function knownHost(
  { signHost, targetUrl }: { readonly signHost?: string; targetUrl: URL },
): string {
  return (signHost?.replace(/:\d+$/, "") ?? targetUrl.hostname).toLowerCase();
}

/** The ARN of an AgentCore runtime in a URL's path. */
export interface RuntimeArn {
  readonly arn: string;
  readonly account: string;
  readonly id: string;
}

const RUNTIME_ARN =
  /^arn:aws[a-z-]*:bedrock-agentcore:[a-z0-9-]+:(\d{12}):runtime\/([\w-]+)$/;

export function parseRuntimeArn(text: string): RuntimeArn | undefined {
  const [, account, id] = RUNTIME_ARN.exec(text) ?? [];
  if (account === undefined || id === undefined) return undefined;
  return { arn: text, account, id };
}

/**
 * Finds an ARN that lacks the escape of its slash, as whoever copies it from
 * the console has it: its end is then another segment of the path.
 */
export function unescapedRuntimeArn({ pathname }: URL): RuntimeArn | undefined {
  const [, before, id] =
    /^\/runtimes\/(arn(?::|%3a)[^/]+)\/([^/]+)(?:\/|$)/i.exec(pathname) ?? [];
  if (id === undefined) return undefined;
  return parseRuntimeArn(`${before.replace(/%3a/gi, ":")}/${id}`);
}
