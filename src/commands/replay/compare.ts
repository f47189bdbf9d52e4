/** Where two runs differ, in words. */

import { isObject } from "../../mcp/wire/message.ts";
import type { RecordLine } from "../../recorder/format.ts";
import { keyOf } from "./player.ts";

/** Headers of which MCP says something. */
const COMPARED_HEADERS = /^(?:accept|content-type|last-event-id|mcp-.+)$/;

/** How much of a value is shown. */
const SHOWN_LENGTH = 300;

/** The differences, a sentence each; none if today is as it was. */
export function differences(
  then: readonly RecordLine[],
  now: readonly RecordLine[],
): string[] {
  const [past, present] = [byKey(then), byKey(now)];
  const found: string[] = [];
  for (const key of new Set([...past.keys(), ...present.keys()])) {
    const [old, today] = [past.get(key) ?? [], present.get(key) ?? []];
    const count = Math.max(old.length, today.length);
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

function byKey(lines: readonly RecordLine[]): Map<string, RecordLine[]> {
  const found = new Map<string, RecordLine[]>();
  for (const line of lines) {
    const key = keyOf(line);
    if (key === undefined) continue;
    const others = found.get(key);
    if (others) others.push(line);
    else found.set(key, [line]);
  }
  return found;
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
    isSame(was[name], is[name]) ? [] : [
      `${which}: ${name}: then ${shown(was[name])}, today ${shown(is[name])}`,
    ]
  );
}

function comparedOf(line: RecordLine): Record<string, unknown> {
  if (line.kind === "out") return { message: jsonOf(line.text) };
  if (line.kind !== "request") return {};
  const headers = Object.entries(line.headers)
    .filter(([name]) => COMPARED_HEADERS.test(name));
  return {
    ...Object.fromEntries(headers),
    path: URL.parse(line.url)?.pathname ?? line.url,
    message: jsonOf(line.text),
  };
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return text;
  }
}

function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length &&
      one.every((item, at) => isSame(item, other[at]));
  }
  if (!isObject(one) || !isObject(other)) return one === other;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) =>
      Object.hasOwn(other, name) && isSame(one[name], other[name])
    );
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

/** What is said of a replay, a line each. */
export function reportOf(
  lines: readonly RecordLine[],
  found: readonly string[],
): string[] {
  const count = (kind: RecordLine["kind"]) =>
    lines.filter((line) => line.kind === kind).length;
  const unplayed =
    lines.filter((line) =>
      (line.kind === "in" || line.kind === "body") && line.text === undefined
    ).length;
  const played = `${count("in")} messages in, ${count("out")} out, ${
    count("request")
  } HTTP requests`;
  return [
    ...found.map((difference) => `differs: ${difference}`),
    ...unplayed === 0
      ? []
      : [`not played: ${unplayed} texts that were too long to be kept`],
    found.length === 0
      ? `as it was: ${played}`
      : `${found.length} differences: ${played}`,
  ];
}
