/** Credentials of the role of the EC2 instance: its metadata service. */

import {
  lacking,
  type Need,
  netNeed,
  notGranted,
  portOf,
} from "../../../permissions.ts";
import {
  demandEnv,
  type Found,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import type { Credentials } from "../types.ts";
import { messageOf } from "../../../errors.ts";
import { withLimit } from "../../../time.ts";
import { askHost, hostKeys, hostLimitMs, type HostReply } from "./host.ts";

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

/** The service is there, and has no role to give. */
class NoRoleError extends Error {}

/** The instance metadata service. One is kept as long as its source. */
export class InstanceMetadata {
  /** Handed out once more through an outage. */
  #last: Credentials | undefined;

  async credentials(search: Search): Promise<Found> {
    if (isDisabled(search)) return "AWS_EC2_METADATA_DISABLED is true";
    demandEnv(search, METADATA_VARIABLES, "find the metadata service");
    const url = metadataUrl(search);
    if (url === undefined) {
      const what = "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL";
      throw sourceFailed(search, what);
    }
    const missing = notGranted(instanceNeeds(search));
    if (missing.length > 0) return lacking(missing);
    if (this.#last === undefined && !await isListening(search, url)) {
      return `nothing listens at ${url.host}`;
    }
    try {
      this.#last = await roleCredentials(search, url);
      const end = this.#last.expiration?.getTime() ?? Infinity;
      return end > search.now()
        ? this.#last
        : this.#extended(search, this.#last);
    } catch (error) {
      if (this.#last !== undefined) return this.#extended(search, this.#last);
      if (error instanceof NoRoleError) return error.message;
      throw sourceFailed(
        search,
        `${url.host}: ${
          messageOf(error)
        }; in a container the instance's hop limit must be 2`,
      );
    }
  }

  /** The last ones, which the service may take for longer than it said. */
  #extended(search: Search, last: Credentials): Credentials {
    search.log.warn(
      "the metadata service gives no new credentials: the last " +
        "ones stay in use",
    );
    const end = last.expiration?.getTime() ?? Infinity;
    const extended = search.now() + EXTENSION_MS;
    return { ...last, expiration: new Date(Math.max(end, extended)) };
  }
}

/** The permissions for that: none where it is not asked. */
export function instanceNeeds(query: SourceQuery): Need[] {
  const url = isDisabled(query) ? undefined : metadataUrl(query);
  return url === undefined ? [] : [netNeed(url, "ask the metadata service")];
}

function isDisabled({ env }: SourceQuery): boolean {
  return env("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true";
}

/** Version 2 of the service, or version 1 where it knows no other. */
async function roleCredentials(
  search: Search,
  url: URL,
): Promise<Credentials> {
  const textOf = ({ status, text }: HostReply): string => {
    if (status === 200) return text;
    throw NO_ROLE.includes(status)
      ? new NoRoleError(`${url.host} has no role to give (${status})`)
      : new Error(`it answers with an error (${status})`);
  };
  const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": "21600" };
  const token = await askHost(search, new URL(TOKEN_PATH, url), ttl, "PUT")
    .catch(() => undefined);
  const isOld = token === undefined || NO_TOKEN.includes(token.status);
  if (isOld && isVersion1Off(search)) {
    throw new Error("it has no version 2, and version 1 is disabled");
  }
  const headers: Record<string, string> = isOld
    ? {}
    : { "x-aws-ec2-metadata-token": textOf(token) };
  const read = async (path: string): Promise<string> => {
    const ask = () => askHost(search, new URL(path, url), headers);
    const reply = await ask();
    return textOf(reply.status >= 500 ? await ask() : reply);
  };
  const role = (await read(ROLE_PATH)).trim();
  const found = hostKeys(await read(ROLE_PATH + encodeURIComponent(role)));
  if (found !== undefined) return found;
  throw new Error("it gave no credentials");
}

function isVersion1Off({ env, settings }: Search): boolean {
  const disabled = env("AWS_EC2_METADATA_V1_DISABLED") ??
    settings?.get("ec2_metadata_v1_disabled");
  return disabled?.toLowerCase() === "true";
}

function metadataUrl({ env, settings }: SourceQuery): URL | undefined {
  const mode = env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ??
    settings?.get("ec2_metadata_service_endpoint_mode");
  const endpoint = env("AWS_EC2_METADATA_SERVICE_ENDPOINT") ??
    settings?.get("ec2_metadata_service_endpoint") ??
    (mode?.toLowerCase() === "ipv6"
      ? METADATA_HOSTS.IPv6
      : METADATA_HOSTS.IPv4);
  const url = URL.parse(endpoint);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Whether anything listens there: most machines are no EC2 instance. */
async function isListening(query: SourceQuery, url: URL): Promise<boolean> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  try {
    await withLimit(hostLimitMs(query), async (signal) => {
      (await Deno.connect({ hostname, port: portOf(url), signal })).close();
    });
    return true;
  } catch {
    return false;
  }
}
