/** The one table of partitions, against botocore's partitions.json. */

import { assertEquals } from "@std/assert";
import { parseEndpoint } from "../../src/aws/endpoint.ts";
import {
  oneRegion,
  partitionOf,
  partitionOfArn,
  PARTITIONS,
} from "../../src/aws/partition.ts";

/** id, dnsSuffix, dualStackDnsSuffix, implicitGlobalRegion, another region. */
const BOTOCORE = `
  aws amazonaws.com api.aws us-east-1 mx-central-1
  aws-cn amazonaws.com.cn api.amazonwebservices.com.cn cn-northwest-1 cn-north-1
  aws-eusc amazonaws.eu api.amazonwebservices.eu eusc-de-east-1 eusc-de-east-1
  aws-iso c2s.ic.gov api.aws.ic.gov us-iso-east-1 us-iso-west-1
  aws-iso-b sc2s.sgov.gov api.aws.scloud us-isob-east-1 us-isob-west-1
  aws-iso-e cloud.adc-e.uk api.cloud-aws.adc-e.uk eu-isoe-west-1 eu-isoe-west-1
  aws-iso-f csp.hci.ic.gov api.aws.hci.ic.gov us-isof-south-1 us-isof-east-1
  aws-us-gov amazonaws.com api.aws us-gov-west-1 us-gov-east-1
`.trim().split("\n").map((row) => row.trim().split(" "));

Deno.test("every partition of botocore is known by region, by ARN and by host", () => {
  assertEquals(PARTITIONS.length, BOTOCORE.length);
  for (const [name, domain, dualStackDomain, region, other] of BOTOCORE) {
    const arn = `arn:${name}:iam::123456789012:role/r`;
    for (const found of [partitionOf(other), partitionOfArn(arn)]) {
      assertEquals(
        [found.name, found.domain, found.dualStackDomain, found.region],
        [name, domain, dualStackDomain, region],
      );
    }
    assertEquals(oneRegion(`${region.slice(0, -1)}*`), region);
    const service = "bedrock-agentcore";
    for (const suffix of [domain, dualStackDomain]) {
      assertEquals(parseEndpoint(`${service}.${other}.${suffix}`), {
        service,
        region: other,
      });
    }
  }
});

Deno.test("what is of no known partition is taken for the commercial one", () => {
  assertEquals(partitionOf("*").name, "aws");
  assertEquals(partitionOf("xx-new-1").name, "aws");
  assertEquals(partitionOfArn("no ARN").name, "aws");
});
