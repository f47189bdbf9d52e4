import { AssertionError } from "./assertion_error.ts";

/** A value as a failure message shows it: whole, keys in order, one a line. */
export function show(value: unknown): string {
  return Deno.inspect(value, {
    compact: false,
    depth: Infinity,
    getters: true,
    iterableLimit: Infinity,
    sorted: true,
    strAbbreviateSize: Infinity,
    trailingComma: true,
  });
}

/** The error of an assertion: what the test says of it, then what was found. */
export function failure(
  found: string,
  message?: string,
  options?: ErrorOptions,
): AssertionError {
  return new AssertionError(message ? `${message}: ${found}` : found, options);
}
