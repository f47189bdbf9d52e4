/** Whether two values are the same through and through. */
export function equal(a: unknown, b: unknown): boolean {
  return new Comparison().same(a, b);
}

type Bytes = ArrayBuffer | SharedArrayBuffer;

/** Types whose state is not in properties but is all in their text. */
const TEXTUAL: readonly unknown[] = [
  RegExp,
  URL,
  URLSearchParams,
  Intl.Locale,
  Temporal.Duration,
  Temporal.Instant,
  Temporal.PlainDate,
  Temporal.PlainDateTime,
  Temporal.PlainMonthDay,
  Temporal.PlainTime,
  Temporal.PlainYearMonth,
  Temporal.ZonedDateTime,
].map((type) => type.prototype);

class Comparison {
  /** Pairs under comparison: a cycle that comes back to one has shown no difference. */
  readonly #open = new Map<object, object>();

  same(a: unknown, b: unknown): boolean {
    if (a === b || Object.is(a, b)) return true;
    if (typeof a !== "object" || typeof b !== "object") return false;
    if (a === null || b === null) return false;
    return this.#sameObject(a, b);
  }

  #sameObject(a: object, b: object): boolean {
    if (a instanceof Date && b instanceof Date) {
      return Object.is(a.getTime(), b.getTime());
    }
    if (kind(a) !== kind(b)) return false;
    if (a instanceof WeakMap || a instanceof WeakSet) {
      throw new TypeError(`a ${a.constructor.name} cannot be looked into`);
    }
    if (a instanceof WeakRef && b instanceof WeakRef) {
      return this.same(a.deref(), b.deref());
    }
    if (isBytes(a) && isBytes(b)) {
      return sameItems(new Uint8Array(a), new Uint8Array(b));
    }
    if (isTypedArray(a) && isTypedArray(b)) return sameItems(a, b);
    if (TEXTUAL.includes(kind(a))) return String(a) === String(b);

    if (this.#open.get(a) === b) return true;
    this.#open.set(a, b);
    if (a instanceof Set && b instanceof Set) return this.#sameSet(a, b);
    if (a instanceof Map && b instanceof Map) return this.#sameMap(a, b);
    return this.#sameProperties(a, b);
  }

  #sameSet(a: Set<unknown>, b: Set<unknown>): boolean {
    return this.#pairOff(
      [...a].filter((item) => !b.has(item)),
      [...b].filter((item) => !a.has(item)),
    );
  }

  #sameMap(a: Map<unknown, unknown>, b: Map<unknown, unknown>): boolean {
    const shared = [...a.keys()].filter((key) => b.has(key));
    return shared.every((key) => this.same(a.get(key), b.get(key))) &&
      this.#pairOff(
        [...a].filter(([key]) => !b.has(key)),
        [...b].filter(([key]) => !a.has(key)),
      );
  }

  /** Whether each of the one has an equal of its own in the other. */
  #pairOff(these: unknown[], those: unknown[]): boolean {
    if (these.length !== those.length) return false;
    return these.every((item) => {
      const at = those.findIndex((other) => this.same(item, other));
      if (at < 0) return false;
      those.splice(at, 1);
      return true;
    });
  }

  #sameProperties(a: object, b: object): boolean {
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    const names = properties(a).union(properties(b));
    return names.values().every((name) =>
      name in a === name in b &&
      this.same(Reflect.get(a, name), Reflect.get(b, name))
    );
  }
}

/** The prototype; an object without one is as good as a plain one. */
function kind(value: object): object {
  return Object.getPrototypeOf(value) ?? Object.prototype;
}

function isBytes(value: object): value is Bytes {
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
}

function isTypedArray(value: object): value is Uint8Array {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function sameItems(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length &&
    a.every((item, index) => Object.is(item, b[index]) || item === b[index]);
}

/** What an object can be asked for: a plain one its own, another its classes' too. */
function properties(value: object): Set<string | symbol> {
  const plain = [Object.prototype, Array.prototype].includes(kind(value));
  const names = new Set<string | symbol>();
  if (plain) {
    const enumerable = Object.prototype.propertyIsEnumerable;
    for (const name of Reflect.ownKeys(value)) {
      if (enumerable.call(value, name)) names.add(name);
    }
    return names;
  }
  let at: object | null = value;
  while (at && at !== Object.prototype && at !== Array.prototype) {
    for (const name of Reflect.ownKeys(at)) names.add(name);
    at = Object.getPrototypeOf(at);
  }
  return names;
}
