/**
 * Recordings that nobody has written so: whoever reads, shows or compares one
 * does it, or says that it is none. What is shown commands no terminal, and runs
 * in no browser.
 */

import { htmlOf } from "../../../src/commands/record/html.ts";
import { textOf } from "../../../src/commands/record/text.ts";
import { differences, reportOf } from "../../../src/commands/replay/compare.ts";
import { exchangesOf } from "../../../src/commands/replay/script.ts";
import { ConfigError } from "../../../src/errors.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { loadRecording, type Recording } from "../../../src/recorder/read.ts";
import type { Random } from "../../support/random.ts";
import { wrong } from "../fuzzer.ts";
import { anyJson, broken, objectOf } from "../json_text.ts";

const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "\u001b]0;owned\u0007\u001b[2J",
  "\u202eleft",
  "a\nb\r\nc",
  "__proto__",
  "constructor",
  "identity-1",
  "[".repeat(20_000),
  `{"id":1,"method":"tools/call","params":{"name":"x"}}`,
  `{"id":1,"error":{"code":"\u001b[31m","message":"<b>"}}`,
  `{"id":{"toString":1},"result":{"isError":true}}`,
];
const KINDS = [
  "in",
  "out",
  "request",
  "response",
  "body",
  "end",
  "failed",
  "closed",
  "identity",
  "recovered",
  "log",
  "dropped",
  "toString",
];
const NUMBERS = [
  "0",
  "1",
  "2",
  "-1",
  "1e308",
  "0.5",
  "1e400",
  "9007199254740993",
];

function text(random: Random): string {
  return JSON.stringify(random.pick(HOSTILE));
}

/** A value of the type that a member has, mostly. */
function member(random: Random, type: string): string {
  if (random.chance(0.05)) return anyJson(random);
  if (type === "number") return random.pick(NUMBERS);
  if (type === "texts") {
    return objectOf(random, [[random.pick(HOSTILE), text(random)]]);
  }
  return type === "object" ? anyJson(random) : text(random);
}

/** What lines have, whatever their kind. */
const MEMBERS: Readonly<Record<string, string>> = {
  seq: "number",
  t: "number",
  bytes: "number",
  text: "text",
  as: "number",
  client: "number",
  http: "number",
  method: "text",
  url: "text",
  headers: "texts",
  try: "number",
  status: "number",
  by: "text",
  error: "text",
  identity: "text",
  level: "text",
  message: "text",
  fields: "object",
  count: "number",
  why: "text",
};

function line(random: Random): string {
  const members = Object.entries(MEMBERS)
    .filter(() => random.chance(0.95))
    .map(([name, type]) => [name, member(random, type)] as const);
  return objectOf(random, [
    ["kind", JSON.stringify(random.pick(KINDS))],
    ...members,
  ]);
}

function header(random: Random): string {
  const member = (usual: string) =>
    random.chance(0.03) ? anyJson(random) : usual;
  return objectOf(random, [
    ["recording", member('"sigv4-proxy"')],
    ["format", member("1")],
    ["version", text(random)],
    ["deno", text(random)],
    ["os", text(random)],
    ["startedAt", random.chance(0.5) ? text(random) : '"2026-11-28T00:00:00Z"'],
    ["target", member('"https://mcp.example/<b>"')],
    ["mode", member('"stdio"')],
    ["options", member(`[${text(random)}]`)],
    ["bodies", member("true")],
  ]);
}

/** Tries recordings. */
export async function fuzzRecordings(
  random: Random,
  cases: number,
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    for (let left = cases; left > 0; left--) {
      const count = random.below(12);
      const lines = Array.from({ length: count }, () => line(random));
      const bytes = new TextEncoder()
        .encode([header(random), ...lines].join("\n"));
      const written = random.chance(0.2) ? broken(random, bytes) : bytes;
      await Deno.writeFile(path, written);
      await tryOne(path, written);
    }
  } finally {
    await Deno.remove(path);
  }
}

async function tryOne(path: string, written: Uint8Array): Promise<void> {
  let recording: Recording;
  try {
    recording = await loadRecording(path, OPTION_NAMES);
  } catch (error) {
    if (!(error instanceof ConfigError)) wrong(`it failed: ${error}`, written);
    return;
  }
  const { lines } = recording;
  const shown = textOf(recording, false);
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(shown)) {
    wrong("a control character is shown", shown);
  }
  const page = htmlOf(recording);
  if (/<(?:script|img|b)\b/i.test(page)) wrong("the page has its words", page);
  exchangesOf(lines);
  const found = differences(lines, lines, {
    unanswered: new Set(),
    isCut: false,
  });
  if (found.length > 0) wrong("it differs from itself", found);
  reportOf(lines, found, []);
}
