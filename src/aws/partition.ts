/** AWS partitions: which one a region is of, and where its services are. */

export interface Partition {
  /** Its name in ARNs. */
  readonly name: string;
  /** The region of a service that is asked without a region. */
  readonly region: string;
  /** How the names of its regions begin. */
  readonly prefix: string;
  readonly domain: string;
  readonly dualStackDomain: string;
  readonly signInDomain: string;
}

/** The first has all other regions. Source: partitions.json of the AWS SDKs. */
export const PARTITIONS: readonly Partition[] = `
aws us-east-1 ?
  amazonaws.com api.aws signin.aws.amazon.com
aws-cn cn-northwest-1 cn-
  amazonaws.com.cn api.amazonwebservices.com.cn signin.amazonaws.cn
aws-us-gov us-gov-west-1 us-gov-
  amazonaws.com api.aws signin.amazonaws-us-gov.com
aws-eusc eusc-de-east-1 eusc-
  amazonaws.eu api.amazonwebservices.eu signin.amazonaws-eusc.eu
aws-iso us-iso-east-1 us-iso-
  c2s.ic.gov api.aws.ic.gov signin.c2shome.ic.gov
aws-iso-b us-isob-east-1 us-isob-
  sc2s.sgov.gov api.aws.scloud signin.sc2shome.sgov.gov
aws-iso-e eu-isoe-west-1 eu-isoe-
  cloud.adc-e.uk api.cloud-aws.adc-e.uk signin.csphome.adc-e.uk
aws-iso-f us-isof-south-1 us-isof-
  csp.hci.ic.gov api.aws.hci.ic.gov signin.csphome.hci.ic.gov
`.trim().split(/\n(?! )/).map((row) => {
  const [name, region, prefix, domain, dualStackDomain, signInDomain] = row
    .split(/\s+/);
  return { name, region, prefix, domain, dualStackDomain, signInDomain };
});

const [COMMERCIAL, ...OTHERS] = PARTITIONS;

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
