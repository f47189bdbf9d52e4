import { failure } from "./_failure.ts";

/** A class of errors. */
export type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** What an assertion on a thrown error was told to look for. */
export interface Wanted<E extends Error> {
  /** The class. */
  readonly type: ErrorClass<E> | undefined;
  /** What its message holds. */
  readonly includes: string | undefined;
  /** What the test says of it. */
  readonly message: string | undefined;
}

/** Sorts out the two forms of `assertThrows` and `assertRejects`. */
export function wanted<E extends Error>(
  typeOrMessage: ErrorClass<E> | string | undefined,
  includes: string | undefined,
  message: string | undefined,
): Wanted<E> {
  return typeof typeOrMessage === "string"
    ? { type: undefined, includes: undefined, message: typeOrMessage }
    : { type: typeOrMessage, includes, message };
}

/** Fails unless what was thrown is what was wanted. */
export function assertThrown<E extends Error>(
  thrown: unknown,
  { type, includes, message }: Wanted<E>,
): void {
  if (!type) return;
  if (!(thrown instanceof Error)) {
    throw failure(`${Deno.inspect(thrown)} thrown, not an Error`, message);
  }
  if (!(thrown instanceof type)) {
    throw failure(
      `${thrown.constructor.name} where ${type.name} was expected`,
      message,
      { cause: thrown },
    );
  }
  if (!plain(thrown.message).includes(plain(includes ?? ""))) {
    throw failure(
      `the error's message ${JSON.stringify(thrown.message)} does not hold ` +
        JSON.stringify(includes),
      message,
      { cause: thrown },
    );
  }
}

/** Text without terminal colours. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/\x1b\[[\d;]*m/g, "");
}
