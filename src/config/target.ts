/** The URL of the target, checked. */

import { isLoopback, MAX_URL_LENGTH } from "../net/address.ts";
import { readEndpoint } from "../aws/endpoint.ts";
import { unescapedRuntimeArn } from "../aws/runtime_arn.ts";
import type { LogNote } from "../log/log.ts";
import { addFault, type Reading } from "./settings.ts";

/** The URL, when it is one of http or https, and the host that is meant. */
interface Target {
  readonly url?: URL;
  readonly host?: string;
}

/** A host with a dot in it, and what may follow. */
const BARE_HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:[/?]|$)/i;

/** Reads the target URL. It may hold a secret, so that no fault shows it. */
export function readTarget(reading: Reading): Target {
  const { settings: { targetUrl: text, allowHttp }, notes } = reading;
  const fault = (words: string) => addFault(reading, "targetUrl", words);
  if (text === undefined) {
    fault("target URL is required");
    return {};
  }
  const url = URL.parse(text);
  if (url === null && /^https?:/i.test(text)) {
    fault("target URL is not a valid URL");
    return {};
  }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const scheme =
      "target URL must use http or https scheme, as in https://host/path";
    const meant = BARE_HOST.test(text) ? URL.parse(`https://${text}`) : null;
    fault(meant ? `${scheme}; this one lacks the https://` : scheme);
    return { host: (meant ?? url)?.hostname };
  }
  if (url.username !== "" || url.password !== "") {
    fault("target URL must not hold credentials (user:password@)");
  }
  if (url.href.length > MAX_URL_LENGTH) {
    fault(
      `target URL is longer than the ${MAX_URL_LENGTH} characters that a ` +
        "request can have",
    );
  }
  if (text.includes("#")) fault("target URL must not have a fragment (#…)");
  if (url.protocol === "http:" && !allowHttp && !isLoopback(url.hostname)) {
    fault(
      "target URL must use https beyond loopback, unless --allow-http or " +
        "MCP_ALLOW_HTTP=true is set",
    );
  }
  if (url.search.includes("+")) notes.push(PLUS_NOTE);
  // Amazon Bedrock AgentCore, "Invoke an AgentCore Runtime agent".
  const unescaped = unescapedRuntimeArn(url);
  if (unescaped !== undefined) {
    const message =
      "AgentCore does not find a runtime by an ARN with a plain / in the " +
      `target URL: escape it as %2F (…:runtime%2F${unescaped.id})`;
    notes.push({ level: "warn", message });
  }
  if (isMovedRegistry(url)) notes.push(REGISTRY_NOTE);
  return { url, host: url.hostname };
}

/**
 * Amazon Bedrock AgentCore, "Using the Registry MCP endpoint": the registry has
 * a host and a service of its own since 2026, and the old one is over.
 */
function isMovedRegistry({ hostname, pathname }: URL): boolean {
  return pathname.startsWith("/registry/") &&
    readEndpoint(hostname)?.service === "bedrock-agentcore";
}

const REGISTRY_NOTE: LogNote = {
  level: "warn",
  message: "the registry of AgentCore has moved: the target URL is " +
    "https://agent-registry.REGION.api.aws/registry/ID/mcp now",
};

/** A plus sign in a query is a blank to some and a plus to others. */
export const PLUS_NOTE: LogNote = {
  level: "info",
  message: "a + in the query of the target URL is a blank, sent as %20: " +
    "write %2B for a plus sign",
};
