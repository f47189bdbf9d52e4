/** What a layer waits for: answers, and work of its own. */

import type { Log } from "../../log/log.ts";
import { LruCache } from "../../lru_cache.ts";
import {
  type RequestId,
  type ResponseMessage,
  stringId,
} from "../wire/message.ts";
import {
  type Answer,
  type Link,
  messageFrame,
  notifyCancelled,
  type Part,
  send,
} from "./link.ts";

/** How many cancelled requests are remembered; the oldest go first. */
const MAX_CANCELLED = 1024;

/** Requests whose answers a layer looks at on their way to the client. */
export class AwaitedAnswers<T = true> {
  readonly #awaited = new Map<string, T>();
  /** Those that may never be answered: nothing else takes them out. */
  readonly #cancelled = new LruCache<T>(MAX_CANCELLED);

  expect({ key }: RequestId, noted: T): void {
    this.#cancelled.delete(key);
    this.#awaited.set(key, noted);
  }

  /** Notes that nobody wants the answer any more, which may still come. */
  cancel({ key }: RequestId): T | undefined {
    const noted = this.#awaited.get(key);
    if (noted === undefined) return undefined;
    this.#awaited.delete(key);
    this.#cancelled.set(key, noted);
    return noted;
  }

  /** What was noted of a request; it is forgotten. */
  take(id: RequestId | undefined): T | undefined {
    const key = id?.key ?? "";
    const noted = this.#awaited.get(key) ?? this.#cancelled.get(key);
    this.#awaited.delete(key);
    this.#cancelled.delete(key);
    return noted;
  }

  /**
   * The parts of a frame that are answers to such requests; each is taken.
   *
   * @param left What is still noted of others with the ID, if any.
   */
  takeFrom(
    parts: readonly Part[],
    left?: (noted: T, answer: ResponseMessage) => T | undefined,
  ): Map<Part, T> {
    const taken = new Map<Part, T>();
    for (const part of parts) {
      if (part.message.kind !== "response") continue;
      const { id } = part.message;
      const noted = this.take(id);
      if (noted === undefined) continue;
      taken.set(part, noted);
      const rest = left?.(noted, part.message);
      if (id && rest !== undefined) this.#cancelled.set(id.key, rest);
    }
    return taken;
  }

  /** What was noted of those that are not cancelled. */
  get awaited(): readonly T[] {
    return [...this.#awaited.values()];
  }

  get size(): number {
    return this.#awaited.size;
  }

  get isIdle(): boolean {
    return this.#awaited.size === 0 && this.#cancelled.size === 0;
  }
}

interface OwnRequest {
  readonly id: RequestId;
  readonly method: string;
  resolve?: (answer: Answer) => void;
}

/** A layer's own requests; the client sees none of their answers. */
export class OwnRequests {
  readonly #name: string;
  readonly #link: Pick<Link, "accept">;
  readonly #answers = new AwaitedAnswers<OwnRequest>();
  #count = 0;

  /** @param name What their IDs begin with. */
  constructor(name: string, link: Pick<Link, "accept">) {
    this.#name = name;
    this.#link = link;
  }

  nextId(): RequestId {
    return stringId(`${this.#name}:${++this.#count}`);
  }

  /** Sends a request, and resolves to its answer, error or result. */
  async ask(
    method: string,
    params: unknown,
    id?: RequestId,
  ): Promise<ResponseMessage> {
    const [answer] = await this.askFor(method, JSON.stringify(params), id);
    return answer;
  }

  /** The same with parameters that are JSON to the letter; so is the answer. */
  askFor(
    method: string,
    params: string | undefined,
    id: RequestId = this.nextId(),
  ): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#answers.expect(id, { id, method, resolve });
    send(this.#link, messageFrame(method, params, id));
    return promise;
  }

  take(answer: ResponseMessage, bytes: Uint8Array): boolean {
    const request = this.#answers.take(answer.id);
    request?.resolve?.([answer, bytes]);
    return request !== undefined;
  }

  /** The parts of a frame that are no answers to these requests. */
  takeFrom(parts: readonly Part[]): Part[] {
    return parts.filter(({ message, bytes }) =>
      message.kind !== "response" || !this.take(message, bytes)
    );
  }

  /** Gives up on an answer; its promise stays pending. */
  forget(id: RequestId): void {
    this.#answers.take(id);
  }

  /** Cancels a request unless it is answered; its promise stays pending. */
  cancel(id: RequestId): void {
    const request = this.#answers.cancel(id);
    if (!request) return;
    delete request.resolve;
    notifyCancelled(this.#link, id);
  }

  cancelAll(method: string): void {
    for (const { id, method: its } of this.#answers.awaited) {
      if (its === method) this.cancel(id);
    }
  }

  get size(): number {
    return this.#answers.size;
  }

  /** Whether no answer may come that is not the client's to see. */
  get isIdle(): boolean {
    return this.#answers.isIdle;
  }
}

/** Work under way, which a layer waits for at its end. */
export class Background {
  readonly #log: Log;
  readonly #work = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  get isIdle(): boolean {
    return this.#work.size === 0;
  }

  /** Starts some work; resolves when it is done, or has failed. */
  start(work: () => Promise<void>): Promise<void> {
    const done = work().catch((error) => {
      // Only a client that is gone brings us here.
      this.#log.debug("could not answer", { error: String(error) });
    }).finally(() => this.#work.delete(done));
    this.#work.add(done);
    return done;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#work);
  }
}
