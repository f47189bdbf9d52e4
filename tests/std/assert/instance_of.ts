import { failure } from "./_failure.ts";

/** Fails unless `actual` is of the class `expectedType`. */
export function assertInstanceOf<
  T extends abstract new (...args: never[]) => unknown,
>(
  actual: unknown,
  expectedType: T,
  message?: string,
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  throw failure(
    `${
      typeName(actual)
    } where an instance of ${expectedType.name} was expected`,
    message,
  );
}

function typeName(value: unknown): string {
  return typeof value === "object" && value !== null
    ? value.constructor?.name ?? "Object"
    : value === null
    ? "null"
    : typeof value;
}
