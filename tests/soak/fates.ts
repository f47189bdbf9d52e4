/** What a request may meet at the chaos target: one table. */

import type { RawReply } from "../support/raw_server.ts";
import type { Random } from "../support/random.ts";
import { LOST_SIGNALS } from "./lost_signals.ts";

/** What a client may be told: a result, an error of ours, or the target's. */
export type Outcome = "result" | `own:${string}` | `target:${number}`;

/** At the front an answer may also break off, or pass as another page. */
export type FrontOutcome = Outcome | "cut" | "passed";

/** The two eras of the protocol. */
export type SoakEra = "legacy" | "modern";

/** How clients reach the proxy. */
export type Surface = "stdio" | "front";

/** A request at the target. */
export interface Meeting {
  readonly id: number | string;
  readonly token: unknown;
  readonly reply: RawReply;
  readonly random: Random;
  /** Runs the request, and gives its result. */
  run(): unknown;
  /** Asks the client something, and waits for what it says. */
  ask(send: (question: unknown) => Promise<void>): Promise<void>;
  /** Keeps what is left of a stream for whoever resumes it. */
  leave(rest: unknown): string;
  /** Resets the connection when the next request comes on it, unread. */
  resetNext(): void;
  /** Forgets all sessions. */
  forget(): void;
  /** Closes every connection and listens again. */
  restart(): void;
  /** Another address of the target's, where nobody has any business. */
  readonly elsewhere: string;
}

/** One fate. */
export interface Fate {
  /** How often it is met, beside the others. */
  readonly weight: number;
  readonly era?: SoakEra;
  readonly surface?: Surface;
  /** What may come of it when nothing follows. */
  readonly ends: readonly Outcome[];
  /** The same at the front, where it is not what {@linkcode frontEnds} says. */
  readonly atFront?: readonly FrontOutcome[];
  /** How many answers pass at the front; one without. */
  readonly copies?: number;
  readonly meet: (meeting: Meeting) => Promise<void>;
}

/** Waits for some milliseconds of the target's choosing. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const rpcError = (id: unknown, code: number, message: string) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

const progress = (token: unknown, progress: number) => ({
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progressToken: token, progress },
});

const answerOf = ({ id, run }: Meeting) => ({
  jsonrpc: "2.0",
  id,
  result: run(),
});

const JSON_TYPE = { "content-type": "application/json" };
const AWS_JSON = { "content-type": "application/x-amz-json-1.1" };

/** A refusal by AWS's front ends, before anything ran. */
async function refuse(
  { reply }: Meeting,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): Promise<void> {
  const all = { ...AWS_JSON, "x-amzn-errortype": type, ...headers };
  await reply.status(403, all, JSON.stringify({ message }));
}

/** How what a client over stdio is told ends at the front, which fixes nothing. */
export function frontEnds({ ends, atFront }: Fate): readonly FrontOutcome[] {
  return atFront ?? ends.flatMap((end): readonly FrontOutcome[] => {
    switch (end) {
      case "own:http-status":
      case "own:no-answer":
        return ["passed"];
      case "own:stream-cut":
        return ["cut"];
      case "own:bad-answer":
        return ["passed", "cut", end];
      default:
        return [end];
    }
  });
}

/** All fates, by name. */
export const FATES: Readonly<Record<string, Fate>> = {
  "is answered": {
    weight: 400,
    ends: ["result"],
    meet: (meeting) => meeting.reply.json(answerOf(meeting)),
  },
  "is answered late": {
    weight: 60,
    ends: ["result"],
    meet: async (meeting) => {
      const answer = answerOf(meeting);
      await pause(meeting.random.below(80));
      await meeting.reply.json(answer);
    },
  },
  "is answered in a trickle": {
    weight: 15,
    ends: ["result"],
    meet: async (meeting) => {
      const stream = await meeting.reply.stream(200, JSON_TYPE);
      const text = JSON.stringify(answerOf(meeting));
      for (let at = 0; at < text.length; at += 40) {
        await stream.raw(text.slice(at, at + 40));
        await pause(meeting.random.below(4));
      }
      await stream.end();
    },
  },
  "is answered by a stream": {
    weight: 120,
    ends: ["result"],
    meet: async (meeting) => {
      const { reply, random, token } = meeting;
      const answer = answerOf(meeting);
      const stream = await reply.sse({}, {
        chunkBytes: random.pick([7, 64, 4096]),
      });
      for (let left = random.below(4); left > 0; left--) {
        const kind = random.below(3);
        if (kind === 0) await stream.comment("still there");
        else if (kind === 1) await stream.event({ data: "heartbeat" });
        else if (token !== undefined) {
          await stream.message(progress(token, 4 - left));
        }
        if (random.chance(0.3)) await pause(random.below(20));
      }
      await stream.message(answer);
      await stream.end();
    },
  },
  "has a large answer": {
    weight: 4,
    ends: ["result"],
    meet: async (meeting) => {
      const { jsonrpc, id, result } = answerOf(meeting);
      const filler = "x".repeat(meeting.random.below(400_000));
      await meeting.reply.json({ jsonrpc, id, result: { filler, result } });
    },
  },
  "is answered, and the next of its connection is reset unread": {
    weight: 12,
    ends: ["result"],
    meet: async (meeting) => {
      meeting.resetNext();
      await meeting.reply.json(answerOf(meeting));
    },
  },
  "has a broken answer before its own": {
    weight: 10,
    surface: "stdio",
    ends: ["result"],
    meet: async (meeting) => {
      const { id, reply, random } = meeting;
      const stream = await reply.sse();
      const broken = [{ id, result: {} }, {
        jsonrpc: "2.0",
        id,
        result: null,
      }];
      await stream.message(random.pick(broken));
      await stream.message(answerOf(meeting));
      await stream.end();
    },
  },
  "is answered twice": {
    weight: 20,
    ends: ["result"],
    copies: 2,
    meet: async (meeting) => {
      const stream = await meeting.reply.sse();
      const answer = answerOf(meeting);
      await stream.message(answer);
      await stream.message(answer);
      await stream.end();
    },
  },
  "is asked something first": {
    weight: 15,
    era: "legacy",
    surface: "stdio",
    ends: ["result"],
    meet: async (meeting) => {
      const answer = answerOf(meeting);
      const stream = await meeting.reply.sse();
      await meeting.ask((question) => stream.message(question));
      await stream.message(answer);
      await stream.end();
    },
  },
  "has a stream that is resumed": {
    weight: 15,
    era: "legacy",
    surface: "stdio",
    // Its session may be lost before it is.
    ends: ["result", "own:stream-cut"],
    meet: async (meeting) => {
      const { reply, token } = meeting;
      const eventId = meeting.leave(answerOf(meeting));
      const stream = await reply.sse();
      await stream.event({ id: eventId, retry: 20, data: "" });
      if (token !== undefined) await stream.message(progress(token, 1));
      await stream.cut();
    },
  },
  "has an error for an answer": {
    weight: 20,
    ends: ["target:-32000"],
    meet: async (meeting) => {
      meeting.run();
      await meeting.reply.json(rpcError(meeting.id, -32000, "it did not work"));
    },
  },
  "has an error with HTTP 404": {
    weight: 8,
    ends: ["target:-32000"],
    meet: async (meeting) => {
      meeting.run();
      const text = "the order was placed, its receipt is not there";
      await meeting.reply.json(rpcError(meeting.id, -32000, text), 404);
    },
  },
  "has an error of no ID": {
    weight: 6,
    ends: ["target:-32603"],
    atFront: ["passed"],
    meet: async (meeting) => {
      meeting.run();
      const id = meeting.random.pick([null, "server-error"]);
      await meeting.reply.json(rpcError(id, -32603, "Internal error"));
    },
  },
  "is lost after its progress": {
    weight: 5,
    era: "legacy",
    // Who asks for no progress shows none, and then it is proof.
    ends: ["target:-30001", "own:bad-answer"],
    meet: async (meeting) => {
      meeting.run();
      const { id, reply, token } = meeting;
      const stream = await reply.sse();
      await stream.message(progress(token ?? "of nobody", 1));
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
      if (token !== undefined) await stream.message(progress(token, 1));
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
    atFront: ["result", "cut"],
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
