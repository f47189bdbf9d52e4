/**
 * What a URL of Amazon API Gateway tells: the API, its stage, the path.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import { knownHost } from "../context.ts";
import { pathOf } from "./arn.ts";

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
      stage: DEFAULT_STAGE,
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

const DEFAULT_STAGE = "$default";
