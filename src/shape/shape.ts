/** What options may be: a program without types may hand in anything. */

import { ConfigError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { isRecord, KINDS } from "./kinds.ts";

/**
 * Kinds, one of {@linkcode KINDS} or words with bars between, each with the
 * options that are so; behind a required one stands `!`. What is itself an
 * object stands by its name.
 */
export interface Shape {
  readonly [kind: string]: string | Shape;
}

interface Row {
  readonly name: string;
  readonly isRequired: boolean;
  readonly of: string | Shape;
}

/** @throws {ConfigError} There is no option of a name, or it is not so. */
export function checkOptions(
  given: unknown,
  ...shapes: readonly Shape[]
): void {
  const faults = faultsOf(given, shapes, "");
  if (faults.length > 0) throw new ConfigError(faults);
}

function faultsOf(
  given: unknown,
  shapes: readonly Shape[],
  outer: string,
): readonly string[] {
  if (!isRecord(given)) {
    return [mustBe(outer || "options", "an object", given)];
  }
  const rows = shapes.flatMap(rowsOf);
  const names = rows.map(({ name }) => name);
  const within = outer === "" ? "" : `${outer}.`;
  const unknown = Object.keys(given).filter((name) =>
    given[name] !== undefined && !names.includes(name)
  );
  return [
    ...unknown.map((name) => {
      const guess = nearest(name, names);
      const hint = guess === undefined
        ? `there is ${names.join(", ")}`
        : `did you mean ${guess}?`;
      return `${within}${name} is no option (${hint})`;
    }),
    ...rows.flatMap((row) => rowFaults(given[row.name], row, within)),
  ];
}

function rowsOf(shape: Shape): readonly Row[] {
  return Object.entries(shape).flatMap(([key, of]): Row[] => {
    if (typeof of !== "string") return [{ name: key, isRequired: false, of }];
    return of.split(",").map((name) => ({
      name: name.replace("!", ""),
      isRequired: name.endsWith("!"),
      of: key,
    }));
  });
}

function rowFaults(
  value: unknown,
  { name, isRequired, of }: Row,
  within: string,
): readonly string[] {
  if (typeof of !== "string") {
    return value === undefined ? [] : faultsOf(value, [of], within + name);
  }
  const words = of.split("|");
  const [expected, fits] = KINDS[of] ??
    [
      words.join(" or "),
      (value: unknown) => words.some((one) => one === value),
    ];
  if (value === undefined ? !isRequired : fits(value)) return [];
  return [mustBe(within + name, expected, value)];
}

function mustBe(name: string, expected: string, value: unknown): string {
  return `${name} must be ${expected}, got ${typeName(value)}`;
}

/** What a value is, and nothing of what it says. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return `${value}`;
  if (Array.isArray(value)) return "an array";
  const type = typeof value;
  return type === "object" ? "an object" : `a ${type}`;
}
