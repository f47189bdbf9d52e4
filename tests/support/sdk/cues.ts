/**
 * Where a test and the tools of an MCP server meet: what the tools wait for,
 * and what they tell.
 */

import { Arrivals } from "../arrivals.ts";

/** A tool call that runs. */
export interface ToolCall {
  readonly tool: string;
  readonly requestId: string | number;
}

/** A tool call that the client gave up. */
export interface Cancellation extends ToolCall {
  readonly reason: string;
}

/** What a session subscribed to, or no longer. */
export interface Subscription {
  readonly uri: string;
  readonly isOn: boolean;
}

/** The cues of all sessions of one server. */
export class Cues {
  /** Calls as their tools start, `echo` and `add` included. */
  readonly started = new Arrivals<ToolCall>("started tool call");
  /** Calls that were cancelled while they ran. */
  readonly cancelled = new Arrivals<Cancellation>("cancelled tool call");
  /** Notifications that the client sent, by method. */
  readonly notified = new Arrivals<string>("notification of the client");
  /** Subscriptions as they are made and ended. */
  readonly subscribed = new Arrivals<Subscription>("subscription");
  #steps = 0;
  readonly #waiting: (() => void)[] = [];

  /** Lets `slow` go on for so many steps. */
  release(steps = 1): void {
    for (let i = 0; i < steps; i++) {
      const next = this.#waiting.shift();
      if (next === undefined) this.#steps++;
      else next();
    }
  }

  /** What a step of `slow` waits for. */
  step(signal: AbortSignal): Promise<void> {
    if (this.#steps > 0) {
      this.#steps--;
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const give = (): void => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = (): void => {
      const place = this.#waiting.indexOf(give);
      if (place !== -1) this.#waiting.splice(place, 1);
      reject(new Error("cancelled"));
    };
    this.#waiting.push(give);
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  /** Nothing more will happen. */
  end(): void {
    for (
      const list of [
        this.started,
        this.cancelled,
        this.notified,
        this.subscribed,
      ]
    ) list.end("the server is closed");
  }
}
