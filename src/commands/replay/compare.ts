/** Where two runs differ, in words. */

import { excerpt } from "../../excerpt.ts";
import type { RecordLine } from "../../recorder/format.ts";
import type { Playable } from "./playable.ts";
import { keyOf } from "./script.ts";

/** Headers of which MCP says something. */
const COMPARED_HEADERS =
  /^(?:accept|content-type|last-event-id|mcp-(?:method|name|param-.+|protocol-version|session-id))$/;

/** How much of a value is shown. */
const SHOWN_LENGTH = 300;

/** The differences, a sentence each; none if today is as it was. */
export function differences(
  then: readonly RecordLine[],
  now: readonly RecordLine[],
  { unanswered, isCut }: Pick<Playable, "unanswered" | "isCut">,
): string[] {
  const [past, present] = [then, now].map((lines) => Map.groupBy(lines, keyOf));
  for (const key of unanswered) if (!past.has(key)) present.delete(key);
  const found: string[] = [];
  for (const key of new Set([...past.keys(), ...present.keys()])) {
    if (key === undefined) continue;
    const [old, today] = [past.get(key) ?? [], present.get(key) ?? []];
    const count = isCut ? old.length : Math.max(old.length, today.length);
    for (let at = 0; at < count; at++) {
      const which = count > 1 ? `${key} (${at + 1} of ${count})` : key;
      found.push(...compare(which, old[at], today[at]));
    }
  }
  const [was, is] = [recoveries(then), recoveries(now)];
  if (was !== is) found.push(`sessions replaced: then ${was}, today ${is}`);
  return found;
}

function recoveries(lines: readonly RecordLine[]): number {
  return lines.filter(({ kind }) => kind === "recovered").length;
}

function compare(
  which: string,
  then: RecordLine | undefined,
  now: RecordLine | undefined,
): string[] {
  if (!then || !now) {
    return [`${which}: ${then ? "only then" : "only today"}`];
  }
  const [was, is] = [comparedOf(then), comparedOf(now)];
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...names].flatMap((name) =>
    was[name] === is[name] ? [] : [
      `${which}: ${name}: then ${shown(was[name], is[name])}, today ${
        shown(is[name], was[name])
      }`,
    ]
  );
}

function comparedOf(line: RecordLine): Record<string, string> {
  if (line.kind === "closed") return { status: `${line.status}`, by: line.by };
  const message = "text" in line ? comparable(line.text ?? "") : "";
  if (line.kind !== "request") return { message };
  const headers = Object.entries(line.headers)
    .filter(([name]) => COMPARED_HEADERS.test(name))
    .map(([name, value]) => [name, comparableHeader(name, value)]);
  return {
    ...Object.fromEntries(headers),
    path: URL.parse(line.url)?.pathname ?? line.url,
    "signed as": `${line.as ?? 1}`,
    message,
  };
}

/** What is made of an argument is made of its stand-in today. */
function comparableHeader(name: string, value: string): string {
  const isMade = name.startsWith("mcp-param-") ||
    /^(?:x+|uri-\d+)$/.test(value);
  return isMade ? "some value" : value;
}

/** A message without what a replay cannot say again. */
function comparable(text: string): string {
  return text.replaceAll(/"key-\d+":/g, '"key":')
    .replaceAll(
      /"(account|arn|description|principal|resource|role)":"[^"]*"/g,
      '"$1":"…"',
    )
    .replaceAll(/: [^:;"]*\(os error \d+\)/g, ": …")
    .replaceAll(/\b[A-Z0-9]{4}…[A-Z0-9]{4}\b/g, "…")
    .replace(/ allows \(.*?; the call was not sent/, " allows …")
    .replace(/(?<=(?:; it says|the target said): )(?:[^"\\]|\\.)*/, "…");
}

/** A value; of a long one what is around the first thing that is other. */
function shown(value = "nothing", other = ""): string {
  let at = 0;
  while (at < value.length && value[at] === other[at]) at++;
  const from = Math.max(0, at - SHOWN_LENGTH / 2);
  return (from > 0 ? "…" : "") + excerpt(value.slice(from), SHOWN_LENGTH);
}

/** What is said of a replay, a line each. */
export function reportOf(
  lines: readonly RecordLine[],
  found: readonly string[],
  left: readonly string[],
): string[] {
  const count = (kind: RecordLine["kind"]) =>
    lines.filter((line) => line.kind === kind).length;
  const played = `${count("in")} messages in, ${count("out")} out, ${
    count("request")
  } HTTP requests`;
  return [
    ...found.map((difference) => `differs: ${difference}`),
    ...left.map((part) => `not played: ${part}`),
    found.length === 0
      ? `as it was: ${played}`
      : `differences: ${found.length}, of ${played}`,
  ];
}
