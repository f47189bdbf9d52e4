/**
 * Recordings of HTTP server mode, as clients and a target make them that do what
 * a seed says: each is played by the program that made it, and ends as it did.
 */

import { parseJson } from "../../../src/recorder/json.ts";
import type { Random } from "../../support/random.ts";
import { mcp, type McpHandler, result } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";
import { wrong } from "../fuzzer.ts";
import { anyJson, broken } from "../json_text.ts";

const SAID = { content: [{ type: "text", text: "it is done" }] };

const FATES: Readonly<Record<string, McpHandler>> = {
  answers: (message, reply) => reply.json(result(message, SAID)),
  streams: async (message, reply) => {
    const stream = await reply.sse({}, { chunkBytes: 5 });
    await stream.message({ method: "notifications/message", params: {} }, "é");
    await stream.message(result(message, SAID));
    await stream.end();
  },
  fails: (_message, reply) => reply.json({ message: "no" }, 503),
  refuses: (_message, reply) =>
    reply.json({ message: "not authorized" }, 403, {
      "x-amzn-errortype": "AccessDeniedException",
    }),
  "cuts a stream": async (_message, reply) => {
    const stream = await reply.sse();
    await stream.raw('data: {"jsonrpc":"2.0","id"');
    await stream.cut();
  },
  "cuts a body": async (_message, reply) => {
    await reply.head(200, {
      "content-type": "application/json",
      "content-length": "100",
    });
    await reply.write('{"jsonrpc":"2.0","id":1');
    await reply.cut();
  },
  "says nothing": (_message, reply) => reply.cut(),
  resets: (_message, reply) => reply.reset(),
  accepts: (_message, reply) => reply.status(202),
  "is a page": (_message, reply) =>
    reply.status(200, { "content-type": "text/html" }, "<p>hello</p>"),
};

/** What a client sends. */
function sent(random: Random, id: number): RequestInit {
  const headers: Record<string, string> = {
    accept: "application/json, text/event-stream",
    "content-type": random.chance(0.9) ? "application/json" : "text/plain",
    ...random.chance(0.2) && { "x-of-a-client": "é and more" },
    ...random.chance(0.3) && { "mcp-protocol-version": "2025-11-25" },
  };
  if (random.chance(0.1)) {
    return { method: random.pick(["GET", "DELETE", "PUT"]), headers };
  }
  const call = {
    jsonrpc: "2.0",
    id: random.pick<unknown>([id, `call-${id}`, 1.5, null]),
    method: random.pick(["tools/call", "tools/call", "tools/list", "ping"]),
    params: {
      name: random.pick(Object.keys(FATES)),
      arguments: JSON.parse(anyJson(random)),
    },
  };
  const text = JSON.stringify(random.chance(0.1) ? [call, call] : call);
  const bytes = new TextEncoder().encode(text);
  const body = random.chance(0.1) ? broken(random, bytes) : bytes;
  return { method: "POST", headers, body: Uint8Array.from(body) };
}

/** Makes recordings and plays them. */
export async function fuzzHttpReplays(
  random: Random,
  cases: number,
): Promise<void> {
  for (let left = cases; left > 0; left--) {
    await using directory = await RecordingDirectory.make();
    await record(random, directory);
    const { code, text } = await replay(directory.path, "--fast");
    if (code === 0) continue;
    wrong(`it differs: ${text}`, await Deno.readFile(directory.path));
  }
}

async function record(
  random: Random,
  directory: RecordingDirectory,
): Promise<void> {
  const target = mcp({
    "tools/call": (message, reply, request) => {
      const fate = FATES[message.params?.name] ?? FATES.answers;
      return fate(message, reply, request);
    },
  });
  await using server = await RawServer.start(async (request, reply) => {
    const isBroken = request.method === "POST" &&
      parseJson(request.text()) === undefined;
    await (isBroken ? reply.status(400) : target(request, reply));
  });
  await using proxy = await directory.start({
    target: server.url,
    args: ["--listen", "127.0.0.1:0", "--no-listen-token"],
    permissions: { net: ["127.0.0.1:0"] },
  });
  const { value } = await proxy.waitForLog(({ value }) =>
    typeof value === "object" && value !== null && "url" in value
  );
  const url = String(Object(value).url);
  for (let left = 4 + random.below(8), id = 1; left > 0; left--) {
    const count = random.chance(0.3) ? 3 : 1;
    const all = Array.from({ length: count }, () => sent(random, id++));
    await Promise.all(all.map(async (init) => {
      // An answer may break off.
      await fetch(url, init).then((answer) => answer.bytes()).catch(() => {});
    }));
  }
  proxy.signal("SIGTERM");
  await proxy.status();
}
