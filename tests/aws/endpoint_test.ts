import { assertEquals } from "@std/assert";
import { parseEndpoint } from "../../src/aws/endpoint.ts";

/**
 * Each host with its service, its region, `-` where there is none, and the one
 * signature version that it takes, if it is no v4.
 */
function assertEndpoints(table: string): void {
  for (const row of table.trim().split("\n")) {
    const [host, service, region, version] = row.trim().split(/\s+/);
    assertEquals(
      parseEndpoint(host),
      {
        service,
        ...region !== "-" && { region },
        ...version === "v4a" && { signatureVersion: version },
      },
      host,
    );
  }
}

function assertUnknown(table: string): void {
  for (const host of table.trim().split(/\s+/)) {
    assertEquals(parseEndpoint(host), undefined, host);
  }
}

Deno.test("hosts of MCP servers on AWS tell service and region", () => {
  assertEndpoints(`
    abc123.execute-api.eu-west-1.amazonaws.com execute-api eu-west-1
    abc123-vpce-0123.execute-api.eu-west-1.amazonaws.com execute-api eu-west-1
    abc123.execute-api.cn-north-1.amazonaws.com.cn execute-api cn-north-1
    abc123.execute-api.us-gov-west-1.amazonaws.com execute-api us-gov-west-1
    abc123.execute-api.us-east-1.api.aws execute-api us-east-1
    bedrock-agentcore.us-west-2.amazonaws.com bedrock-agentcore us-west-2
    bedrock-agentcore-fips.us-east-1.amazonaws.com bedrock-agentcore us-east-1
    bedrock-agentcore.eu-west-1.api.aws bedrock-agentcore eu-west-1
    gw-1.gateway.bedrock-agentcore.us-west-2.amazonaws.com bedrock-agentcore us-west-2
    gateway.bedrock-agentcore.us-west-2.amazonaws.com bedrock-agentcore us-west-2
    rt-1.runtime.bedrock-agentcore.eu-central-1.amazonaws.com bedrock-agentcore eu-central-1
    bedrock-agentcore-control.us-west-2.amazonaws.com bedrock-agentcore us-west-2
    xyz.lambda-url.ap-southeast-2.on.aws lambda ap-southeast-2
    svc-0a1.7d67968.vpc-lattice-svcs.us-west-2.on.aws vpc-lattice-svcs us-west-2
    aws-mcp.us-east-1.api.aws aws-mcp us-east-1
    eks-mcp.us-west-2.api.aws eks-mcp us-west-2
    ecs-mcp.us-west-2.api.aws ecs-mcp us-west-2
    agent-registry.us-west-2.api.aws agent-registry us-west-2
    agentaccess-mcp.eu-west-1.api.aws agentaccess-mcp eu-west-1
    application-signals-mcp.us-east-1.api.aws application-signals-mcp us-east-1
    sagemaker-unified-studio-mcp.us-east-1.api.aws sagemaker-unified-studio-mcp us-east-1
    connect.aidevops.us-east-1.api.aws aidevops us-east-1
    bcdfghjklmnpqrst.b7t.lambda-web.us-east-1.on.aws lambda us-east-1
    bcdfghjklmnpqrst.lambda-web.eu-west-1.on.aws lambda eu-west-1
    abc.appsync-api.us-east-1.amazonaws.com appsync us-east-1
  `);
});

Deno.test("a host of many regions is signed for all of them, with v4a where it takes no other", () => {
  assertEndpoints(`
    bcdfghjklmnpqrst.lambda-web.global.on.aws lambda * v4a
    BCDFGHJKLMNPQRST.Lambda-Web.Global.On.AWS lambda * v4a
    bcdfghjklmnpqrst.lambda-web.global.on.aws. lambda * v4a
    knowledge-mcp.global.api.aws knowledge-mcp * v4a
    knowledge-mcp-fips.global.api.aws knowledge-mcp * v4a
    eks-mcp.global.api.amazonwebservices.com.cn eks-mcp * v4a
    123456789012.cloudfront-kvs.global.api.aws cloudfront-keyvaluestore * v4a
    iam.global.api.aws iam -
    iam-fips.global.api.aws iam -
    route53.global.api.amazonwebservices.eu route53 -
    service.global.amazonaws.com service -
    xyz.lambda-url.global.on.aws lambda -
  `);
  assertUnknown(`
    lambda-web.global.on.aws
    lambda-web.us-east-1.on.aws
    bcdfghjklmnpqrst.xlambda-web.global.on.aws
    bcdfghjklmnpqrst.lambda-web.global.on.aws.evil.example
    bcdfghjklmnpqrst.lambda-web.global.evil-on.aws
    bcdfghjklmnpqrst.lambda-web.global.on.aws.us-east-1.on.aws
    bcdfghjklmnpqrst.lambda-web.global.xon.aws
    bcdfghjklmnpqrst.lambda-web.xglobal.on.aws
    global.api.aws
    knowledge-mcp.global.api.aws.evil.example
    bcdfghjklmnpqrst.lambda-web.global.api.aws
  `);
});

Deno.test("the general form is read in every partition", () => {
  assertEndpoints(`
    lambda.us-east-1.amazonaws.com lambda us-east-1
    lambda.cn-northwest-1.amazonaws.com.cn lambda cn-northwest-1
    lambda.cn-north-1.api.amazonwebservices.com.cn lambda cn-north-1
    lambda.us-gov-east-1.amazonaws.com lambda us-gov-east-1
    lambda.eusc-de-east-1.amazonaws.eu lambda eusc-de-east-1
    lambda.eusc-de-east-1.api.amazonwebservices.eu lambda eusc-de-east-1
    lambda.us-iso-east-1.c2s.ic.gov lambda us-iso-east-1
    lambda.us-isob-east-1.sc2s.sgov.gov lambda us-isob-east-1
    lambda.eu-isoe-west-1.cloud.adc-e.uk lambda eu-isoe-west-1
    lambda.us-isof-south-1.csp.hci.ic.gov lambda us-isof-south-1
    lambda.mx-central-1.api.aws lambda mx-central-1
    eks-mcp.cn-north-1.api.amazonwebservices.com.cn eks-mcp cn-north-1
    agent-registry.us-gov-west-1.api.aws agent-registry us-gov-west-1
    xyz.lambda-url.cn-north-1.on.amazonwebservices.com.cn lambda cn-north-1
    id.b7t.lambda-web.eusc-de-east-1.on.amazonwebservices.eu lambda eusc-de-east-1
  `);
});

Deno.test("FIPS and dual-stack forms tell the same as the ordinary ones", () => {
  assertEndpoints(`
    lambda-fips.us-west-2.amazonaws.com lambda us-west-2
    lambda-fips.us-west-2.api.aws lambda us-west-2
    runtime-fips.sagemaker.us-east-1.amazonaws.com sagemaker us-east-1
    runtime.sagemaker-fips.us-east-1.amazonaws.com sagemaker us-east-1
    fips.eks.us-east-1.amazonaws.com eks us-east-1
    eks-mcp-fips.us-east-1.api.aws eks-mcp us-east-1
    connect.aidevops-fips.us-east-1.api.aws aidevops us-east-1
    s3.dualstack.eu-west-3.amazonaws.com s3 eu-west-3
    s3-fips.dualstack.us-east-1.amazonaws.com s3 us-east-1
  `);
});

Deno.test("interface endpoints tell the service behind them", () => {
  assertEndpoints(`
    vpce-0a1b-c2d3.execute-api.us-east-1.vpce.amazonaws.com execute-api us-east-1
    vpce-0a1b-c2d3-us-east-1a.lambda.us-east-1.vpce.amazonaws.com lambda us-east-1
    vpce-0a1b-c2d3.gateway.bedrock-agentcore.us-west-2.vpce.amazonaws.com bedrock-agentcore us-west-2
    vpce-0a1b-c2d3.agent-registry.us-west-2.vpce.amazonaws.com agent-registry us-west-2
    vpce-0a1b-c2d3.connect.aidevops.us-west-2.vpce.amazonaws.com aidevops us-west-2
    vpce-0a1b-c2d3.sagemaker-unified-studio-mcp.us-west-2.vpce.amazonaws.com sagemaker-unified-studio-mcp us-west-2
    vpce-0a1b-c2d3.bedrock-runtime.us-west-2.vpce.amazonaws.com bedrock us-west-2
    vpce-0a1b-c2d3.execute-api.cn-north-1.vpce.amazonaws.com.cn execute-api cn-north-1
  `);
  // Somebody else's service behind PrivateLink signs for what it likes.
  assertUnknown(`
    vpce-0a1b-c2d3.vpce-svc-0123.us-east-1.vpce.amazonaws.com
    vpce-svc-0123.us-east-1.vpce.amazonaws.com
    vpce-svc-0123.us-east-1.amazonaws.com
    lambda.us-east-1.vpce.amazonaws.com
    mine.lambda.us-east-1.vpce.amazonaws.com
    vpce-0a1b.us-east-1.vpce.amazonaws.com
  `);
});

Deno.test("a signing name that differs from the host label is known", () => {
  assertEndpoints(`
    bedrock-runtime.us-east-1.amazonaws.com bedrock us-east-1
    bedrock-agent-runtime.us-east-1.amazonaws.com bedrock us-east-1
    runtime.sagemaker.us-east-1.amazonaws.com sagemaker us-east-1
    api.ecr.us-east-1.amazonaws.com ecr us-east-1
    data-ats.iot.us-east-1.amazonaws.com iotdata us-east-1
    email.us-east-1.amazonaws.com ses us-east-1
    monitoring.us-east-1.amazonaws.com monitoring us-east-1
    aps-workspaces.us-east-1.amazonaws.com aps us-east-1
    runtime-v2-lex.us-east-1.amazonaws.com lex us-east-1
    streams.dynamodb.us-east-1.amazonaws.com dynamodb us-east-1
    123456789012.ddb.us-east-1.amazonaws.com dynamodb us-east-1
    search-mine-abc.us-east-1.es.amazonaws.com es us-east-1
    search-mine-abc.aos.us-east-1.on.aws es us-east-1
    abc.us-east-1.aoss.amazonaws.com aoss us-east-1
    mine.cluster-abc.us-east-1.neptune.amazonaws.com neptune-db us-east-1
  `);
});

Deno.test("letter case and a final dot make no difference", () => {
  assertEndpoints(`
    ABC.Execute-API.EU-West-1.AmazonAWS.com execute-api eu-west-1
    bedrock-agentcore.us-west-2.amazonaws.com. bedrock-agentcore us-west-2
  `);
});

Deno.test("a host that only looks like one of AWS tells nothing", () => {
  assertUnknown(`
    execute-api.us-east-1.amazonaws.com.evil.example
    us-east-1.es.amazonaws.com
    us-east-1.amazonaws.com
    abc.execute-api.us-east-1.amazonaws.com.evil.example
    abc.execute-api.us-east-1.evilamazonaws.com
    lambda.us-east-1-amazonaws.com
    abc.execute-api.us-east-1.amazonaws.com.au
    amazonaws.com
    us-east-1.amazonaws.com
    .us-east-1.amazonaws.com
    lambda..us-east-1.amazonaws.com
    lambda.us-east-1.amazonaws.com..
    lambda.us-east-1.aws
    lambda-url.us-east-1.on.aws
    xyz.lambda-url.us-east-1.amazonaws.com.on.aws
    xyz.anything.us-east-1.on.aws
    lambda.us-east-1.on.aws
    lambda_x.us-east-1.amazonaws.com
    localhost
    127.0.0.1
    [::1]
    example.com
  `);
});

Deno.test("hosts on AWS that check no signature tell nothing", () => {
  assertUnknown(`
    my-lb-123.us-east-1.elb.amazonaws.com
    my-nlb-123.elb.us-east-1.amazonaws.com
    ec2-1-2-3-4.us-west-2.compute.amazonaws.com
    ec2-1-2-3-4.compute-1.amazonaws.com
    bucket.s3-website.us-east-1.amazonaws.com
    abc.us-east-1.awsapprunner.com
    d111111abcdef8.cloudfront.net
    lambda.amazonaws.com
    unheard.of.us-east-1.amazonaws.com
  `);
});
