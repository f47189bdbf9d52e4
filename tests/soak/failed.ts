/** Fates in which something goes wrong. */

import { dressRefusal } from "../support/aws/refusal_dress.ts";
import {
  answerOf,
  type Fate,
  JSON_TYPE,
  type Meeting,
  rpcError,
} from "./fate.ts";
import { LOST_SIGNALS } from "./lost_signals.ts";

/** A refusal by one of AWS's front ends, before anything ran. */
async function refuse(
  { reply, random }: Meeting,
  type: string,
  message: string,
  more: Record<string, string> = {},
): Promise<void> {
  const dress = random.pick(["api-gateway", "json", "xml"] as const);
  const { status, headers, body } = dressRefusal({ type, message }, dress, 403);
  await reply.status(status, { ...headers, ...more }, body);
}

/** They, by name. */
export const FAILED: Readonly<Record<string, Fate>> = {
  "is lost after its progress": {
    weight: 5,
    era: "legacy",
    // Who asks for no progress shows none, and then it is proof.
    ends: ["target:-30001", "own:bad-answer"],
    meet: async (meeting) => {
      meeting.run();
      const { id, reply } = meeting;
      const stream = await reply.sse();
      await stream.message(meeting.progress(1));
      const text = "The provided SessionId was not found or has expired";
      await stream.message(rpcError(id, -30001, text));
      await stream.end();
    },
  },
  "loses its session": {
    weight: 1,
    era: "legacy",
    ends: [],
    meet: async ({ id, reply, random, forget }) => {
      forget();
      await random.pick(LOST_SIGNALS)(reply, id);
    },
  },
  "has a stream that is cut": {
    weight: 20,
    ends: ["own:stream-cut"],
    meet: async (meeting) => {
      meeting.run();
      const { reply, random, token } = meeting;
      const stream = await reply.sse();
      if (token !== undefined) await stream.message(meeting.progress(1));
      if (random.chance(0.5)) await stream.raw('data: {"jsonrpc":"2.0","id":');
      if (random.chance(0.5)) await stream.reset();
      else await stream.cut();
    },
  },
  "has a body that is cut": {
    weight: 15,
    ends: ["own:stream-cut"],
    meet: async (meeting) => {
      const text = JSON.stringify(answerOf(meeting));
      const { reply, random } = meeting;
      const length = String(text.length + random.pick([0, 1, 1000]));
      await reply.head(200, { ...JSON_TYPE, "content-length": length });
      await reply.write(text.slice(0, random.below(text.length)));
      await reply.cut();
    },
  },
  "has a body longer than it says": {
    weight: 5,
    ends: ["own:bad-answer", "own:stream-cut"],
    meet: async (meeting) => {
      const text = JSON.stringify(answerOf(meeting));
      const length = String(text.length - 1 - meeting.random.below(20));
      const headers = {
        ...JSON_TYPE,
        "content-length": length,
        "connection": "close",
      };
      await meeting.reply.status(200, headers, text);
      await meeting.reply.cut();
    },
  },
  "is reset before it runs": {
    weight: 12,
    ends: ["own:unreachable"],
    meet: ({ reply }) => reply.reset(),
  },
  "is reset after it ran": {
    weight: 12,
    ends: ["own:unreachable"],
    meet: async ({ run, reply, random }) => {
      run();
      if (random.chance(0.5)) await reply.reset();
      else await reply.cut();
    },
  },
  "is throttled": {
    weight: 20,
    ends: ["own:http-status"],
    meet: ({ reply, random }) =>
      reply.status(
        429,
        { ...JSON_TYPE, ...random.chance(0.5) && { "retry-after": "0" } },
        '{"message":"Too Many Requests"}',
      ),
  },
  "finds nobody there": {
    weight: 12,
    ends: ["own:http-status"],
    meet: ({ reply, random }) =>
      reply.status(
        random.pick([502, 503]),
        random.chance(0.5) ? { "retry-after": "0" } : {},
        "<html>no upstream</html>",
      ),
  },
  "fails after it ran": {
    weight: 12,
    ends: ["own:http-status"],
    meet: async ({ run, reply, random }) => {
      run();
      const status = random.pick([500, 502, 504]);
      await reply.json({ message: "Task timed out" }, status);
    },
  },
  "is redirected": {
    weight: 8,
    ends: ["own:redirect"],
    meet: ({ reply, random, elsewhere }) =>
      reply.status(random.pick([301, 302, 303, 307, 308]), {
        location: elsewhere,
      }),
  },
  "is not allowed": {
    weight: 6,
    ends: ["own:signature"],
    meet: (meeting) =>
      refuse(
        meeting,
        "AccessDeniedException",
        "User is not authorized to perform this action",
      ),
  },
  "has an expired token": {
    weight: 6,
    ends: ["own:credentials"],
    meet: (meeting) =>
      refuse(
        meeting,
        "ExpiredTokenException",
        "The security token included in the request is expired",
      ),
  },
  "has a clock that is wrong": {
    weight: 4,
    ends: ["own:signature"],
    meet: (meeting) => {
      const offsetMs = meeting.random.pick([-1, 1]) * 600_000;
      const date = new Date(Date.now() + offsetMs).toUTCString();
      const text = "Signature expired: it is out of the window of time";
      return refuse(meeting, "InvalidSignatureException", text, { date });
    },
  },
  "has headers that do not match": {
    weight: 8,
    era: "modern",
    ends: ["target:-32020"],
    meet: ({ id, reply }) =>
      reply.json(rpcError(id, -32020, "HeaderMismatch"), 400),
  },
  "has a page for an answer": {
    weight: 8,
    ends: ["own:bad-answer"],
    meet: async ({ run, reply }) => {
      run();
      await reply.status(
        200,
        { "content-type": "text/html" },
        "<h1>Hello</h1>",
      );
    },
  },
  "has JSON that is called a stream": {
    weight: 6,
    ends: ["own:stream-cut", "own:no-answer", "own:bad-answer"],
    meet: async (meeting) => {
      const text = JSON.stringify(answerOf(meeting));
      const headers = { "content-type": "text/event-stream" };
      await meeting.reply.status(200, headers, text);
    },
  },
  "has an answer that says another encoding": {
    weight: 5,
    ends: ["own:bad-answer", "own:stream-cut"],
    overHttp: ["result", "cut"],
    meet: async (meeting) => {
      const text = JSON.stringify(answerOf(meeting));
      const encoding = meeting.random.pick(["gzip", "br", "zstd"]);
      const headers = { ...JSON_TYPE, "content-encoding": encoding };
      await meeting.reply.status(200, headers, text);
    },
  },
  "has no answer": {
    weight: 6,
    ends: ["own:no-answer"],
    meet: async ({ run, reply, random }) => {
      run();
      await reply.status(random.pick([200, 202, 204]), JSON_TYPE);
    },
  },
  "has the answer of another": {
    weight: 6,
    ends: ["own:no-answer"],
    meet: async (meeting) => {
      const { jsonrpc, result } = answerOf(meeting);
      await meeting.reply.json({ jsonrpc, id: "of nobody", result });
    },
  },
  "waits for ever": {
    weight: 0.7,
    ends: ["own:timeout"],
    meet: async ({ run, reply }) => {
      run();
      await reply.hang();
    },
  },
  "sees the target restart": {
    weight: 0.6,
    ends: ["own:unreachable", "own:stream-cut"],
    meet: async ({ run, reply, random, restart }) => {
      if (random.chance(0.5)) run();
      restart();
      await reply.hang();
    },
  },
};
