/** JSON objects of which nothing is known. */

export type JsonRecord = { readonly [name: string]: unknown };

/** A JSON object; `undefined` if the text is none. */
export function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
