/**
 * Where the services are that give out credentials: STS, the SSO portal and its
 * token service, sign-in.
 *
 * @module
 */

import type { Settings } from "../../shared_files/settings.ts";
import type { ReadEnv } from "../../shared_files/paths.ts";
import { partitionOf } from "../../partition.ts";

/** How their hosts begin, by the names that variables have for the services. */
const HOST_PREFIXES = {
  STS: "sts",
  SSO: "portal.sso",
  SSO_OIDC: "oidc",
  SIGNIN: "signin",
};

/** A service, as variables name it: `AWS_ENDPOINT_URL_…`. */
export type TokenService = keyof typeof HOST_PREFIXES;

/** What the profile concerned says of endpoints. */
export interface EndpointSettings {
  readonly profile?: Settings;
  readonly services?: ReadonlyMap<string, Settings>;
}

/**
 * The endpoint that is configured. AWS SDKs and Tools Reference Guide,
 * "Service-specific endpoints": the variables before the profile, the service's
 * own before the general one.
 */
export function configuredEndpoint(
  env: ReadEnv,
  service: TokenService,
  { profile, services }: EndpointSettings,
): string | undefined {
  const ignored = env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ||
    profile?.get("ignore_configured_endpoint_urls");
  if (ignored?.toLowerCase() === "true") return undefined;
  const own = services?.get(profile?.get("services") ?? "");
  return env(`AWS_ENDPOINT_URL_${service}`) || env("AWS_ENDPOINT_URL") ||
    own?.nested(service.toLowerCase())?.get("endpoint_url") ||
    profile?.get("endpoint_url") || undefined;
}

/**
 * The URL of a service. Source of the usual ones: the endpoint rules of the AWS
 * SDKs.
 *
 * @returns `undefined` if what is configured is no URL.
 */
export function serviceUrl(
  env: ReadEnv,
  service: TokenService,
  region: string,
  settings: EndpointSettings,
): URL | undefined {
  const text = configuredEndpoint(env, service, settings) ??
    usualEndpoint(env, service, region, settings.profile);
  return URL.parse(text) ?? undefined;
}

function usualEndpoint(
  env: ReadEnv,
  service: TokenService,
  region: string,
  profile: Settings | undefined,
): string {
  const isSet = (name: string) =>
    (env(`AWS_${name.toUpperCase()}`) || profile?.get(name))
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
 * The first of some names that is a region by itself. A region set
 * (`us-east-1,us-west-2`, `*`) is none that a service is in.
 */
export function firstRegion(
  names: readonly (string | undefined)[],
): string | undefined {
  return names.find((name) => name !== undefined && /^[\w-]+$/.test(name));
}
