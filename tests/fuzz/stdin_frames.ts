/**
 * Lines on stdin. What each is owed is read off it by `JSON.parse`, not by the
 * program's own scanner: a request one answer, all else none, what is no message
 * one error; and what comes after it is answered.
 */

import type { Random } from "../support/random.ts";
import { MODERN_META } from "../support/stream/modern_message.ts";
import { INITIALIZED } from "../support/raw/mcp.ts";
import { FUZZ_SESSION, FuzzWorld, isOwn, wrong } from "./fuzzer.ts";
import { anyJson, broken, objectOf } from "./json_text.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

const METHODS = [
  "tools/call",
  "tools/list",
  "resources/read",
  "ping",
  "",
  "é\u0000",
  "notifications/progress",
  "notifications/cancelled",
  "tasks/get",
  "__proto__",
];
const IDS = [
  "0",
  "-0",
  "7",
  "1.5",
  "1e400",
  "12345678901234567890",
  '"7"',
  '""',
  '"\\u0041\\n"',
  '"__proto__"',
  "null",
  "{}",
  "[]",
  "true",
];

/** One message of a frame, whole or not. */
function message(random: Random): string {
  const members: [string, string][] = [];
  if (!random.chance(0.05)) members.push(["jsonrpc", '"2.0"']);
  else if (random.chance(0.5)) members.push(["jsonrpc", anyJson(random)]);
  if (random.chance(0.75)) members.push(["id", random.pick(IDS)]);
  if (random.chance(0.9)) {
    members.push([
      "method",
      random.chance(0.95)
        ? JSON.stringify(random.pick(METHODS))
        : anyJson(random),
    ]);
  }
  if (random.chance(0.6)) members.push(["params", params(random)]);
  if (random.chance(0.08)) members.push(["result", anyJson(random)]);
  if (random.chance(0.08)) members.push(["error", anyJson(random)]);
  if (members.length > 0 && random.chance(0.1)) {
    members.push(random.pick(members));
  }
  if (random.chance(0.1)) members.push(["x", anyJson(random)]);
  return objectOf(random, members);
}

function params(random: Random): string {
  if (random.chance(0.2)) return anyJson(random);
  const members: [string, string][] = [];
  for (const name of ["name", "uri", "taskId", "arguments", "requestId"]) {
    if (random.chance(0.4)) members.push([name, anyJson(random, 3)]);
  }
  if (random.chance(0.4)) {
    const meta = random.chance(0.6)
      ? JSON.stringify(MODERN_META)
      : anyJson(random, 2);
    members.push(["_meta", meta]);
  }
  return objectOf(random, members);
}

function line(random: Random): Uint8Array {
  const kind = random.below(20);
  if (kind === 0) return encoder.encode(random.pick(["", " ", "\t", "\r"]));
  if (kind === 1) return encoder.encode(anyJson(random));
  const text = kind < 5
    ? `[${
      Array.from({ length: random.below(4) }, () => message(random)).join(",")
    }]`
    : message(random);
  const bytes = encoder.encode(text);
  return random.chance(0.25) ? broken(random, bytes) : bytes;
}

/** What is owed for a line: the IDs of its requests, or an error. */
interface Owed {
  readonly ids: readonly unknown[];
  /** How many answers there may be beside them. */
  readonly others: readonly [least: number, most: number];
}

// deno-lint-ignore no-explicit-any
type Value = any;

function owedFor(bytes: Uint8Array): Owed {
  let value: Value;
  try {
    const text = strict.decode(bytes);
    if (/^[ \t\r]*$/.test(text)) return { ids: [], others: [0, 0] };
    value = JSON.parse(text);
  } catch {
    return { ids: [], others: [1, 1] };
  }
  const messages: Value[] = Array.isArray(value) ? value : [value];
  if (messages.length === 0 || !messages.every(isMessage)) {
    // Refused as a whole: of a malformed answer nobody is told.
    return { ids: [], others: [0, Math.max(1, messages.length)] };
  }
  const requests = messages.filter((one) => "method" in one && "id" in one);
  return { ids: requests.map(({ id }) => id), others: [0, 0] };
}

function isMessage(value: Value): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value) || value.jsonrpc !== "2.0") return false;
  const isAnswer = "result" in value || "error" in value;
  if (!("method" in value)) return isAnswer && isAnswerMessage(value);
  const hasId = !("id" in value) || isId(value.id);
  return typeof value.method === "string" && hasId && !isAnswer;
}

function isAnswerMessage({ id, result, error, ...rest }: Value): boolean {
  // What else it may be is the target's to say.
  return isId(id) && result !== undefined && error === undefined && !!rest;
}

const isId = (id: unknown) => typeof id === "string" || typeof id === "number";

function target(body: string): Response {
  const parsed: Value = JSON.parse(body);
  const answers = [parsed].flat().filter((one) =>
    typeof one?.method === "string" && "id" in one
  ).map(({ id, method }) => ({
    jsonrpc: "2.0",
    id,
    result: method === "initialize" ? INITIALIZED : { tools: [] },
  }));
  if (answers.length === 0) return new Response(null, { status: 202 });
  return Response.json(Array.isArray(parsed) ? answers : answers[0], {
    headers: { "mcp-session-id": FUZZ_SESSION },
  });
}

/** Tries lines one after the other. */
export async function fuzzStdinFrames(
  random: Random,
  cases: number,
): Promise<void> {
  await using world = new FuzzWorld(target);
  const { client } = world;
  await client.initialize();
  for (let number = 0; number < cases; number++) {
    const bytes = line(random);
    client.sendBytes(Uint8Array.from([...bytes, 0x0a]));
    const marker = `after-${number}`;
    const owed = owedFor(bytes);
    const answers: Value[] = [];
    // A request may be answered after what follows it, a batch by an array.
    while (answers.length < owed.ids.length) {
      answers.push(...[(await client.next()).json].flat());
    }
    client.request(marker, "ping");
    for (;;) {
      const { json } = await client.next();
      if (json.id === marker) break;
      answers.push(...[json].flat());
    }
    check(bytes, owed, answers);
    world.checkUnseen(
      answers.filter(isOwn).map((answer) => JSON.stringify(answer)),
    );
  }
}

function check(
  bytes: Uint8Array,
  { ids, others: [least, most] }: Owed,
  answers: readonly Value[],
): void {
  const left = [...answers];
  const came = JSON.stringify(answers);
  for (const id of new Set(ids)) {
    const at = left.findIndex((answer) => answer.id === id);
    if (at < 0) wrong(`${id} has no answer but ${came}`, bytes);
    left.splice(at, 1);
  }
  const repeated = ids.length - new Set(ids).size;
  if (left.length < least || left.length > most + repeated) {
    wrong(`${left.length} answers are too few or many: ${came}`, bytes);
  }
  if (left.some((answer) => !("error" in answer))) {
    wrong(`an answer was not asked for: ${came}`, bytes);
  }
}
