/** Compares what was signed with what the target says it computed. */

import { excerpt } from "../../excerpt.ts";
import type { Redact } from "../../redact/redact.ts";

/** A line in which two canonical requests differ, where it can be shown. */
export interface Difference {
  /** `method`, `path`, `query`, `header x-name`, `signed headers`, `body hash`. */
  readonly part: string;
  readonly signed?: string;
  readonly computed?: string;
}

/** Headers whose values are no one's secret. All others are only named. */
const PLAIN_HEADERS =
  /^(?:accept|content-(?:length|type)|host|x-amz-(?:content-sha256|date|region-set)|.+-(?:method|version))$/;

/** A target's text without its echo of the request, session token and all. */
export function withoutEcho(text: string): string {
  const at = text.search(/The Canonical String/);
  return at === -1 ? text : text.slice(0, at).trimEnd();
}

const MAX_SHOWN = 300;

/** The first line that differs between our canonical request and theirs. */
export function firstDifference(
  ours: string,
  theirs: string,
  redact: Redact,
): Difference | undefined {
  const signed = linesOf(ours);
  const computed = linesOf(theirs);
  for (const part of new Set([...signed.keys(), ...computed.keys()])) {
    const a = signed.get(part);
    const b = computed.get(part);
    if (a === b) continue;
    // A query can hold keys and tokens of the caller's own.
    const isHidden = part === "query" ||
      part.startsWith("header ") && !PLAIN_HEADERS.test(part.slice(7));
    if (isHidden) return { part };
    return { part, signed: shown(a, redact), computed: shown(b, redact) };
  }
  return undefined;
}

export function describeDifference(
  { part, signed, computed }: Difference,
): string {
  if (part === "body hash") {
    return "the target received another body than the one that was signed";
  }
  if (signed === undefined && computed === undefined) {
    return `the target computed another value for the ${part}`;
  }
  const ours = signed === undefined
    ? "was not signed"
    : `was signed as ${signed}`;
  const theirs = computed === undefined ? "has none" : `computed ${computed}`;
  return `the ${part} ${ours}, the target ${theirs}`;
}

/** The lines of a canonical request, by what they are. */
function linesOf(canonicalRequest: string): Map<string, string | undefined> {
  const [method, path, query, ...rest] = canonicalRequest.trim().split(/\r?\n/);
  const blank = rest.indexOf("");
  const [signedHeaders, bodyHash] = blank === -1 ? [] : rest.slice(blank + 1);
  const lines = new Map<string, string | undefined>()
    .set("method", method).set("path", path).set("query", query);
  for (const header of rest) {
    const [, name, value] = /^([^:]*):(.*)$/s.exec(header) ?? [];
    // Else a header's value that has a line end of its own, or no header.
    if (name !== undefined) lines.set(`header ${name}`, value);
  }
  return lines.set("signed headers", signedHeaders).set("body hash", bodyHash);
}

function shown(line: string | undefined, redact: Redact): string | undefined {
  if (line === undefined) return undefined;
  const safe = redact(line);
  return excerpt(safe, MAX_SHOWN);
}
