/**
 * Credentials of the container that the program runs in: the endpoint of ECS
 * and EKS.
 */

import { messageOf } from "../../../errors.ts";
import { limitedFile } from "../../../limited_text.ts";
import { type Need, netNeed } from "../../../permissions.ts";
import { parseRecord, textIn } from "../../json.ts";
import { followParents } from "../../shared_files/paths.ts";
import {
  demand,
  type Found,
  type Search,
  sourceFailed,
  type SourceQuery,
} from "../search.ts";
import { demandPlain } from "../text.ts";
import { askHost, hostKeys, type HostReply } from "./host.ts";

const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const CONTAINER_HOST = "http://169.254.170.2";

/** Hosts that may be asked, and shown the token, without TLS. */
const PLAIN_HOSTS =
  /^(?:169\.254\.170\.(?:2|23)|\[fd00:ec2::23\]|localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/;

export async function containerCredentials(search: Search): Promise<Found> {
  const endpoint = containerEndpoint(search);
  if (endpoint === undefined) {
    return "no AWS_CONTAINER_CREDENTIALS_… variable is set";
  }
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
  const ask = () => askHost(search, url, headers);
  let reply: HostReply;
  try {
    reply = await ask().catch(ask);
    if (reply.status >= 500) reply = await ask();
  } catch (error) {
    throw fail(`${where}: ${messageOf(error)}`);
  }
  const found = reply.status === 200 ? hostKeys(reply.text) : undefined;
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
  const why = "read the container's token";
  return [
    ...url === null ? [] : [netNeed(url, "ask the container's endpoint")],
    ...tokenFile === undefined
      ? []
      : [{ kind: "read", value: tokenFile, why } as const],
  ];
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
async function containerToken(search: Search): Promise<string | undefined> {
  const name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  const tokenFile = tokenFileOf(search);
  const place = tokenFile === undefined ? name : `the token file ${tokenFile}`;
  const token = tokenFile === undefined
    ? search.env(name)
    : (await limitedFile(tokenFile).catch(() => {
      throw sourceFailed(search, `${place} (${TOKEN_FILE}) cannot be read`);
    })).trim();
  search.redactor.addCredential(token);
  // It may have a scheme before it.
  demandPlain(search, token?.replaceAll(" ", ""), place);
  return token;
}
