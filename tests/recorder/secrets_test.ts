/** Secrets and data wherever they may stand, and nothing of them in the file. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { htmlOf } from "../../src/commands/record/html.ts";
import { textOf } from "../../src/commands/record/text.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { loadRecording } from "../../src/recorder/read.ts";
import { mcp, result, Sessions } from "../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../support/raw/server.ts";
import { RecordingDirectory } from "./recording.ts";
import { TEST_CREDENTIALS } from "../support/aws/test_identity.ts";

/** What gives access, by where it stands: never in a recording. */
const KEYS = {
  header: "Bearer planted-header-4f7a1c9e2b",
  query: "planted-query-8d3b5e7f1a",
  cookie: "planted-cookie-6c2e9f4b8d",
  session: "planted-session-1a5c7e9b3d",
  location: "planted-location-7b2d4f6a8c",
};

/** What somebody says: in a recording only with `--record-bodies`. */
const DATA = {
  argument: "planted argument",
  argumentKey: "planted_argument_key",
  number: "8273645519",
  text: "planted result",
  structured: "planted structured",
  structuredKey: "planted_structured_key",
  uri: "planted-uri",
  prompt: "planted prompt argument",
  log: "planted log",
  logKey: "planted_log_key",
  progress: "planted progress",
  meta: "planted meta",
  metaKey: "planted.example/meta-key",
  description: "planted description",
  unknown: "planted_unknown_member",
  page: "planted page",
  errorData: "planted error data",
  ownCode: "planted data of a code like ours",
};

function target(sessions: Sessions): RawHandler {
  let calls = 0;
  return mcp({
    initialize: (message, reply) => {
      sessions.known.add(KEYS.session);
      return reply.json(
        result(message, {
          protocolVersion: "2025-11-25",
          capabilities: { tools: {} },
          serverInfo: { name: "raw", version: "1" },
          instructions: DATA.description,
        }),
        200,
        {
          "mcp-session-id": KEYS.session,
          "set-cookie": `route=${KEYS.cookie}; Path=/`,
        },
      );
    },
    "tools/list": (message, reply) =>
      reply.json(result(message, {
        tools: [{
          name: "work",
          description: DATA.description,
          inputSchema: { type: "object" },
        }],
        [DATA.unknown]: 1,
      })),
    "tools/call": async (message, reply) => {
      switch (++calls) {
        case 1: {
          const stream = await reply.sse();
          await stream.message({
            jsonrpc: "2.0",
            method: "notifications/progress",
            params: { progressToken: 1, progress: 1, message: DATA.progress },
          });
          await stream.message({
            jsonrpc: "2.0",
            method: "notifications/message",
            params: { level: "info", data: { [DATA.logKey]: DATA.log } },
          });
          await stream.message(
            result(message, {
              content: [{ type: "text", text: DATA.text }, {
                type: "resource",
                resource: { uri: `file:///${DATA.uri}`, text: DATA.text },
              }],
              structuredContent: { [DATA.structuredKey]: DATA.structured },
              _meta: { [DATA.metaKey]: DATA.meta },
            }),
          );
          return await stream.end();
        }
        case 2:
          return await reply.json({
            error: `no access: ${KEYS.session} ${KEYS.cookie} ${KEYS.query} ` +
              `${KEYS.header} ${TEST_CREDENTIALS.sessionToken}`,
          }, 400);
        case 3:
          return await reply.json({
            jsonrpc: "2.0",
            id: message.id,
            error: { code: -32000, message: "no", data: DATA.errorData },
          });
        case 4:
          return await reply.json({
            jsonrpc: "2.0",
            id: message.id,
            error: { code: -31015, message: "no", data: { x: DATA.ownCode } },
          });
        case 5:
          return await reply.status(
            200,
            { "content-type": "text/html" },
            `<p>${DATA.page}</p>`,
          );
      }
      await reply.status(302, {
        location: `https://elsewhere.example/?token=${KEYS.location}`,
      });
    },
  }, sessions);
}

async function recorded(...args: string[]): Promise<string[]> {
  await using directory = await RecordingDirectory.make();
  await using server = await RawServer.start(target(new Sessions()));
  const url = new URL(server.url);
  url.searchParams.set("key", KEYS.query);
  {
    await using proxy = await directory.startHere({
      target: url,
      args: [
        "--cookies",
        "--retries",
        "0",
        "--header",
        `Authorization-Two: ${KEYS.header}`,
        ...args,
      ],
    });
    await proxy.initialize();
    await proxy.request("tools/list");
    for (let call = 0; call < 6; call++) {
      await proxy.request("tools/call", {
        name: "work",
        arguments: {
          [DATA.argumentKey]: DATA.argument,
          number: Number(DATA.number),
        },
        _meta: { progressToken: 1, [DATA.metaKey]: DATA.meta },
      });
    }
    await proxy.request("resources/read", { uri: `file:///${DATA.uri}` });
    await proxy.request("prompts/get", {
      name: "ask",
      arguments: { about: DATA.prompt },
    });
    await proxy.closeStdin();
    await proxy.status();
  }
  const recording = await loadRecording(directory.path, OPTION_NAMES);
  const { text } = await directory.read();
  return [text, htmlOf(recording), textOf(recording, false)];
}

/** Those that stand in a text. */
function found(text: string, planted: Readonly<Record<string, string>>) {
  return Object.keys(planted).filter((name) => {
    const words = planted[name].replace(/^Bearer /, "");
    return text.includes(words) || text.includes(encodeURIComponent(words));
  });
}

Deno.test("no key and nothing that was said is in a recording, its page or its timeline", async () => {
  for (const text of await recorded()) {
    assertEquals(found(text, { ...KEYS, ...DATA, ...TEST_CREDENTIALS }), []);
  }
});

Deno.test("with --record-bodies a recording has what was said, and no key", async () => {
  const texts = await recorded("--record-bodies");
  for (const text of texts) {
    assertEquals(found(text, { ...KEYS, ...TEST_CREDENTIALS }), []);
  }
  assertEquals(found(texts[0], DATA), Object.keys(DATA));
  assertStringIncludes(texts[1], DATA.argument);
});
