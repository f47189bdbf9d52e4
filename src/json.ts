/** JSON objects of which nothing is known. */

export type JsonRecord = { readonly [name: string]: unknown };

/** A JSON object; `undefined` if the text is none. */
export function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object; an empty one in place of anything else. */
export function asObject(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

/** The first of some texts of a record that is there, and not empty. */
export function textIn(
  record: JsonRecord,
  ...names: readonly string[]
): string | undefined {
  for (const name of names) {
    const value = record[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}
