/**
 * Keeps the events of one MCP session, so that a client can resume a stream.
 */

// @ts-types="@modelcontextprotocol/sdk/server/streamableHttp"
import type { EventStore } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";

interface StoredEvent {
  readonly id: string;
  readonly streamId: string;
  readonly message: JSONRPCMessage;
}

/** Events in the order in which they were sent. */
export class MemoryEventStore implements EventStore {
  readonly #events: StoredEvent[] = [];

  /** Keeps an event. */
  storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const id = `event-${this.#events.length}`;
    this.#events.push({ id, streamId, message });
    return Promise.resolve(id);
  }

  /** The stream that an event was sent on. */
  getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return Promise.resolve(this.#find(eventId)?.streamId);
  }

  /** Sends again what followed an event on its stream. */
  async replayEventsAfter(
    lastEventId: string,
    { send }: {
      send: (eventId: string, message: JSONRPCMessage) => Promise<void>;
    },
  ): Promise<string> {
    const last = this.#find(lastEventId);
    if (last === undefined) throw new Error(`no event ${lastEventId}`);
    for (const event of this.#events.slice(this.#events.indexOf(last) + 1)) {
      // An event without a method or an id only primes the stream.
      const isMessage = Object.keys(event.message).length > 0;
      if (event.streamId === last.streamId && isMessage) {
        await send(event.id, event.message);
      }
    }
    return last.streamId;
  }

  #find(eventId: string): StoredEvent | undefined {
    return this.#events.find(({ id }) => id === eventId);
  }
}
