/** What a client calls the server. */

import { knownHost, readEndpoint } from "../../aws/endpoint.ts";
import type { Config } from "../../config/config.ts";
import { ConfigError } from "../../errors.ts";

const MAX_NAME = 64;

/** How much of a name may be what is particular to it. */
const MAX_PART = 32;

/** Clients are written in JavaScript, too, and this is no name to it. */
const NO_NAME = "__proto__";

/** The words of a host, and of a path, that say nothing of which server it is. */
const GENERAL_LABELS: ReadonlySet<string> = new Set(["www", "api", "mcp"]);
const GENERAL_PARTS: ReadonlySet<string> = new Set([
  "mcp",
  "runtimes",
  "invocations",
]);

/** A part of a path that is short enough for a name. */
const TELLING_PART = /^[\w-]{1,32}$/;

/** @throws {ConfigError} Not every client takes this name. */
export function checkName(name: string): void {
  if (name === NO_NAME) {
    throw new ConfigError([`--name must be another one than ${NO_NAME}`]);
  }
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return;
  throw new ConfigError([
    "--name must be of letters, digits, - and _, 64 at most",
  ]);
}

/** What to call the server where nobody says: a name that every client takes. */
export function serverName(config: Config): string {
  const runtime = /runtime(?:%2F|\/)([\w-]+)/i.exec(config.targetUrl.pathname);
  if (runtime !== null && config.service === "bedrock-agentcore") {
    return cut(runtime[1]);
  }
  const host = knownHost(config);
  if (isAddress(host)) return "sigv4-proxy";
  const labels = host.split(".");
  const isOurs = readEndpoint(host) !== undefined ||
    !GENERAL_LABELS.has(labels[0]);
  return cut((isOurs ? labels.slice(0, 1) : labels.slice(0, 2)).join("-"));
}

/**
 * Another name, for where there is a server of this one already: with what is
 * particular behind it.
 */
export function otherName(
  name: string,
  { hostname, port, pathname }: URL,
  profile: string | undefined,
): string {
  const ofPath = pathname.split("/").findLast((part) =>
    TELLING_PART.test(part) && !GENERAL_PARTS.has(part)
  );
  const ofHost = isAddress(hostname) && port !== "" ? port : ofPath;
  const part = cut(profile ?? ofHost ?? "2", MAX_PART);
  return `${cut(name, MAX_NAME - 1 - part.length)}-${part}`;
}

function isAddress(host: string): boolean {
  return /^[\d.]+$|^\[/.test(host) || !host.includes(".");
}

function cut(text: string, length = MAX_NAME): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "-").slice(0, length);
}
