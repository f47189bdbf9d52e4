/** Checks options: a program without types may hand in anything. */

import { ConfigError } from "../errors.ts";
import { nearest } from "./nearest.ts";
import { isRecord, KINDS, SHAPES } from "./kinds.ts";

/**
 * @param shapes Which of {@linkcode SHAPES} the options have together.
 * @throws {ConfigError} There is no option of a name, or it is not of its kind.
 */
export function checkOptions(given: unknown, ...shapes: string[]): void {
  const faults = faultsOf(given, shapes);
  if (faults.length > 0) throw new ConfigError(faults);
}

function faultsOf(given: unknown, shapes: string[], outer = ""): string[] {
  const mustBe = (name: string, expected: string, value: unknown) =>
    `${name} must be ${expected}, got ${typeName(value)}`;
  if (!isRecord(given)) return [mustBe(outer || "options", "an object", given)];
  const within = outer && `${outer}.`;
  const kinds = new Map<string, string>();
  for (const shape of shapes) {
    for (const row of SHAPES[shape].split(/\s+/)) {
      const [kind, names] = row.split(":");
      for (const name of names.split(",")) kinds.set(name, kind);
    }
  }
  const names = [...kinds.keys()].map((name) => name.replace("!", ""));
  const unknown = Object.keys(given).filter((name) =>
    given[name] !== undefined && !names.includes(name)
  ).map((name) => {
    const guess = nearest(name, names);
    const hint = guess === undefined
      ? `there is ${names.join(", ")}`
      : `did you mean ${guess}?`;
    return `${within}${name} is no option (${hint})`;
  });
  const wrong = kinds.entries().flatMap(([name, kind]) => {
    const plain = name.replace("!", "");
    const value = given[plain];
    if (value === undefined && name === plain) return [];
    const at = within + plain;
    if (kind.startsWith("@")) return faultsOf(value, [kind.slice(1)], at);
    const words = kind.split("|");
    const [expected, fits] = KINDS[kind] ??
      [words.join(" or "), (value) => words.some((word) => word === value)];
    return fits(value) ? [] : [mustBe(at, expected, value)];
  });
  return [...unknown, ...wrong];
}

/** What a value is, and nothing of what it says. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
