/**
 * Bodies as answers. What `JSON.parse` takes for the answer to a call reaches the
 * client as it is; whatever else comes is an error, and one answer.
 */

import { INITIALIZED } from "../support/raw/mcp.ts";
import type { Random } from "../support/random.ts";
import {
  FUZZ_SECRETS,
  FUZZ_SESSION,
  FuzzWorld,
  isOwn,
  wrong,
} from "./fuzzer.ts";
import { anyJson, broken, objectOf } from "./json_text.ts";

const strict = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

const TYPES = [
  "application/json",
  "application/json",
  "application/json; charset=utf-8",
  "APPLICATION/JSON",
  "text/plain",
  "",
];
const STATUSES = [200, 200, 200, 200, 200, 201, 202, 400, 404, 429, 500, 503];

/** A body, and how it is sent. */
interface Answer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly status: number;
  readonly type: string;
}

function answerTo(random: Random, id: number): Answer {
  const members: [string, string][] = [];
  if (!random.chance(0.04)) members.push(["jsonrpc", '"2.0"']);
  members.push(["id", random.chance(0.85) ? `${id}` : anyId(random, id)]);
  const kind = random.below(10);
  if (kind < 7) members.push(["result", resultOf(random)]);
  if (kind > 5) members.push(["error", errorOf(random)]);
  if (random.chance(0.1)) members.push(["_meta", anyJson(random)]);
  if (random.chance(0.06)) members.push(random.pick(members));
  if (random.chance(0.03)) members.push(["method", '"x"']);
  const text = objectOf(random, members);
  const mark = random.chance(0.05) ? "\ufeff" : "";
  const whole = encoder.encode(
    mark + (random.chance(0.06) ? `[${text}]` : text),
  );
  return {
    bytes: Uint8Array.from(random.chance(0.15) ? broken(random, whole) : whole),
    status: random.pick(STATUSES),
    type: random.pick(TYPES),
  };
}

function anyId(random: Random, id: number): string {
  return random.pick([
    `"${id}"`,
    `${id}.0`,
    `${id}e0`,
    "null",
    `"${random.pick(FUZZ_SECRETS)}"`,
    anyJson(random),
  ]);
}

function resultOf(random: Random): string {
  if (random.chance(0.1)) return anyJson(random);
  return objectOf(random, [
    ["content", anyJson(random)],
    ["x", `"${random.pick(["", ...FUZZ_SECRETS])}"`],
  ]);
}

function errorOf(random: Random): string {
  if (random.chance(0.2)) return random.pick(["null", anyJson(random)]);
  return objectOf(random, [
    ["code", random.pick(["-32000", "-32603", "1", "1.5", '"x"'])],
    ["message", random.pick(['"it did not work"', '""', "7", "null"])],
    ["data", anyJson(random)],
  ]);
}

/** The answer that any client would take, if it is one. */
function clearAnswer(
  { bytes, status, type }: Answer,
  id: number,
): Record<string, unknown> | undefined {
  if (status !== 200 || !/^application\/json/i.test(type)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(strict.decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const members = new Map<string, unknown>(Object.entries(value));
  const result = members.get("result");
  const isClear = members.get("jsonrpc") === "2.0" &&
    members.get("id") === id &&
    !members.has("method") && !members.has("error");
  const isObject = typeof result === "object" && result !== null &&
    !Array.isArray(result);
  return isClear && isObject ? Object.fromEntries(members) : undefined;
}

/** Tries answers one after the other. */
export async function fuzzJsonAnswers(
  random: Random,
  cases: number,
): Promise<void> {
  let current = answerTo(random, 0);
  await using world = new FuzzWorld((body, { method }) => {
    if (method !== "POST") return new Response(null, { status: 405 });
    const { id, method: called } = JSON.parse(body);
    if (id === undefined) return new Response(null, { status: 202 });
    const result = called === "initialize" ? INITIALIZED : {};
    const headers = { "mcp-session-id": FUZZ_SESSION };
    return called === "tools/call"
      ? new Response(current.bytes, {
        status: current.status,
        headers: { "content-type": current.type },
      })
      : Response.json({ jsonrpc: "2.0", id, result }, { headers });
  });
  const { client } = world;
  await client.initialize();
  for (let id = 1; id <= cases; id++) {
    current = answerTo(random, id);
    client.request(id, "tools/call", { name: "t" });
    const { json, text } = await client.answer(id);
    const clear = clearAnswer(current, id);
    if (clear && JSON.stringify(json) !== JSON.stringify(clear)) {
      wrong(`the client was told ${text}`, current.bytes);
    }
    client.request(`after-${id}`, "ping");
    const next = await client.next();
    if (next.json.id !== `after-${id}`) {
      wrong(`${next.text} came after the answer`, current.bytes);
    }
    world.checkUnseen(isOwn(json) ? [text] : []);
  }
}
