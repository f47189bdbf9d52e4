/**
 * Credentials of the machine underneath: of the container, from the endpoint of
 * ECS and EKS; of the role of the EC2 instance, from its metadata service.
 */

import type { IncomingMessage } from "node:http";
import { messageOf } from "../../../errors.ts";
import { parseRecord, textIn } from "../../../json.ts";
import { limitedFile } from "../../../limited_text.ts";
import {
  lacking,
  type Need,
  netNeed,
  notGranted,
  portOf,
} from "../../../permissions.ts";
import { withLimit } from "../../../time.ts";
import { followParents } from "../../shared_files/paths.ts";
import type { Found, Search, SourceQuery } from "../search.ts";
import { demandPlain } from "../text.ts";
import type { Credentials } from "../types.ts";
import { keysIn } from "./keys.ts";
import { parseTimestamp } from "./timestamp.ts";

export const CONTAINER_VARIABLES = [
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
] as const;

const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/** Hosts that may be asked, and shown the token, without TLS. */
const PLAIN_HOSTS =
  /^(?:169\.254\.170\.(?:2|23)|\[fd00:ec2::23\]|localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/;

export async function containerCredentials(search: Search): Promise<Found> {
  search.demandEnv(CONTAINER_VARIABLES, "find the container");
  const endpoint = containerEndpoint(search);
  if (endpoint === undefined) {
    return "no AWS_CONTAINER_CREDENTIALS_… variable is set";
  }
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw search.failed("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL");
  }
  search.demand(containerNeeds(search) ?? []);
  const where = `${url.origin}${url.pathname}`;
  if (url.protocol !== "https:" && !PLAIN_HOSTS.test(url.hostname)) {
    throw search.failed(
      `${where}: URL not accepted: it must be of https, of this machine, or ` +
        "of ECS or EKS",
    );
  }
  const token = await containerToken(search);
  const headers = {
    accept: "application/json",
    ...token !== undefined && { authorization: token },
  };
  const ask = () => askHost(search, url, headers);
  const { status, text } = await ask().catch(ask)
    .then((reply) => reply.status >= 500 ? ask() : reply)
    .catch((error) => {
      throw search.failed(`${where}: ${messageOf(error)}`);
    });
  if (status === 200) {
    const found = hostKeys(text);
    if (found !== undefined) return found;
    throw search.failed(`${where} gave no credentials${saidIn(text)}`);
  }
  throw search.failed(`${where}: status: ${status}${saidIn(text)}`);
}

/** The permissions for that; `undefined` outside of a container. */
export function containerNeeds(query: SourceQuery): Need[] | undefined {
  const endpoint = containerEndpoint(query);
  if (endpoint === undefined) return undefined;
  const url = URL.parse(endpoint);
  const value = tokenFileOf(query);
  const why = "read the container's token";
  return [
    ...url === null ? [] : [netNeed(url, "ask the container's endpoint")],
    ...value === undefined ? [] : [{ kind: "read", value, why } as const],
  ];
}

function containerEndpoint({ env }: SourceQuery): string | undefined {
  const [relative, full] = CONTAINER_VARIABLES.map((name) => env(name));
  return relative === undefined ? full : `http://169.254.170.2${relative}`;
}

function tokenFileOf({ env }: SourceQuery): string | undefined {
  const given = env(TOKEN_FILE);
  return given === undefined ? undefined : followParents(given);
}

/** The file's before the variable's, as for the AWS CLI. */
async function containerToken(search: Search): Promise<string | undefined> {
  const name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  const tokenFile = tokenFileOf(search);
  const place = tokenFile === undefined ? name : `the token file ${tokenFile}`;
  const token = tokenFile === undefined
    ? search.env(name)
    : (await limitedFile(tokenFile).catch(() => {
      throw search.failed(`${place} (${TOKEN_FILE}) cannot be read`);
    })).trim();
  search.redactor.addCredential(token);
  // It may have a scheme before it.
  demandPlain(search, token?.replaceAll(" ", ""), place);
  return token;
}

const METADATA_VARIABLES = [
  "AWS_EC2_METADATA_SERVICE_ENDPOINT",
  "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
  "AWS_EC2_METADATA_V1_DISABLED",
];

const ROLE_PATH = "/latest/meta-data/iam/security-credentials/";
const TOKEN_PATH = "/latest/api/token";

/** Answers of a metadata service that has no role to give, or is no AWS one. */
const NO_ROLE = [400, 403, 404, 405];

/** Answers of one that knows no version 2. */
const NO_TOKEN = [403, 404, 405];

/** Credentials that could not be renewed are used for this much longer. */
const EXTENSION_MS = 5 * 60_000;

/** The service is there, and gives nothing. */
class AnswerError extends Error {}

/** It has no role to give. */
class NoRoleError extends AnswerError {}

export async function instanceCredentials(search: Search): Promise<Found> {
  const { instance, log, now } = search;
  if (isDisabled(search)) return "AWS_EC2_METADATA_DISABLED is true";
  search.demandEnv(METADATA_VARIABLES, "find the metadata service");
  const url = metadataUrl(search);
  if (url === undefined) {
    const what = "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL";
    throw search.failed(what);
  }
  const missing = notGranted(instanceNeeds(search));
  if (missing.length > 0) return lacking(missing);
  if (instance.last === undefined && !await isListening(search, url)) {
    return `nothing listens at ${url.host}`;
  }
  try {
    instance.last = await roleCredentials(search, url);
    if (endOf(instance.last) > now()) return instance.last;
  } catch (error) {
    if (instance.last === undefined) {
      if (error instanceof NoRoleError) return error.message;
      const hint = error instanceof AnswerError
        ? ""
        : "; in a container the instance's hop limit must be 2";
      throw search.failed(`${url.host}: ${messageOf(error)}${hint}`);
    }
  }
  log.warn(
    "the metadata service gives no new credentials: the last " +
      "ones stay in use",
  );
  // The service may take them for longer than it said.
  const end = Math.max(endOf(instance.last), now() + EXTENSION_MS);
  if (end === Infinity) return instance.last;
  return { ...instance.last, expiration: new Date(end) };
}

function endOf({ expiration }: Credentials): number {
  return expiration?.getTime() ?? Infinity;
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
    if (NO_ROLE.includes(status)) {
      throw new NoRoleError(`${url.host} has no role to give (${status})`);
    }
    // The hop limit is for the token alone: without one comes a 401.
    const kind = token === undefined ? Error : AnswerError;
    throw new kind(`it answers with an error (${status})`);
  };
  const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": "21600" };
  const at = (path: string) => new URL(url.href.replace(/\/?$/, path));
  const token = await askHost(search, at(TOKEN_PATH), ttl, "PUT")
    .catch(() => undefined);
  const isOld = token === undefined || NO_TOKEN.includes(token.status);
  const isOldOff = metadataSetting(search, "v1_disabled");
  if (isOld && isOldOff?.toLowerCase() === "true") {
    throw new Error("it has no version 2, and version 1 is disabled");
  }
  const headers: Record<string, string> = isOld
    ? {}
    : { "x-aws-ec2-metadata-token": textOf(token) };
  const read = async (path: string): Promise<string> => {
    const ask = () => askHost(search, at(path), headers);
    const reply = await ask();
    return textOf(reply.status >= 500 ? await ask() : reply);
  };
  const role = (await read(ROLE_PATH)).trim();
  const text = await read(ROLE_PATH + encodeURIComponent(role));
  const found = hostKeys(text);
  if (found !== undefined) return found;
  throw new AnswerError(`it gave no credentials${saidIn(text)}`);
}

function metadataUrl(query: SourceQuery): URL | undefined {
  const mode = metadataSetting(query, "service_endpoint_mode");
  const isIpv6 = mode?.toLowerCase() === "ipv6";
  const endpoint = metadataSetting(query, "service_endpoint") ??
    (isIpv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
  const url = URL.parse(endpoint);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** A variable's before the profile's. */
function metadataSetting(
  { env, settings, inUse = settings }: SourceQuery,
  name: string,
): string | undefined {
  return env(`AWS_EC2_METADATA_${name.toUpperCase()}`) ??
    inUse?.get(`ec2_metadata_${name}`);
}

/** Whether anything listens there: most machines are no EC2 instance. */
async function isListening(query: SourceQuery, url: URL): Promise<boolean> {
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  return await withLimit(hostLimitMs(query), async (signal) => {
    (await Deno.connect({ hostname, port: portOf(url), signal })).close();
  }).then(() => true, () => false);
}

/** How long the machine has for one answer: the usual is the AWS CLI's. */
function hostLimitMs({ env }: SourceQuery): number {
  const seconds = Number(env("AWS_METADATA_SERVICE_TIMEOUT"));
  return (seconds > 0 ? seconds : 1) * 1000;
}

/** The largest answer; credentials take 2 KiB. */
const MAX_CHARACTERS = 256 * 1024;

interface HostReply {
  readonly status: number;
  readonly text: string;
}

/**
 * Asks by node:http: `fetch` would go through the proxy of HTTP_PROXY, which
 * knows nothing of this machine.
 */
async function askHost(
  query: SourceQuery,
  url: URL,
  headers: Record<string, string>,
  method: "GET" | "PUT" = "GET",
): Promise<HostReply> {
  const { Agent, request } = url.protocol === "https:"
    ? await import("node:https")
    : await import("node:http");
  return await withLimit(hostLimitMs(query), async (signal) => {
    // Nor is that of NODE_USE_ENV_PROXY.
    const direct = { keepAlive: false, proxyEnv: {} };
    const sent = request(url, { method, headers, agent: new Agent(direct) });
    signal.addEventListener("abort", () => sent.destroy());
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) =>
        sent.on("response", resolve).on("error", reject).end()
      );
      let text = "";
      for await (const chunk of response.setEncoding("utf8")) {
        text += chunk;
        if (text.length <= MAX_CHARACTERS) continue;
        throw new Error("its answer is too long");
      }
      return { status: response.statusCode ?? 0, text };
    } finally {
      sent.destroy();
    }
  });
}

/** Why there are no keys, as far as an answer says it. */
function saidIn(text: string): string {
  const body = parseRecord(text) ?? {};
  return [["Code", "code"], ["Message", "message"]]
    .flatMap((names) => textIn(body, ...names) ?? [])
    .map((part) => `: ${part}`).join("");
}

function hostKeys(text: string): Credentials | undefined {
  const body = parseRecord(text) ?? {};
  const keys = keysIn(body, ["AccessKeyId", "SecretAccessKey", "Token"]);
  const until = body.Expiration ?? undefined;
  if (keys === undefined || until === undefined) return keys;
  const expiration = parseTimestamp(until);
  return expiration && { ...keys, expiration };
}
