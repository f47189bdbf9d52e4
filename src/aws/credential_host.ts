/**
 * Credentials that the machine underneath hands out: the container endpoint of
 * ECS and EKS, the instance metadata service of EC2.
 *
 * @module
 */

import { loadSdk } from "./credential_http.ts";
import type { Settings } from "./credential_files.ts";
import { type Need, notGranted, portOf } from "./credential_permissions.ts";
import {
  demand,
  lacking,
  type Search,
  sourceFailed,
} from "./credential_search.ts";
import type { Credentials } from "./credentials.ts";
import { limitedFile } from "./limited_text.ts";

/** As the AWS CLI and the SDKs have it. */
const METADATA_LIMIT_MS = 1_000;

const CONTAINER_HOST = "http://169.254.170.2";
const METADATA_HOSTS = {
  IPv4: "http://169.254.169.254",
  IPv6: "http://[fd00:ec2::254]",
};

/** Answers of a metadata service that has no role to give, or is no AWS one. */
const NO_ROLE = [400, 403, 404, 405];

type Provider = () => Promise<Credentials>;

/** Credentials, or why there are none. */
export type HostAnswer = Credentials | { readonly outcome: string };

/**
 * Credentials of the container that the program runs in.
 *
 * @returns `undefined` outside of one.
 * @throws {CredentialsError} The endpoint refused or was not reached.
 */
export async function containerCredentials(
  search: Search,
): Promise<Credentials | undefined> {
  const source = "container";
  const { env } = search;
  const relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const endpoint = relative === undefined ? full : CONTAINER_HOST + relative;
  if (endpoint === undefined) return undefined;
  if (!URL.canParse(endpoint)) {
    throw sourceFailed(
      search,
      source,
      "AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL",
    );
  }
  const url = new URL(endpoint);
  const token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const tokenFile = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  search.redactor.addCredential(token);
  demand(search, source, [
    netNeed(url, "ask the container's endpoint"),
    ...tokenFile === undefined ? [] : [readNeed(tokenFile)],
  ]);
  if (tokenFile !== undefined) await noteToken(search, source, tokenFile);
  const sdk = await loadSdk(search, source);
  const ask = () =>
    sdk.fromHttp({
      awsContainerCredentialsRelativeUri: relative,
      awsContainerCredentialsFullUri: full,
      awsContainerAuthorizationToken: token,
      awsContainerAuthorizationTokenFile: tokenFile,
      timeout: METADATA_LIMIT_MS,
      // Its own tries repeat refusals too, each a second after the other.
      maxRetries: 0,
      logger: quietLogger(search),
    })();
  try {
    return await ask().catch((error) => {
      if (/status: 4\d\d/.test(messageOf(error))) throw error;
      return ask();
    });
  } catch (error) {
    const said = [field(error, "Code"), field(error, "Message")]
      .filter((part) => typeof part === "string");
    throw sourceFailed(
      search,
      source,
      `${url.origin}${url.pathname}: ${[messageOf(error), ...said].join(": ")}`,
    );
  }
}

/** The instance metadata service. One is kept as long as its source. */
export class InstanceMetadata {
  // Kept, so that it can hand out its last credentials through an outage.
  #provider: Provider | undefined;

  /**
   * Credentials of the role of the EC2 instance.
   *
   * @param search What the search shares.
   * @param profile The profile in use: it may say where the service is.
   * @returns The credentials, or why there are none.
   * @throws {CredentialsError} The service is there but fails.
   */
  async credentials(search: Search, profile?: Settings): Promise<HostAnswer> {
    const source = "instance";
    const disabled = search.env("AWS_EC2_METADATA_DISABLED");
    if (disabled?.toLowerCase() === "true") {
      return { outcome: "AWS_EC2_METADATA_DISABLED is true" };
    }
    const url = metadataUrl(search, profile);
    if (url === undefined) {
      throw sourceFailed(
        search,
        source,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL",
      );
    }
    const missing = notGranted([netNeed(url, "ask the metadata service")]);
    if (missing.length > 0) return { outcome: lacking(missing) };
    if (!await isListening(url)) {
      return { outcome: `nothing listens at ${url.host}` };
    }
    const sdk = await loadSdk(search, source);
    this.#provider ??= sdk.fromInstanceMetadata({
      timeout: METADATA_LIMIT_MS,
      logger: quietLogger(search),
    });
    try {
      return await this.#provider();
    } catch (error) {
      const status = field(error, "statusCode");
      if (typeof status === "number" && NO_ROLE.includes(status)) {
        return { outcome: `${url.host} has no role to give (${status})` };
      }
      throw sourceFailed(
        search,
        source,
        `${url.host}: ${messageOf(error)}${
          status === undefined ? "" : ` (${status})`
        }; in a container the instance's hop limit must be 2`,
      );
    }
  }
}

function metadataUrl(
  { env }: Search,
  profile: Settings | undefined,
): URL | undefined {
  const mode = env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ??
    profile?.get("ec2_metadata_service_endpoint_mode");
  const endpoint = env("AWS_EC2_METADATA_SERVICE_ENDPOINT") ??
    profile?.get("ec2_metadata_service_endpoint") ??
    (mode === "IPv6" ? METADATA_HOSTS.IPv6 : METADATA_HOSTS.IPv4);
  return URL.canParse(endpoint) ? new URL(endpoint) : undefined;
}

/**
 * Whether anything listens there. The SDK alone would take two seconds, and
 * 25 ms of loading, to find out that this is no EC2 instance.
 */
async function isListening(url: URL): Promise<boolean> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), METADATA_LIMIT_MS);
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

async function noteToken(
  search: Search,
  source: string,
  tokenFile: string,
): Promise<void> {
  try {
    const token = await limitedFile(tokenFile);
    search.redactor.addCredential(token.trim());
  } catch {
    throw sourceFailed(
      search,
      source,
      `the token file ${tokenFile} (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) ` +
        "cannot be read",
    );
  }
}

function netNeed(url: URL, why: string): Need {
  return { kind: "net", value: `${url.hostname}:${portOf(url)}`, why };
}

function readNeed(tokenFile: string): Need {
  return { kind: "read", value: tokenFile, why: "read the container's token" };
}

/** What the SDK wants to say goes to the log, not to the console. */
function quietLogger({ log, redactor }: Search): Record<
  "debug" | "info" | "warn" | "error",
  (...parts: unknown[]) => void
> {
  const warn = (...parts: unknown[]) =>
    log.warn(redactor.redact(parts.map(String).join(" ")));
  return { debug() {}, info() {}, warn, error: warn };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Reflect.get(value, name);
}
