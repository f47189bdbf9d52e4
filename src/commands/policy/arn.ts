/**
 * What stands in the ARNs of a policy: the target's partition, regions and
 * path, and for Amazon API Gateway the API and its stage.
 *
 * @module
 */

import { partitionOf } from "../../aws/partition.ts";
import type { Config } from "../../config/config.ts";
import { knownHost } from "../target.ts";

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

/** An API's method, but for the HTTP verb. */
export interface ApiTarget {
  readonly api: string;
  readonly stage: string;
  /** Without a slash before it. */
  readonly path: string;
  /** What had to be guessed or left open, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads an API's URL. Amazon API Gateway, "Invoke REST APIs" (the stage is the
 * path's first segment; a private API's host may hold its endpoint, too) and
 * "Stages for HTTP APIs" (the stage $default has no segment).
 *
 * @param config The target.
 * @returns What the URL tells; words in capitals stand for what it does not.
 */
export function readApi(config: Config): ApiTarget {
  const host = knownHost(config);
  const api = /^([a-z0-9]+)(?:-vpce-[a-z0-9]+)?\.execute-api(?:-fips)?\./
    .exec(host)?.[1];
  const [first = "", ...others] = pathOf(config.targetUrl).split("/");
  if (api === undefined) {
    return {
      api: "API_ID",
      stage: "STAGE",
      path: "*",
      notes: [
        `${host} does not tell the API (a custom domain, or a load balancer): ` +
        "put its ID in place of API_ID, its stage in place of STAGE, and the " +
        "path behind the domain's mapping in place of the last *",
      ],
    };
  }
  if (others.length === 0) {
    return {
      api,
      stage: "$default",
      path: first,
      // No segment is no other stage's, either.
      notes: first === "" ? [] : [
        `/${first} is taken for a path of an HTTP API's stage $default; if ` +
        `"${first}" is the stage itself, write ${first}/METHOD/ in place of ` +
        `$default/METHOD/${first}`,
      ],
    };
  }
  return {
    api,
    stage: first,
    path: others.join("/"),
    notes: [
      `"${first}" is taken for the stage; in an HTTP API with the stage ` +
      `$default, write $default/METHOD/${first}/${others.join("/")}`,
    ],
  };
}
