/**
 * Event streams as answers. `eventsource-parser` says what is in one: a call
 * gets one answer, its own if that is there; nothing said of a secret is shown.
 */

import { createParser } from "eventsource-parser";
import { INITIALIZED } from "../support/raw/mcp.ts";
import type { Random } from "../support/random.ts";
import {
  FUZZ_SECRETS,
  FUZZ_SESSION,
  FuzzWorld,
  isOwn,
  wrong,
} from "./fuzzer.ts";
import { anyJson, broken } from "./json_text.ts";

const encoder = new TextEncoder();
const ENDS = ["\n", "\n", "\r\n", "\r"];

const answerTo = (id: unknown) =>
  JSON.stringify({ jsonrpc: "2.0", id, result: { for: id } });

/** What stands in a `data` field. */
function data(random: Random, id: number): string {
  const secret = random.pick(FUZZ_SECRETS);
  const kinds = [
    () => answerTo(id),
    () => answerTo(id),
    () => answerTo("of nobody"),
    () => JSON.stringify({ jsonrpc: "2.0", method: "notifications/x" }),
    () =>
      JSON.stringify({
        jsonrpc: "2.0",
        method: "notifications/progress",
        params: { progressToken: "none", progress: 1 },
      }),
    () => '{"type":"heartbeat"}',
    () => "ping",
    () => "",
    () => `the key is ${secret}`,
    () => `{"message":"${secret}"}`,
    () => `{"jsonrpc":"2.0","id":"${secret}","error":{"code":1}}`,
    () => anyJson(random),
    () => `${answerTo(id)}${random.pick(["x", "}", " ", "\u0000"])}`,
  ];
  return random.pick(kinds)();
}

/** Bytes of a stream that should answer a call. */
function stream(random: Random, id: number): Uint8Array {
  const end = random.pick(ENDS);
  let text = random.chance(0.1) ? "\ufeff" : "";
  for (let left = random.below(6); left >= 0; left--) {
    for (let fields = random.below(3); fields > 0; fields--) {
      text += random.pick([
        "event: message",
        "event: error",
        "event",
        "event:",
        ": a comment",
        ":",
        "id: e-1",
        "id: \u0000",
        "id",
        "retry: 1",
        "retry: soon",
        "retry",
        "unknown: field",
        "data",
        " data: x",
      ]) + end;
    }
    const lines = data(random, id).split("\n");
    const colon = random.pick(["data: ", "data:", "data:  "]);
    for (const line of lines) text += `${colon}${line}${end}`;
    text += random.chance(0.9) ? end : random.pick(ENDS);
  }
  const bytes = encoder.encode(text);
  if (random.chance(0.15)) return broken(random, bytes);
  if (random.chance(0.1)) return bytes.slice(0, random.below(bytes.length + 1));
  return bytes;
}

/** A body in pieces of any size, that ends well or breaks. */
function bodyOf(random: Random, bytes: Uint8Array): ReadableStream<Uint8Array> {
  const isSlow = random.chance(0.3);
  const breaks = random.chance(0.15);
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (at >= bytes.length) {
        if (breaks) controller.error(new TypeError("error reading a body"));
        else controller.close();
        if (!breaks) controller.byobRequest?.respond(0);
        return;
      }
      const size = 1 + random.below(isSlow ? 4 : 200);
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

// deno-lint-ignore no-explicit-any
type Value = any;

/** The data of each event, by another parser. */
function eventsIn(
  bytes: Uint8Array,
): Record<"complete" | "events", readonly string[]> {
  const events: string[] = [];
  const parser = createParser({
    onEvent: ({ data }) => void events.push(data),
  });
  // A mark is taken off once, as the standard says.
  parser.feed(new TextDecoder().decode(bytes));
  // Without its blank line an event counts if it is the answer.
  const complete = [...events];
  parser.feed("\n\n");
  return { complete, events };
}

/** The message of a text, or those of an array. */
function messagesIn(text: string): Value[] {
  try {
    return [JSON.parse(text.replace(/^\ufeff/, ""))].flat();
  } catch {
    return [];
  }
}

/** Whether a message is an answer to a call, this or another one. */
function isAnswer(message: Value, id: number): boolean {
  return message?.jsonrpc === "2.0" && `${message.id}` === `${id}` &&
    typeof message.result === "object";
}

/** Whether a text answers a call. */
function answers(text: string, id: number): boolean {
  return messagesIn(text).some((one) => one?.result?.for === id);
}

/** Tries streams one after the other. */
export async function fuzzEventStreams(
  random: Random,
  cases: number,
): Promise<void> {
  let current = new Uint8Array();
  await using world = new FuzzWorld((body, { method }) => {
    if (method !== "POST") return new Response(null, { status: 405 });
    const { id, method: called } = JSON.parse(body);
    if (id === undefined) return new Response(null, { status: 202 });
    const headers = { "mcp-session-id": FUZZ_SESSION };
    if (called === "initialize") {
      const result = INITIALIZED;
      return Response.json({ jsonrpc: "2.0", id, result }, { headers });
    }
    if (called === "ping") {
      return Response.json({ jsonrpc: "2.0", id, result: {} });
    }
    return new Response(bodyOf(random, current), {
      headers: { "content-type": "text/event-stream" },
    });
  });
  const { client } = world;
  await client.initialize();
  for (let id = 1; id <= cases; id++) {
    current = Uint8Array.from(stream(random, id));
    client.request(id, "tools/call", { name: "t" });
    const { json, text } = await client.answer(id);
    const { complete, events } = eventsIn(current);
    const isThere = complete.includes(answerTo(id));
    const isGiven = json.result?.for === id;
    if (isGiven && !events.some((event) => answers(event, id))) {
      wrong("an answer was given that is not there", current);
    }
    // What speaks of an error may end the call before, and so may another answer.
    const mayFail = events.some((event) =>
      /error|session/i.test(event) ||
      event !== answerTo(id) &&
        messagesIn(event).some((one) => isAnswer(one, id))
    );
    if (isThere && !isGiven && !mayFail) {
      wrong(`the answer is there, and the client was told ${text}`, current);
    }
    client.request(`after-${id}`, "ping");
    for (;;) {
      const frame = await client.next();
      if (frame.json.id === `after-${id}`) break;
      if ("result" in frame.json || "error" in frame.json) {
        wrong(`a second answer came: ${frame.text}`, current);
      }
    }
    world.checkUnseen(isOwn(json) ? [text] : []);
  }
}
