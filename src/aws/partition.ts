/** AWS partitions: which one a region is of, and where its services are. */

export interface Partition {
  /** Its name in ARNs. */
  readonly name: string;
  readonly domain: string;
  readonly dualStackDomain: string;
  readonly signInDomain: string;
  /** The region of a service that is asked without a region. */
  readonly region: string;
}

const COMMERCIAL: Partition = {
  name: "aws",
  domain: "amazonaws.com",
  dualStackDomain: "api.aws",
  signInDomain: "signin.aws.amazon.com",
  region: "us-east-1",
};

/**
 * The others, each with how the names of its regions begin. Source:
 * partitions.json of the AWS SDKs.
 */
const OTHERS: readonly (Partition & { readonly prefix: string })[] = [
  {
    prefix: "cn-",
    name: "aws-cn",
    domain: "amazonaws.com.cn",
    dualStackDomain: "api.amazonwebservices.com.cn",
    signInDomain: "signin.amazonaws.cn",
    region: "cn-northwest-1",
  },
  {
    prefix: "us-gov-",
    name: "aws-us-gov",
    domain: "amazonaws.com",
    dualStackDomain: "api.aws",
    signInDomain: "signin.amazonaws-us-gov.com",
    region: "us-gov-west-1",
  },
  {
    prefix: "eusc-",
    name: "aws-eusc",
    domain: "amazonaws.eu",
    dualStackDomain: "api.amazonwebservices.eu",
    signInDomain: "signin.amazonaws-eusc.eu",
    region: "eusc-de-east-1",
  },
  {
    prefix: "us-iso-",
    name: "aws-iso",
    domain: "c2s.ic.gov",
    dualStackDomain: "api.aws.ic.gov",
    signInDomain: "signin.c2shome.ic.gov",
    region: "us-iso-east-1",
  },
  {
    prefix: "us-isob-",
    name: "aws-iso-b",
    domain: "sc2s.sgov.gov",
    dualStackDomain: "api.aws.scloud",
    signInDomain: "signin.sc2shome.sgov.gov",
    region: "us-isob-east-1",
  },
  {
    prefix: "eu-isoe-",
    name: "aws-iso-e",
    domain: "cloud.adc-e.uk",
    dualStackDomain: "api.cloud-aws.adc-e.uk",
    signInDomain: "signin.csphome.adc-e.uk",
    region: "eu-isoe-west-1",
  },
  {
    prefix: "us-isof-",
    name: "aws-iso-f",
    domain: "csp.hci.ic.gov",
    dualStackDomain: "api.aws.hci.ic.gov",
    signInDomain: "signin.csphome.hci.ic.gov",
    region: "us-isof-south-1",
  },
];

export const PARTITIONS: readonly Partition[] = [COMMERCIAL, ...OTHERS];

/** The partition of a region, or of the first in a set; unknown: `aws`. */
export function partitionOf(region: string): Partition {
  return OTHERS.find(({ prefix }) => region.startsWith(prefix)) ?? COMMERCIAL;
}

/** The first partition whose domain a host has; unknown: `aws`. */
export function partitionOfHost(host: string): Partition {
  return PARTITIONS.find(({ domain, dualStackDomain }) =>
    [domain, dualStackDomain, dualStackDomain.replace(/^api\./, "on.")]
      .some((known) => host.endsWith(`.${known}`))
  ) ?? COMMERCIAL;
}

/** The partition of an ARN; unknown: `aws`. */
export function partitionOfArn(arn: string): Partition {
  const [, name] = arn.split(":");
  return PARTITIONS.find((known) => known.name === name) ?? COMMERCIAL;
}

/**
 * The one region to ask of a region or a set: the first without wildcards, else
 * the usual one of the partition.
 */
export function oneRegion(region: string): string {
  return region.split(",").find((member) => /^[a-z0-9-]+$/.test(member)) ??
    partitionOf(region).region;
}
