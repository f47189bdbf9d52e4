/**
 * Credentials of the role of the EC2 instance: its metadata service.
 *
 * @module
 */

import {
  lacking,
  type Need,
  netNeed,
  notGranted,
  portOf,
} from "../../../permissions.ts";
import { parseRecord, textIn } from "../../json.ts";
import type { Settings } from "../../shared_files/settings.ts";
import {
  demandEnv,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import type { Credentials } from "../types.ts";
import { askHost, HOST_LIMIT_MS, type HostReply } from "./http.ts";
import { parseTimestamp } from "./timestamp.ts";

const METADATA_VARIABLES = [
  "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
  "AWS_EC2_METADATA_V1_DISABLED",
];
const METADATA_HOSTS = {
  IPv4: "http://169.254.169.254",
  IPv6: "http://[fd00:ec2::254]",
};

const ROLE_PATH = "/latest/meta-data/iam/security-credentials/";
const TOKEN_PATH = "/latest/api/token";

/** Answers of a metadata service that has no role to give, or is no AWS one. */
const NO_ROLE = [400, 403, 404, 405];

/** Answers of one that knows no version 2. */
const NO_TOKEN = [403, 404, 405];

/** Credentials that could not be renewed are used for this much longer. */
const EXTENSION_MS = 5 * 60_000;

/** Credentials, or why there are none. */
export type HostAnswer = Credentials | { readonly outcome: string };

/** The instance metadata service. One is kept as long as its source. */
export class InstanceMetadata {
  /** Handed out once more through an outage. */
  #last: Credentials | undefined;

  /**
   * Credentials of the role of the EC2 instance.
   *
   * @param profile The profile in use: it may say where the service is.
   * @returns The credentials, or why there are none.
   * @throws {CredentialsError} The service is there but fails.
   */
  async credentials(search: Search, profile?: Settings): Promise<HostAnswer> {
    if (isDisabled(search)) {
      return { outcome: "AWS_EC2_METADATA_DISABLED is true" };
    }
    demandEnv(search, METADATA_VARIABLES, "find the metadata service");
    const url = metadataUrl(search, profile);
    if (url === undefined) {
      throw sourceFailed(
        search,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL",
      );
    }
    const missing = notGranted(instanceNeeds(search, profile));
    if (missing.length > 0) return { outcome: lacking(missing) };
    if (this.#last === undefined && !await isListening(url)) {
      return { outcome: `nothing listens at ${url.host}` };
    }
    try {
      const found = await roleCredentials(search, url, profile);
      if ("outcome" in found) return this.#extended(search) ?? found;
      this.#last = found;
      const end = found.expiration?.getTime() ?? Infinity;
      return end > search.now() ? found : this.#extended(search) ?? found;
    } catch (error) {
      const extended = this.#extended(search);
      if (extended !== undefined) return extended;
      const why = error instanceof Error ? error.message : error;
      throw sourceFailed(
        search,
        `${url.host}: ${why}; in a container the instance's hop limit must be 2`,
      );
    }
  }

  /** The last ones, which the service may take for longer than it said. */
  #extended(search: Search): Credentials | undefined {
    if (this.#last === undefined) return undefined;
    search.log.warn(
      "the metadata service gives no new credentials: the last " +
        "ones stay in use",
    );
    const end = this.#last.expiration?.getTime() ?? Infinity;
    const extended = search.now() + EXTENSION_MS;
    return { ...this.#last, expiration: new Date(Math.max(end, extended)) };
  }
}

/** The permissions for that: none where it is not asked. */
export function instanceNeeds(query: SourceQuery, profile?: Settings): Need[] {
  const url = isDisabled(query) ? undefined : metadataUrl(query, profile);
  return url === undefined ? [] : [netNeed(url, "ask the metadata service")];
}

function isDisabled({ env }: SourceQuery): boolean {
  return env("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true";
}

/** Version 2 of the service, or version 1 where it knows no other. */
async function roleCredentials(
  search: Search,
  url: URL,
  profile: Settings | undefined,
): Promise<HostAnswer> {
  const ask = (path: string, method?: "PUT", headers = {}) =>
    askHost(new URL(path, url), headers, method);
  const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": "21600" };
  const token = await ask(TOKEN_PATH, "PUT", ttl).catch(() => undefined);
  const isOld = token === undefined || NO_TOKEN.includes(token.status);
  if (!isOld && token.status !== 200) {
    if (NO_ROLE.includes(token.status)) return noRole(url, token.status);
    throw new Error(`it answers with an error (${token.status})`);
  }
  if (isOld && isVersion1Off(search, profile)) {
    throw new Error("it has no version 2, and version 1 is disabled");
  }
  const headers = isOld ? {} : { "x-aws-ec2-metadata-token": token.text };
  const read = async (path: string): Promise<HostReply> => {
    const reply = await ask(path, undefined, headers);
    return reply.status >= 500 ? await ask(path, undefined, headers) : reply;
  };
  const role = await read(ROLE_PATH);
  if (NO_ROLE.includes(role.status)) return noRole(url, role.status);
  const name = encodeURIComponent(role.text.trim());
  const reply = role.status === 200 ? await read(ROLE_PATH + name) : role;
  if (NO_ROLE.includes(reply.status)) return noRole(url, reply.status);
  if (reply.status !== 200) {
    throw new Error(`it answers with an error (${reply.status})`);
  }
  const found = hostKeys(reply.text);
  if (found !== undefined) return found;
  throw new Error("it gave no credentials");
}

function noRole(url: URL, status: number): HostAnswer {
  return { outcome: `${url.host} has no role to give (${status})` };
}

function isVersion1Off(
  { env }: Search,
  profile: Settings | undefined,
): boolean {
  const disabled = env("AWS_EC2_METADATA_V1_DISABLED") ??
    profile?.get("ec2_metadata_v1_disabled");
  return disabled?.toLowerCase() === "true";
}

/** Keys as the container and the instance hand them out. */
export function hostKeys(text: string): Credentials | undefined {
  const body = parseRecord(text) ?? {};
  const accessKeyId = textIn(body, "AccessKeyId");
  const secretAccessKey = textIn(body, "SecretAccessKey");
  const sessionToken = textIn(body, "Token");
  const expiration = parseTimestamp(body.Expiration);
  const isTimeWrong = expiration === undefined &&
    (body.Expiration ?? undefined) !== undefined;
  if (!accessKeyId || !secretAccessKey || isTimeWrong) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

function metadataUrl(
  { env }: SourceQuery,
  profile: Settings | undefined,
): URL | undefined {
  const mode = env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ??
    profile?.get("ec2_metadata_service_endpoint_mode");
  const endpoint = env("AWS_EC2_METADATA_SERVICE_ENDPOINT") ??
    profile?.get("ec2_metadata_service_endpoint") ??
    (mode?.toLowerCase() === "ipv6"
      ? METADATA_HOSTS.IPv6
      : METADATA_HOSTS.IPv4);
  const url = URL.parse(endpoint);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Whether anything listens there: most machines are no EC2 instance. */
async function isListening(url: URL): Promise<boolean> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), HOST_LIMIT_MS);
  try {
    const connection = await Deno.connect({
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: portOf(url),
      signal: limit.signal,
    });
    connection.close();
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
