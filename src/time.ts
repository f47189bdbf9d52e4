/** Timers, deadlines and aborts. */

/** The longest delay of a timer; a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Something that is over at some time, unless it is let go of before. */
export interface Deadline {
  /** When to look at it, by `performance.now()`; `Infinity`: not again. */
  dueAt: number;
  /** Looks whether it is over, and sets {@linkcode Deadline.dueAt} anew. */
  look(): void;
}

/** Deadlines are not looked at more often than this. */
const SWEEP_MS = 10;

/** Deadlines under way, all on one timer. */
export class Deadlines {
  readonly #deadlines = new Set<Deadline>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  /** Looks at a deadline when it is due; again, when it is due earlier now. */
  add(deadline: Deadline): void {
    this.#deadlines.add(deadline);
    if (deadline.dueAt < this.#timerAt) this.#wait(deadline.dueAt);
  }

  /**
   * Lets go of a deadline. The timer stays, if it was for that one, until it
   * finds nothing: to set and clear it for each of them costs far more.
   */
  delete(deadline: Deadline): void {
    this.#deadlines.delete(deadline);
  }

  /** Lets go of all of them, and of the timer. */
  stop(): void {
    this.#deadlines.clear();
    this.#wait(Infinity);
  }

  #wait(until: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = until;
    if (until === Infinity) return;
    const delayMs = Math.max(until - performance.now(), 0);
    this.#timer = setTimeout(
      () => this.#sweep(),
      Math.min(delayMs, MAX_TIMER_MS),
    );
  }

  #sweep(): void {
    const now = performance.now();
    let next = Infinity;
    for (const deadline of this.#deadlines) {
      if (deadline.dueAt <= now) deadline.look();
      if (this.#deadlines.has(deadline)) next = Math.min(next, deadline.dueAt);
    }
    this.#wait(Math.max(next, now + SWEEP_MS));
  }
}

/**
 * How long a last look is waited for when a limit is over, about as long as it
 * has been over: where the process stood still, what came is not read yet.
 */
const MIN_LOOK_MS = 50;
const MAX_LOOK_MS = 1_000;

/** A limit that is the same from each {@linkcode TimeLimit.touch} on. */
export class TimeLimit implements Deadline, Disposable {
  dueAt: number;
  readonly #deadlines: Deadlines;
  readonly #limitMs: number;
  readonly #onReached: () => void;
  readonly #isIdle: () => boolean;
  #isLastLook = false;
  /** What was left of it when it was paused. */
  #leftMs: number | undefined;

  /**
   * @param deadlines Watches it.
   * @param limitMs How long it is.
   * @param onReached Is called once, unless it is disposed of before.
   * @param isIdle Whether it does not count just now, and is to begin anew.
   */
  constructor(
    deadlines: Deadlines,
    limitMs: number,
    onReached: () => void,
    isIdle: () => boolean = () => false,
  ) {
    this.dueAt = performance.now() + limitMs;
    this.#deadlines = deadlines;
    this.#limitMs = limitMs;
    this.#onReached = onReached;
    this.#isIdle = isIdle;
    deadlines.add(this);
  }

  /** Begins it anew. */
  touch(): void {
    this.#isLastLook = false;
    if (this.#leftMs !== undefined) this.#leftMs = this.#limitMs;
    else this.dueAt = performance.now() + this.#limitMs;
  }

  /** Lets it stand still until {@linkcode TimeLimit.resume}. */
  pause(): void {
    this.#leftMs ??= this.dueAt - performance.now();
    this.dueAt = Infinity;
  }

  resume(): void {
    if (this.#leftMs === undefined) return;
    this.dueAt = performance.now() + this.#leftMs;
    this.#leftMs = undefined;
    this.#deadlines.add(this);
  }

  look(): void {
    if (this.#isIdle()) return this.touch();
    if (!this.#isLastLook) {
      this.#isLastLook = true;
      const now = performance.now();
      const lateMs = Math.max(now - this.dueAt, MIN_LOOK_MS);
      this.dueAt = now + Math.min(lateMs, MAX_LOOK_MS);
      return;
    }
    this[Symbol.dispose]();
    this.#onReached();
  }

  [Symbol.dispose](): void {
    this.#deadlines.delete(this);
  }
}

/** Calls back once when nothing was noted for some time. */
export class IdleTimer {
  readonly #limitMs: number;
  readonly #onIdle: () => void;
  readonly #deadlines = new Deadlines();
  #limit: TimeLimit | undefined;

  /** @param limitMs How long; it counts from the first {@linkcode touch} on. */
  constructor(limitMs: number, onIdle: () => void) {
    this.#limitMs = limitMs;
    this.#onIdle = onIdle;
  }

  /** Notes that something came, or that it is waited for again. */
  touch(): void {
    if (this.#limit) return this.#limit.touch();
    this.#limit = new TimeLimit(this.#deadlines, this.#limitMs, () => {
      this.#limit = undefined;
      this.#onIdle();
    });
  }

  /** Lets go, until the next {@linkcode touch}. */
  stop(): void {
    this.#deadlines.stop();
    this.#limit = undefined;
  }
}

/** Calls back when a limit and a last look are over, unless disposed of. */
export function whenOver(limitMs: number, onOver: () => void): Disposable {
  const timer = new IdleTimer(limitMs, onOver);
  timer.touch();
  return { [Symbol.dispose]: () => timer.stop() };
}

/** Resolves when the signal is aborted, at once if it is already. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/** Waits for a promise, but no longer than until the signal is aborted. */
export async function untilAborted(
  promise: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await orAborted(promise, signal).catch((cause) => {
    if (!signal?.aborted || cause !== signal.reason) throw cause;
  });
}

/** The same, and for no longer than so many milliseconds. */
export async function within(
  limitMs: number,
  promise: Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  using _limit = whenOver(limitMs, resolve);
  await untilAborted(Promise.race([promise, over]), signal);
}

/**
 * What a promise gives, unless the signal says first that nobody waits. A
 * `Promise.race` with a promise for the signal would leave something behind at
 * each call, for as long as the signal lives.
 */
export function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
    const end = () => signal.removeEventListener("abort", abort);
    promise.then(
      (value) => (end(), resolve(value)),
      (error) => (end(), reject(error)),
    );
  });
}

/** Work took longer than it was given. */
export class LimitError extends Error {
  override name = "LimitError";

  constructor(limitMs: number) {
    super(`no answer within ${limitMs / 1000} s`);
  }
}

/**
 * Runs work that is to be over within some time, whether it heeds its signal
 * or not.
 *
 * @throws {LimitError} The time is over.
 */
export async function withLimit<T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  using _limit = whenOver(limitMs, () => {
    const error = new LimitError(limitMs);
    limit.abort(error);
    reject(error);
  });
  return await Promise.race([work(limit.signal), promise]);
}

const controllers = new WeakMap<AbortSignal, AbortController>();

/** A controller that {@linkcode controllerOf} finds by its signal. */
export function sharedController(): AbortController {
  const controller = new AbortController();
  controllers.set(controller.signal, controller);
  return controller;
}

/**
 * What aborts a signal, where its owner lets others do so: an `AbortSignal.any`
 * for each request costs more than the rest of it.
 */
export function controllerOf(signal: AbortSignal): AbortController | undefined {
  return controllers.get(signal);
}

/** Resolves after the delay; rejects with a signal's reason if it aborts. */
export async function delay(
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(delayMs, MAX_TIMER_MS));
  if (!signal) return await promise;
  await orAborted(promise, signal).finally(() => clearTimeout(timer));
}

/** How long work on foreign bytes may hold the event loop. */
const TURN_MS = 8;

/** Measures the time that work takes, and gives way when it is due. */
export class Turn {
  #workedMs = 0;
  #since = performance.now();

  /** Begins to work: what came before was waiting. */
  begin(): void {
    this.#since = performance.now();
  }

  /** Stops to wait for something. */
  pause(): void {
    this.#workedMs += performance.now() - this.#since;
  }

  /** Whether others have waited long enough. */
  get isOver(): boolean {
    return this.#workedMs + performance.now() - this.#since >= TURN_MS;
  }

  /** Lets the event loop go round once. */
  async next(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#workedMs = 0;
    this.#since = performance.now();
  }
}
