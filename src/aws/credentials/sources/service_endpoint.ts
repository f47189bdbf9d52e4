/**
 * Where the services are that give out credentials: STS, the SSO portal and its
 * token service, sign-in.
 */

import { partitionOf } from "../../partition.ts";
import type { SourceQuery } from "../search.ts";

/** How their hosts begin, by the names that variables have for the services. */
const HOST_PREFIXES = {
  STS: "sts",
  SSO: "portal.sso",
  SSO_OIDC: "oidc",
  SIGNIN: "signin",
};

/** A service, as variables name it: `AWS_ENDPOINT_URL_…`. */
export type TokenService = keyof typeof HOST_PREFIXES;

/**
 * The endpoint that is configured. AWS SDKs and Tools Reference Guide,
 * "Service-specific endpoints": the variables before the profile, the service's
 * own before the general one.
 */
export function configuredEndpoint(
  { env, settings, files }: SourceQuery,
  service: TokenService,
): string | undefined {
  const ignored = env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ||
    settings?.get("ignore_configured_endpoint_urls");
  if (ignored?.toLowerCase() === "true") return undefined;
  const own = files?.services.get(settings?.get("services") ?? "");
  return env(`AWS_ENDPOINT_URL_${service}`) || env("AWS_ENDPOINT_URL") ||
    own?.nested(service.toLowerCase())?.get("endpoint_url") ||
    settings?.get("endpoint_url") || undefined;
}

/**
 * The URL of a service. Source of the usual ones: the endpoint rules of the AWS
 * SDKs.
 *
 * @returns `undefined` if what is configured is no URL.
 */
export function serviceUrl(
  query: SourceQuery,
  service: TokenService,
  region: string,
): URL | undefined {
  const text = configuredEndpoint(query, service) ??
    usualEndpoint(query, service, region);
  return URL.parse(text) ?? undefined;
}

function usualEndpoint(
  { env, settings }: SourceQuery,
  service: TokenService,
  region: string,
): string {
  const isSet = (name: string) =>
    (env(`AWS_${name.toUpperCase()}`) || settings?.get(name))
      ?.toLowerCase() === "true";
  const isFips = isSet("use_fips_endpoint");
  const isDualStack = isSet("use_dualstack_endpoint");
  const { name, domain, dualStackDomain, signInDomain } = partitionOf(region);
  if (service === "SIGNIN" && !isFips && !isDualStack) {
    return `https://${region}.${signInDomain}`;
  }
  // GovCloud's own are FIPS endpoints as they are.
  const isOwnFips = name === "aws-us-gov" && service !== "SIGNIN" &&
    !isDualStack;
  const prefix = HOST_PREFIXES[service] + (isFips && !isOwnFips ? "-fips" : "");
  return `https://${prefix}.${region}.${
    isDualStack ? dualStackDomain : domain
  }`;
}

/**
 * The region to ask a service in: that of the role or the token, of the
 * profile, of whoever asks, of the environment. A region set
 * (`us-east-1,us-west-2`, `*`) is none that a service is in.
 */
export function serviceRegion(
  { env, settings, region }: SourceQuery,
  own: string | undefined,
): string | undefined {
  return [
    own,
    settings?.get("region"),
    region,
    env("AWS_REGION"),
    env("AWS_DEFAULT_REGION"),
  ].find((name) => name !== undefined && /^[\w-]+$/.test(name));
}
