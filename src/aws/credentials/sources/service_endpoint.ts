/**
 * Where the services are that give out credentials: STS, the SSO portal and its
 * token service, sign-in.
 *
 * @module
 */

import type { Settings } from "../../shared_files/settings.ts";
import type { ReadEnv } from "../../shared_files/paths.ts";
import { partitionOf } from "../../partition.ts";

/** A service, as variables name it: `AWS_ENDPOINT_URL_…`. */
export type TokenService = "STS" | "SSO" | "SSO_OIDC" | "SIGNIN";

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
 * @throws {TypeError} What is configured is no URL.
 */
export function serviceUrl(
  env: ReadEnv,
  service: TokenService,
  region: string,
  settings: EndpointSettings,
): URL {
  const configured = configuredEndpoint(env, service, settings);
  if (configured !== undefined) return new URL(configured);
  const isSet = (name: string) =>
    (env(`AWS_${name.toUpperCase()}`) || settings.profile?.get(name))
      ?.toLowerCase() === "true";
  const isFips = isSet("use_fips_endpoint");
  const isDualStack = isSet("use_dualstack_endpoint");
  const { name, domain, dualStackDomain, signInDomain } = partitionOf(region);
  const suffix = isDualStack ? dualStackDomain : domain;
  if (service === "SIGNIN" && !isFips && !isDualStack) {
    return new URL(`https://${region}.${signInDomain}`);
  }
  const prefix = {
    STS: "sts",
    SSO: "portal.sso",
    SSO_OIDC: "oidc",
    SIGNIN: "signin",
  };
  // GovCloud's own are FIPS endpoints as they are.
  const isOwnFips = name === "aws-us-gov" && service !== "SIGNIN" &&
    !isDualStack;
  const fips = isFips && !isOwnFips ? "-fips" : "";
  return new URL(`https://${prefix[service]}${fips}.${region}.${suffix}`);
}
