/**
 * Credentials that the machine underneath hands out: the container endpoint of
 * ECS and EKS, the instance metadata service of EC2.
 *
 * @module
 */

import { followParents } from "../../shared_files/paths.ts";
import type { Settings } from "../../shared_files/settings.ts";
import { lacking } from "../../../permissions.ts";
import type { Credentials } from "../types.ts";
import {
  type Need,
  netNeed,
  notGranted,
  portOf,
} from "../../../permissions.ts";
import {
  demand,
  demandEnv,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { demandPlain } from "../text.ts";
import { limitedFile } from "../../../limited_text.ts";
import { parseRecord, textIn } from "../../json.ts";
import { type Answer, askHost } from "./http.ts";
import { parseTimestamp } from "./timestamp.ts";

/** As the AWS CLI and the SDKs have it. */
const METADATA_LIMIT_MS = 1_000;

const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const CONTAINER_HOST = "http://169.254.170.2";
const METADATA_VARIABLES = [
  "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
  "AWS_EC2_METADATA_V1_DISABLED",
];
const METADATA_HOSTS = {
  IPv4: "http://169.254.169.254",
  IPv6: "http://[fd00:ec2::254]",
};

/** Hosts that may be asked, and shown the token, without TLS. */
const PLAIN_HOSTS =
  /^(?:169\.254\.170\.(?:2|23)|\[fd00:ec2::23\]|localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/;

const ROLE_PATH = "/latest/meta-data/iam/security-credentials/";
const TOKEN_PATH = "/latest/api/token";

/** Answers of a metadata service that has no role to give, or is no AWS one. */
const NO_ROLE = [400, 403, 404, 405];

/** Answers of one that knows no version 2. */
const NO_TOKEN = [403, 404, 405];

/** Credentials that could not be renewed are used for this much longer. */
const EXTENSION_MS = 5 * 60_000;

type Reply = Pick<Answer, "status" | "text">;

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
  const endpoint = containerEndpoint(search);
  if (endpoint === undefined) return undefined;
  const fail = (what: string) => sourceFailed(search, what);
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw fail("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL");
  }
  demand(search, containerNeeds(search) ?? []);
  const where = `${url.origin}${url.pathname}`;
  if (url.protocol === "http:" && !PLAIN_HOSTS.test(url.hostname)) {
    throw fail(
      `${where}: URL not accepted: it must be of https, of this machine, or ` +
        "of ECS or EKS",
    );
  }
  const token = await containerToken(search);
  const headers: Record<string, string> = {
    accept: "application/json",
    ...token === undefined ? {} : { authorization: token },
  };
  const ask = () => askHost(url, { headers, timeoutMs: METADATA_LIMIT_MS });
  let reply: Reply;
  try {
    reply = await ask().catch(ask);
    if (reply.status >= 500) reply = await ask();
  } catch (error) {
    throw fail(`${where}: ${messageOf(error)}`);
  }
  const found = reply.status === 200 ? credentialsIn(reply.text) : undefined;
  if (found !== undefined) return found;
  if (reply.status === 200) throw fail(`${where} gave no credentials`);
  const body = parseRecord(reply.text) ?? {};
  const said = [
    `status: ${reply.status}`,
    textIn(body, "Code") ?? textIn(body, "code"),
    textIn(body, "Message") ?? textIn(body, "message"),
  ].filter((part) => part !== undefined);
  throw fail(`${where}: ${said.join(": ")}`);
}

/** The permissions for that; `undefined` outside of a container. */
export function containerNeeds(query: SourceQuery): Need[] | undefined {
  const endpoint = containerEndpoint(query);
  if (endpoint === undefined) return undefined;
  const url = URL.parse(endpoint);
  const tokenFile = tokenFileOf(query);
  const needs: Need[] = [];
  if (url !== null) needs.push(netNeed(url, "ask the container's endpoint"));
  if (tokenFile !== undefined) {
    needs.push({
      kind: "read",
      value: tokenFile,
      why: "read the container's token",
    });
  }
  return needs;
}

function tokenFileOf({ env }: SourceQuery): string | undefined {
  const given = env(TOKEN_FILE);
  return given === undefined ? undefined : followParents(given);
}

function containerEndpoint({ env }: SourceQuery): string | undefined {
  const relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  return relative === undefined
    ? env("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    : CONTAINER_HOST + relative;
}

/** The file's before the variable's, as for the AWS CLI. */
async function containerToken(
  search: Search,
): Promise<string | undefined> {
  const name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  const tokenFile = tokenFileOf(search);
  const token = tokenFile === undefined
    ? search.env(name)
    : await readToken(search, tokenFile);
  search.redactor.addCredential(token);
  // It may have a scheme before it.
  const text = token?.replaceAll(" ", "");
  const place = tokenFile === undefined ? name : `the token file ${tokenFile}`;
  demandPlain(search, text, place);
  return token;
}

async function readToken(
  search: Search,
  tokenFile: string,
): Promise<string> {
  try {
    return (await limitedFile(tokenFile)).trim();
  } catch {
    throw sourceFailed(
      search,
      `the token file ${tokenFile} (${TOKEN_FILE}) cannot be read`,
    );
  }
}

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
      throw sourceFailed(
        search,
        `${url.host}: ${messageOf(error)}; in a container the instance's hop ` +
          "limit must be 2",
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
    askHost(new URL(path, url), {
      method,
      headers,
      timeoutMs: METADATA_LIMIT_MS,
    });
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
  const read = async (path: string): Promise<Reply> => {
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
  const found = credentialsIn(reply.text);
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

/** What both hand out. */
function credentialsIn(text: string): Credentials | undefined {
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
