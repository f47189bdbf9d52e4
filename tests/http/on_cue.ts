import { within } from "../support/time/deadline.ts";
import { type McpHandler, result } from "../support/raw/mcp.ts";

/** Answers when it is told to. */
export function onCue(): {
  handler: McpHandler;
  asked: Promise<void>;
  go(): void;
} {
  const asked = Promise.withResolvers<void>();
  const cue = Promise.withResolvers<void>();
  return {
    handler: async (message, reply) => {
      asked.resolve();
      await Promise.race([cue.promise, reply.closed]);
      await reply.json(result(message));
    },
    asked: within(asked.promise, "the request"),
    go: cue.resolve,
  };
}
