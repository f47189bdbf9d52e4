/**
 * Texts for the ARNs of a policy.
 *
 * @module
 */

import { partitionOf } from "../../aws/partition.ts";
import type { Config } from "../../config/config.ts";

/**
 * The beginnings of ARNs in the target's partition and regions.
 *
 * @param service The service, as ARNs have it.
 * @param config What is signed for.
 * @param account The account, or `*`.
 * @returns `arn:…` up to the account, once for each region of a set. A
 * wildcard in a region means in an ARN what it means in a set.
 */
export function arnStarts(
  service: string,
  { region }: Pick<Config, "region">,
  account: string,
): string[] {
  const members = [...new Set(region.split(","))];
  const regions = members.includes("*") ? ["*"] : members;
  // All of a set are of one partition; a wildcard does not tell it.
  const { name } = partitionOf(region);
  return regions.map((place) => `arn:${name}:${service}:${place}:${account}`);
}

/** A part of a URL, with its escapes undone if they can be. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * A text in which nothing stands for anything else (IAM User Guide, "IAM policy
 * elements: Variables and tags", on special characters).
 */
export function literal(text: string): string {
  return text.replace(/[*?]|\$(?=\{)/g, (character) => `\${${character}}`);
}

/** A URL's path as it stands in an ARN: without its first slash. */
export function pathOf({ pathname }: URL): string {
  return literal(decode(pathname).replace(/^\//, ""));
}
