/**
 * The URL of the target, checked.
 *
 * @module
 */

import { isLoopback } from "../net/address.ts";
import { unescapedRuntimeArn } from "../aws/runtime_arn.ts";
import type { LogNote } from "../log/log.ts";
import { remedy } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";

/** The target URL, read. */
export interface TargetReading {
  /** The URL, when it is one of http or https. */
  readonly url?: URL;
  /** The host that is meant, when the URL is at fault. */
  readonly host?: string;
  /** What is wrong with it, a sentence each. None shows the URL. */
  readonly faults: readonly string[];
  /** What a person should know about it. */
  readonly notes?: readonly LogNote[];
}

/** A host with a dot in it, and what may follow. */
const BARE_HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:[/?]|$)/i;

/**
 * Reads the target URL. It may hold a secret, so that no fault shows it.
 *
 * @param settings What was given.
 * @returns The URL, and every fault.
 */
export function readTarget({ targetUrl, allowHttp }: Settings): TargetReading {
  const reading = targetUrl === undefined
    ? { faults: ["target URL is required"] }
    : readUrl(targetUrl, allowHttp);
  const mend = remedy(OPTIONS.targetUrl);
  const faults = reading.faults.map((fault) => `${fault} (${mend})`);
  return { ...reading, faults };
}

function readUrl(text: string, allowHttp: boolean): TargetReading {
  const url = URL.parse(text);
  if (url === null && /^https?:/i.test(text)) {
    return { faults: ["target URL is not a valid URL"] };
  }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const fault =
      "target URL must use http or https scheme, as in https://host/path";
    const meant = BARE_HOST.test(text) ? URL.parse(`https://${text}`) : null;
    if (meant === null) return { host: url?.hostname, faults: [fault] };
    return {
      host: meant.hostname,
      faults: [`${fault}; this one lacks the https://`],
    };
  }
  const faults: string[] = [];
  if (url.username !== "" || url.password !== "") {
    faults.push("target URL must not hold credentials (user:password@)");
  }
  if (text.includes("#")) {
    faults.push("target URL must not have a fragment (#…)");
  }
  if (url.protocol === "http:" && !allowHttp && !isLoopback(url.hostname)) {
    faults.push(
      "target URL must use https beyond loopback, unless --allow-http or " +
        "MCP_ALLOW_HTTP=true is set",
    );
  }
  return { url, faults, notes: notesOn(url) };
}

// Amazon Bedrock AgentCore, "Invoke an AgentCore Runtime agent".
function notesOn(url: URL): LogNote[] {
  const plus = plusNote(url);
  const notes = plus === undefined ? [] : [plus];
  const unescaped = unescapedRuntimeArn(url);
  if (unescaped === undefined) return notes;
  return [...notes, {
    level: "warn",
    message: "AgentCore does not find a runtime by an ARN with a plain / in " +
      `the target URL: escape it as %2F (…:runtime%2F${unescaped.id})`,
  }];
}

/** A plus sign in a query is a blank to some and a plus to others. */
export function plusNote({ search }: URL): LogNote | undefined {
  if (!search.includes("+")) return undefined;
  return {
    level: "info",
    message: "a + in the query of the target URL is a blank, sent as %20: " +
      "write %2B for a plus sign",
  };
}
