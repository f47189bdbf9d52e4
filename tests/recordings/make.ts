/**
 * Makes the recordings beside this file anew: `deno run -A
 * tests/recordings/make.ts`. The faults are of kinds that users have reported.
 */

import { mcp, result, Sessions } from "../support/raw/mcp.ts";
import type { RawHandler } from "../support/raw/server.ts";
import { RawServer } from "../support/raw/server.ts";
import { keysOf, RecordingDirectory } from "../recorder/recording.ts";
import { NO_KEYS } from "../support/aws/test_identity.ts";
import { tempDir } from "../support/temp_dir.ts";

const HERE = new URL("./", import.meta.url);

const SAID = { content: [{ type: "text", text: "it is done" }] };
const CALL = { name: "work", arguments: { on: "a thing", times: 3 } };

/** The session is lost twice, and the target says so in two ways. */
function lostSession(): RawHandler {
  const sessions = new Sessions();
  let calls = 0;
  return mcp({
    "tools/call": async (message, reply) => {
      switch (++calls) {
        case 2:
          sessions.known.clear();
          return await reply.status(
            400,
            { "content-type": "text/plain" },
            "Bad Request: No valid session ID provided",
          );
        case 4:
          sessions.known.clear();
          return await reply.json({ error: "Session not found" }, 404);
        default:
          return await reply.json(result(message, SAID));
      }
    },
  }, sessions);
}

/** A stream is cut where it can be resumed, and where it cannot. */
function cutStream(): RawHandler {
  let calls = 0;
  let cut: unknown;
  return mcp({
    "tools/call": async (message, reply) => {
      const stream = await reply.sse();
      if (++calls === 1) {
        cut = message;
        await stream.event({ id: "first", data: "", retry: 10 });
      } else await stream.raw('data: {"jsonrpc":"2.0","id"');
      await stream.cut();
    },
    GET: async (_message, reply, request) => {
      if (request.header("last-event-id") === undefined) {
        return await reply.status(405);
      }
      const stream = await reply.sse();
      await stream.message(result(cut, SAID), "second");
      await stream.end();
    },
  });
}

/** Credentials are refused and fresh ones are not; then there is too much. */
function refused(): RawHandler {
  let calls = 0;
  return mcp({
    "tools/call": async (message, reply) => {
      switch (++calls) {
        case 1:
          await Deno.writeTextFile(keys, keysOf("AKIDSECONDKEY00002"));
          return await reply.json(
            {
              message: "The security token included in the request is expired",
            },
            403,
            { "x-amzn-errortype": "ExpiredTokenException" },
          );
        case 3:
          return await reply.json({ message: "Too Many Requests" }, 429, {
            "retry-after": "0",
          });
        case 5:
          return await reply.json(
            { message: "User is not authorized to access this resource" },
            403,
            { "x-amzn-errortype": "AccessDeniedException" },
          );
        default:
          return await reply.json(result(message, SAID));
      }
    },
  });
}

await using home = await tempDir({ ".aws/credentials": "" });
const keys = `${home.path}/.aws/credentials`;

async function record(name: string, handler: RawHandler): Promise<void> {
  await Deno.writeTextFile(keys, keysOf("AKIDFIRSTKEY000001"));
  await using directory = await RecordingDirectory.make();
  await using server = await RawServer.start(handler);
  await using proxy = await directory.start({
    target: server.url,
    home: home.path,
    env: NO_KEYS,
    args: ["--retries", "1"],
  });
  await proxy.initialize();
  for (let call = 0; call < 3; call++) await proxy.request("tools/call", CALL);
  await proxy.closeStdin();
  await proxy.status();
  await Deno.copyFile(directory.path, new URL(`${name}.jsonl`, HERE));
}

await record("lost_session", lostSession());
await record("cut_stream", cutStream());
await record("refused", refused());
