/**
 * The plainest proxy over stdio: it signs, frames and sends, and does nothing
 * when anything fails. What a proxy's work costs when nothing else is done.
 *
 * After the URL may stand what it is to do besides, in the cheapest way that V8
 * has for it: `answers`, to give each request one answer whatever happens, and
 * `events`, to see of each event that it is one message on one line.
 */

import { signedHeaders } from "./plain_signature.ts";

const url = new URL(Deno.args[0]);
const givesAnswers = Deno.args.includes("answers");
const checksEvents = Deno.args.includes("events");
const decoder = new TextDecoder();
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const LIMIT_MS = 60_000;
const session: Record<string, string> = {};

const ready: Uint8Array[] = [];
let isFlushing = false;

/** Writes all frames that are ready at once, and again what came meanwhile. */
async function flush(): Promise<void> {
  if (isFlushing) return;
  isFlushing = true;
  await null;
  while (ready.length > 0) {
    const frames = ready.splice(0);
    const length = frames.reduce((sum, { length }) => sum + length + 1, 0);
    const block = new Uint8Array(length);
    let at = 0;
    for (const frame of frames) {
      block.set(frame, at);
      at += frame.length;
      block[at++] = NEWLINE;
    }
    for (let written = 0; written < block.length;) {
      written += await Deno.stdout.write(block.subarray(written));
    }
  }
  isFlushing = false;
}

/** Passes on the data of each event, whose lines may come in pieces. */
async function passEvents(response: Response): Promise<void> {
  let pieces: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    let from = 0;
    for (
      let at = chunk.indexOf(NEWLINE);
      at >= 0;
      at = chunk.indexOf(NEWLINE, from)
    ) {
      pieces.push(chunk.subarray(from, at));
      from = at + 1;
      const line = pieces.length === 1
        ? pieces[0]
        : new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
      pieces = [];
      if (line.length > 6 && decoder.decode(line.subarray(0, 6)) === "data: ") {
        const data = line.subarray(6);
        if (checksEvents) check(data);
        ready.push(data);
      }
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
    await flush();
  }
}

/** Sees that an event is JSON, whose it is, and that no line end is in it. */
function check(data: Uint8Array): void {
  const { id } = JSON.parse(decoder.decode(data));
  if (data.includes(CARRIAGE_RETURN)) throw new Error("it has a line end");
  settle(id);
}

/** The requests that have no answer yet, each with what ends it in time. */
const waiting = new Map<unknown, ReturnType<typeof setTimeout>>();

/** Sends a request: whatever comes of it, there is one answer. */
async function sendForAnswer(frame: Uint8Array<ArrayBuffer>): Promise<void> {
  const { id } = JSON.parse(decoder.decode(frame));
  if (id === undefined) return await send(frame);
  const abort = new AbortController();
  waiting.set(id, setTimeout(() => abort.abort(), LIMIT_MS));
  try {
    await send(frame, abort.signal);
    if (waiting.has(id)) throw new Error("there was no answer");
  } catch (error) {
    const answer = { jsonrpc: "2.0", id, error: { code: -1, message: error } };
    ready.push(new TextEncoder().encode(JSON.stringify(answer)));
    await flush();
  } finally {
    settle(id);
  }
}

function settle(id: unknown): boolean {
  clearTimeout(waiting.get(id));
  return waiting.delete(id);
}

const carry = givesAnswers ? sendForAnswer : send;

let isInitialized: Promise<void> = Promise.resolve();

async function send(
  frame: Uint8Array<ArrayBuffer>,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const { id, method } = JSON.parse(decoder.decode(frame));
  const response = await fetch(url, {
    method: "POST",
    redirect: "manual",
    signal,
    headers: signedHeaders(url, frame, {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...session,
    }),
    body: new Blob([frame]),
  });
  if (response.headers.get("content-type") === "text/event-stream") {
    return await passEvents(response);
  }
  const bytes = await response.bytes();
  if (id === undefined || bytes.length === 0) return;
  const answer = JSON.parse(decoder.decode(bytes));
  if (method === "initialize") {
    session["mcp-session-id"] = response.headers.get("mcp-session-id") ?? "";
    session["mcp-protocol-version"] = answer.result.protocolVersion;
  }
  if (givesAnswers) {
    if (!response.ok || answer.id !== id) throw new Error("it is none");
    if (!settle(id)) return;
  }
  ready.push(bytes);
  await flush();
}

async function accept(frame: Uint8Array<ArrayBuffer>): Promise<void> {
  // Whatever comes first is `initialize`, which the rest waits for.
  if (session["mcp-session-id"] === undefined) {
    const before = isInitialized;
    const sent = before.then(() => carry(frame));
    isInitialized = sent;
    return await sent;
  }
  await carry(frame);
}

const chunk = new Uint8Array(64 * 1024);
let rest = new Uint8Array();
for (;;) {
  const count = await Deno.stdin.read(chunk);
  if (count === null) break;
  const bytes = new Uint8Array(rest.length + count);
  bytes.set(rest);
  bytes.set(chunk.subarray(0, count), rest.length);
  let from = 0;
  for (
    let at = bytes.indexOf(NEWLINE);
    at >= 0;
    at = bytes.indexOf(NEWLINE, from)
  ) {
    void accept(bytes.slice(from, at));
    from = at + 1;
  }
  rest = bytes.slice(from);
}
