import { failure } from "./_failure.ts";

/** Fails, always. */
export function fail(message?: string): never {
  throw failure("the test called fail()", message);
}
