/** A target of HTTP+SSE, the transport of revision 2024-11-05. */

import { INITIALIZED, result } from "./mcp.ts";
import type { RawEventStream, RawReply } from "./reply.ts";
import type { RawHandler } from "./server.ts";

/** One message of a client, parsed. */
// deno-lint-ignore no-explicit-any
type Parsed = any;

/** The stream that answers go over, and the number of its session, from 1. */
interface Channel {
  readonly stream: RawEventStream;
  readonly session: number;
}

/**
 * A handler that opens a session for each GET, takes what is posted with 202
 * and answers `initialize`.
 *
 * @param take What else is posted meets this.
 * @param refuse Answers the POST itself, and then says so.
 */
export function httpSse(
  take: (message: Parsed, channel: Channel) => void | Promise<void>,
  refuse: (
    message: Parsed,
    reply: RawReply,
    channel: Channel,
  ) => Promise<boolean> = () => Promise.resolve(false),
): RawHandler {
  const channels = new Map<string, Channel>();
  return async (request, reply) => {
    if (request.method === "GET") {
      const stream = await reply.sse();
      const session = channels.size + 1;
      const data = `/messages?session=${session}`;
      channels.set(data, { stream, session });
      await stream.event({ event: "endpoint", data });
      return await stream.closed;
    }
    const channel = channels.get(request.target);
    if (channel === undefined) throw new Error(`no session ${request.target}`);
    const message: Parsed = JSON.parse(request.text());
    if (await refuse(message, reply, channel)) return;
    await reply.status(202);
    if (message.method !== "initialize") return await take(message, channel);
    await channel.stream.message(result(message, INITIALIZED));
  };
}
