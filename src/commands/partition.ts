/**
 * AWS partitions: which one a region is of, and where its services are.
 *
 * @module
 */

/** A partition. */
export interface Partition {
  /** Its name in ARNs. */
  readonly name: string;
  /** The domain of its services. */
  readonly domain: string;
  /** The region of a service that is asked without a region. */
  readonly region: string;
}

const COMMERCIAL: Partition = {
  name: "aws",
  domain: "amazonaws.com",
  region: "us-east-1",
};

/** By the beginning of a region's name. Source: partitions.json of the AWS SDKs. */
const PARTITIONS: readonly (readonly [prefix: string, Partition])[] = [
  ["cn-", {
    name: "aws-cn",
    domain: "amazonaws.com.cn",
    region: "cn-northwest-1",
  }],
  ["us-gov-", {
    name: "aws-us-gov",
    domain: "amazonaws.com",
    region: "us-gov-west-1",
  }],
  ["eusc-", {
    name: "aws-eusc",
    domain: "amazonaws.eu",
    region: "eusc-de-east-1",
  }],
  ["us-iso-", {
    name: "aws-iso",
    domain: "c2s.ic.gov",
    region: "us-iso-east-1",
  }],
  ["us-isob-", {
    name: "aws-iso-b",
    domain: "sc2s.sgov.gov",
    region: "us-isob-east-1",
  }],
  ["eu-isoe-", {
    name: "aws-iso-e",
    domain: "cloud.adc-e.uk",
    region: "eu-isoe-west-1",
  }],
  ["us-isof-", {
    name: "aws-iso-f",
    domain: "csp.hci.ic.gov",
    region: "us-isof-south-1",
  }],
];

/**
 * The partition of a region.
 *
 * @param region A region, or a region set.
 * @returns The partition of its first member; the commercial one, if it is of
 * none that is known.
 */
export function partitionOf(region: string): Partition {
  const found = PARTITIONS.find(([prefix]) => region.startsWith(prefix));
  return found?.[1] ?? COMMERCIAL;
}

/**
 * The one region to ask of a configured region, which may be a set.
 *
 * @param region A region or a region set.
 * @returns Its first plain member; the partition's usual region, if all have
 * wildcards.
 */
export function oneRegion(region: string): string {
  return region.split(",").find((member) => /^[a-z0-9-]+$/.test(member)) ??
    partitionOf(region).region;
}
