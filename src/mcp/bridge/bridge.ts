/**
 * A client of one era before a target of the other.
 *
 * What each of them speaks shows in what they say. A client's `initialize` goes
 * to the target as it is; should the target refuse it, but answer
 * `server/discover`, what the client sends is translated from then on
 * ({@linkcode LegacyToModern}). Before a client's first request of the modern
 * era the target is asked `server/discover`; should it not know that, but take
 * `initialize`, the other translation begins ({@linkcode ModernToLegacy}).
 * While this is found out, messages wait. In all other cases they pass.
 */

import { keep } from "../../blob.ts";
import type { Log } from "../../log/log.ts";
import {
  AwaitedAnswers,
  Background,
  OwnRequests,
} from "../transport/awaited.ts";
import type { Exchange } from "../transport/exchange.ts";
import { mayBeOfOtherEra } from "../transport/own_error.ts";
import {
  type Emit,
  emitQuietly,
  type Link,
  notify,
} from "../transport/link.ts";
import type { RouterHooks } from "../transport/answers/delivery.ts";
import { eraOf } from "../wire/era.ts";
import {
  parseMessageInTurns,
  type RequestMessage,
  type ResponseMessage,
  type SingleMessage,
  type ValidMessage,
} from "../wire/message.ts";
import type { BridgeContext } from "./context.ts";
import { LegacyToModern } from "./legacy_to_modern.ts";
import { ModernToLegacy } from "./modern_to_legacy.ts";

/** The error of a target that does not speak a request's revision. */
const UNSUPPORTED_VERSION = -32022;

type Translation = LegacyToModern | ModernToLegacy | undefined;

export interface EraBridgeOptions {
  readonly emit: Emit;
  readonly log: Log;
  /** What lies behind the bridge, handed the bridge's emit and its pass. */
  readonly link: (emit: Emit, pass: RouterHooks["pass"]) => Link;
}

/** Finds out what both sides speak, and translates if that differs. */
export class EraBridge implements Link {
  readonly #emit: Emit;
  readonly #context: BridgeContext;
  readonly #legacyToModern: LegacyToModern;
  readonly #modernToLegacy: ModernToLegacy;
  /** Resolves when what waits meanwhile may go on, to whether that is decided. */
  #deciding: PromiseWithResolvers<boolean> | undefined;
  #isDecided = false;
  /** Requests that went out as they were, before it was decided. */
  readonly #untouched = new AwaitedAnswers();
  /** The one in use; `undefined` where messages pass. */
  #translation: Translation;
  /** The client's last `initialize`. */
  #initialize: RequestMessage | undefined;
  /** Whether the target has not answered it. */
  #isInitializing = false;

  constructor({ emit, log, link }: EraBridgeOptions) {
    this.#emit = emit;
    const behind = link(
      (frame) => this.#receive(frame),
      (message, frame, exchange) => this.#pass(message, frame, exchange),
    );
    this.#context = {
      emit: (frame) => emitQuietly(emit, frame),
      log,
      link: behind,
      own: new OwnRequests("sigv4-proxy:bridge", behind),
      background: new Background(log),
    };
    this.#legacyToModern = new LegacyToModern(this.#context);
    this.#modernToLegacy = new ModernToLegacy(this.#context);
  }

  accept(bytes: Uint8Array, message: ValidMessage): Promise<void> | void {
    // A call may be sent once more when the client has answered what it asks.
    keep(bytes);
    const { link, background } = this.#context;
    if (this.#deciding && !this.#isAhead(message)) {
      return this.#acceptLater(bytes.slice(), message);
    }
    if (message.kind === "request" && message.method === "initialize") {
      this.#decide();
      // The last one decides; those before it pass.
      const { id } = this.#initialize ?? {};
      if (id && this.#isInitializing) this.#untouched.expect(id, true);
      this.#initialize = message;
      this.#isInitializing = true;
      return link.accept(bytes, message);
    }
    if (!this.#isDecided && message.kind === "request") {
      if (eraOf(message) === "modern") {
        this.#decide();
        void background.start(() => this.#decideForModern(message));
        return this.#acceptLater(bytes.slice(), message);
      }
      this.#untouched.expect(message.id, true);
    }
    return (this.#translation ?? link).accept(bytes, message);
  }

  /** A target may ask before it answers `initialize`, and wait for that. */
  #isAhead(message: ValidMessage): boolean {
    if (!this.#isInitializing) return false;
    return message.kind === "response" ||
      (message.kind === "request" && message.method === "initialize");
  }

  #decide(): void {
    if (this.#deciding) return;
    this.#deciding = Promise.withResolvers<boolean>();
    // Before what waits goes on, so that what comes then stays behind it.
    this.#deciding.promise.then(() => this.#deciding = undefined);
  }

  /** @param bytes A copy: it may be a small part of what was read. */
  async #acceptLater(bytes: Uint8Array, message: ValidMessage): Promise<void> {
    const isDecided = await this.#deciding?.promise;
    const isModern = message.kind === "request" && eraOf(message) === "modern";
    if (isDecided !== false || !isModern) return this.accept(bytes, message);
    // It passes, and the next one finds out anew.
    this.#untouched.expect(message.id, true);
    await this.#context.link.accept(bytes, message);
  }

  async #decideForModern(first: RequestMessage): Promise<void> {
    // The target may ask before it answers the hidden `initialize`, too.
    this.#translation = this.#modernToLegacy;
    const isLegacy = await this.#modernToLegacy.begin(first);
    const translation = isLegacy ? this.#modernToLegacy : undefined;
    this.#settle(translation, isLegacy !== undefined);
  }

  /** Whether an answer may tell that the target is of another era than thought. */
  #tellsEra({ id, error }: ResponseMessage): boolean {
    if (this.#isInitializing) return id?.key === this.#initialize?.id.key;
    // Another target may be there by now.
    const isPassing = this.#isDecided && !this.#deciding && !this.#translation;
    return isPassing && error?.code === UNSUPPORTED_VERSION;
  }

  async #decideForLegacy(
    { error }: ResponseMessage,
    frame: Uint8Array,
  ): Promise<void> {
    const initialize = this.#initialize;
    const isAnswer = this.#isInitializing;
    this.#isInitializing = false;
    if (!initialize || !error || !mayBeOfOtherEra(error.data)) {
      this.#settle(undefined);
      return await this.#emit(frame);
    }
    this.#decide();
    void this.#context.background.start(async () => {
      const initialised = await this.#legacyToModern.begin(initialize);
      await this.#emit(isAnswer && initialised || frame);
      this.#settle(initialised && this.#legacyToModern);
      if (!initialised || isAnswer) return;
      notify(this.#legacyToModern, "notifications/initialized");
    });
  }

  #settle(translation: Translation, isDecided = true): void {
    this.#isDecided = isDecided;
    this.#translation = translation;
    this.#deciding?.resolve(isDecided);
  }

  async #receive(frame: Uint8Array): Promise<void> {
    const message = await parseMessageInTurns(frame);
    if (message.kind === "invalid" || message.kind === "batch") {
      return await this.#emit(frame);
    }
    if (message.kind === "response") {
      if (this.#context.own.take(message, frame)) return;
      if (this.#tellsEra(message)) {
        return await this.#decideForLegacy(message, frame);
      }
      if (this.#untouched.take(message.id)) return await this.#emit(frame);
    }
    const translation = this.#translation;
    const given = translation ? translation.receive(frame, message) : frame;
    if (given) await this.#emit(given);
  }

  /** Takes requests of the target's; all else goes on to `#receive`. */
  #pass(
    message: SingleMessage,
    frame: Uint8Array,
    exchange: Exchange | undefined,
  ): readonly Uint8Array[] {
    const isHidden = this.#translation === this.#modernToLegacy;
    if (!isHidden || message.kind !== "request") return [frame];
    this.#modernToLegacy.calls.ask(message, frame, exchange);
    return [];
  }

  async drain(deadline: AbortSignal): Promise<void> {
    const { link, background } = this.#context;
    this.#modernToLegacy.end();
    this.#legacyToModern.end();
    // What is decided while it drains sends what has waited for it.
    do {
      await link.drain(deadline);
      await background.settled();
    } while (!background.isIdle);
    await link.drain(deadline);
  }

  close(limitMs: number): Promise<void> {
    return this.#context.link.close(limitMs);
  }
}
