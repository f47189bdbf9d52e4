/**
 * A target and the statements of its policy, and what both are made with.
 */

import { partitionOf, partitionOfHost } from "../partition.ts";
import type { OptionNames } from "../../naming.ts";

/** What of a configuration says what a target asks for. */
export interface PolicyTarget {
  readonly targetUrl: URL;
  readonly service: string;
  readonly region: string;
  /** `sse` for HTTP+SSE of 2024. */
  readonly transport: string;
  readonly readOnly: boolean;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly signHost?: string;
}

type OneOrMore = string | readonly string[];

export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: OneOrMore;
  readonly Resource: OneOrMore;
  readonly Condition?: {
    readonly [operator: string]: { readonly [key: string]: OneOrMore };
  };
}

/** The statements for a target, and what a person has to know of them. */
export interface TargetPolicy {
  readonly statements: readonly Statement[];
  /** What stands for something that the URL does not tell, a sentence each. */
  readonly notes: readonly string[];
}

export interface Target {
  readonly config: PolicyTarget;
  readonly url: URL;
  readonly host: string;
  /** Its path as it stands in an ARN: without the first slash. */
  readonly path: string;
  /** The account of the resource where the URL tells none; `*` for any. */
  readonly account: string;
  /** Whether it names the path of the messages itself (HTTP+SSE of 2024). */
  readonly isSse: boolean;
  readonly names: OptionNames;
}

/** Makes the policy of a service; `undefined` where the target is none of it. */
export type PolicyMaker = (target: Target) => TargetPolicy | undefined;

export const NO_RESOURCES =
  "the service has no resources to name: Resource is *";

export function allow(
  Sid: string,
  Action: OneOrMore,
  Resource: OneOrMore,
  Condition?: Statement["Condition"],
): Statement {
  const statement = { Sid, Effect: "Allow", Action, Resource } as const;
  return Condition === undefined ? statement : { ...statement, Condition };
}

/** A policy of one statement, with those of the notes that hold. */
export function allowing(
  sid: string,
  action: OneOrMore,
  resource: OneOrMore,
  ...notes: readonly (string | false)[]
): TargetPolicy {
  const statements = [allow(sid, action, resource)];
  return { statements, notes: notes.filter((note) => note !== false) };
}

type ArnScope = Pick<Target, "config" | "host" | "account">;

/** One resource, or of a set of regions one in each. */
export function inEachRegion(
  service: string,
  target: ArnScope,
  rest: string,
): OneOrMore {
  const arns = arnStarts(service, target).map((arn) => `${arn}:${rest}`);
  return arns.length === 1 ? arns[0] : arns;
}

/**
 * The beginnings of ARNs, up to the account, in the target's partition and
 * regions. A wildcard in a region means in an ARN what it means in a set.
 */
export function arnStarts(
  service: string,
  { config: { region }, host, account }: ArnScope,
): string[] {
  const members = [...new Set(region.split(","))];
  const regions = members.includes("*") ? ["*"] : members;
  // All of a set are of one partition; a wildcard does not tell it.
  const { name } = region.startsWith("*")
    ? partitionOfHost(host)
    : partitionOf(region);
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
