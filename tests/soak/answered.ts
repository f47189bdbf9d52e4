/** Fates in which a request has its own answer, and is given it. */

import {
  answerOf,
  type Fate,
  JSON_TYPE,
  KEPT,
  pause,
  rpcError,
} from "./fate.ts";

/** They, by name. */
export const ANSWERED: Readonly<Record<string, Fate>> = {
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
  "is answered in letters that no parser keeps": {
    weight: 20,
    ends: ["result"],
    meet: async ({ id, run, reply }) => {
      const { number } = run();
      const text = `{ "result":{"number":${number},${KEPT}} ,` +
        `"id":${JSON.stringify(id)}, "jsonrpc" : "2.0"}`;
      await reply.status(200, JSON_TYPE, text);
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
          await stream.message(meeting.progress(4 - left));
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
    late: "own:bad-answer",
    meet: async (meeting) => {
      const { id, reply, random } = meeting;
      const stream = await reply.sse();
      const broken = [{ id, result: {} }, {
        jsonrpc: "2.0",
        id,
        result: null,
      }];
      // At once: a second one that comes much later is too late.
      const messages = [random.pick(broken), answerOf(meeting)];
      await stream.raw(
        messages.map((one) => `data: ${JSON.stringify(one)}\n\n`).join(""),
      );
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
    ends: ["result"],
    meet: async (meeting) => {
      const { reply, token } = meeting;
      const eventId = meeting.leave(answerOf(meeting));
      const stream = await reply.sse();
      await stream.event({ id: eventId, retry: 20, data: "" });
      if (token !== undefined) await stream.message(meeting.progress(1));
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
    overHttp: ["passed"],
    meet: async (meeting) => {
      meeting.run();
      const id = meeting.random.pick([null, "server-error"]);
      await meeting.reply.json(rpcError(id, -32603, "Internal error"));
    },
  },
};
