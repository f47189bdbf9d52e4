import { assertEquals } from "./equals.ts";

/** Fails unless `actual` has at least what `expected` has, at every depth. */
export function assertObjectMatch(
  // An interface is no Record of unknown, but it is one of any.
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  message?: string,
): void {
  assertEquals(
    new Restriction().object(actual, expected),
    new Restriction().object(expected, expected),
    message,
  );
}

/** Copies of values with only what their counterparts have. */
class Restriction {
  /** Copies already begun, by value and counterpart: cycles end here. */
  readonly #copies = new Map<object, Map<object, object>>();

  object(actual: object, expected: object): object {
    const copy = {};
    this.#remember(actual, expected, copy);
    for (const name of Reflect.ownKeys(expected)) {
      if (!Object.hasOwn(actual, name)) continue;
      const value = this.#value(
        Reflect.get(actual, name),
        Reflect.get(expected, name),
      );
      Object.defineProperty(copy, name, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
    return copy;
  }

  #remember(actual: object, expected: object, copy: object): void {
    const copies = this.#copies.get(actual) ?? new Map();
    this.#copies.set(actual, copies.set(expected, copy));
  }

  #value(actual: unknown, expected: unknown): unknown {
    if (!isNested(actual) || !isNested(expected)) return actual;
    const begun = this.#copies.get(actual)?.get(expected);
    if (begun) return begun;
    if (Array.isArray(actual) && Array.isArray(expected)) {
      return this.#array(actual, expected);
    }
    if (actual instanceof Map && expected instanceof Map) {
      return this.#map(actual, expected);
    }
    if (actual instanceof Set && expected instanceof Set) {
      return actual.intersection(expected);
    }
    return this.object(actual, expected);
  }

  #array(actual: unknown[], expected: unknown[]): unknown[] {
    const copy: unknown[] = [];
    this.#remember(actual, expected, copy);
    const count = Math.min(actual.length, expected.length);
    for (let i = 0; i < count; i++) {
      copy.push(this.#value(actual[i], expected[i]));
    }
    return copy;
  }

  #map(
    actual: Map<unknown, unknown>,
    expected: Map<unknown, unknown>,
  ): Map<unknown, unknown> {
    const copy = new Map<unknown, unknown>();
    this.#remember(actual, expected, copy);
    for (const [key, value] of actual) {
      if (expected.has(key)) {
        copy.set(key, this.#value(value, expected.get(key)));
      }
    }
    return copy;
  }
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    !(value instanceof RegExp) && !(value instanceof Date);
}
