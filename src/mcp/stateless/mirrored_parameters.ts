/**
 * The parameters of a tool that are mirrored into headers: those that its
 * `inputSchema` marks with `x-mcp-header` (MCP 2026-07-28, Streamable HTTP,
 * "Custom Headers from Tool Parameters").
 *
 * @module
 */

import { isObject } from "../wire/message.ts";

/** A parameter that is mirrored. */
export interface MirroredParameter {
  /** Where its value is in the arguments. */
  readonly path: readonly string[];
  /** The name after `Mcp-Param-`. */
  readonly header: string;
}

/** The mirrored parameters of a schema, or what is wrong with it. */
export type SchemaReading =
  | { readonly parameters: readonly MirroredParameter[] }
  | { readonly fault: string };

const MARK = "x-mcp-header";

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const MIRRORED_TYPES: ReadonlySet<unknown> = new Set([
  "string",
  "integer",
  "boolean",
]);

/** Keywords that hold names with a schema each, not a schema. */
const SCHEMA_MAPS: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "dependentSchemas",
  "dependencies",
  "$defs",
  "definitions",
]);

/** Keywords that hold values, in which the mark would be data. */
const VALUES: ReadonlySet<string> = new Set([
  "const",
  "default",
  "enum",
  "examples",
]);

/** The end of a property path, linked to what is before it. */
interface Step {
  readonly name: string;
  readonly before: Step | undefined;
}

/** A place in a schema that is still to be looked at. */
interface Place {
  readonly node: unknown;
  /** Whether `properties` alone lead there. */
  readonly isReachable: boolean;
  /** The last property on the way; `undefined` at the root. */
  readonly step: Step | undefined;
}

/** Reads which parameters of a tool's `inputSchema` are mirrored. */
export function readMirroredParameters(inputSchema: unknown): SchemaReading {
  const parameters: MirroredParameter[] = [];
  const names = new Set<string>();
  // A list, not recursion: how deep a schema goes is the target's choice.
  const places: Place[] = [
    { node: inputSchema, isReachable: true, step: undefined },
  ];
  for (const place of places) {
    const { node } = place;
    if (isObject(node) && Object.hasOwn(node, MARK)) {
      const fault = faultOf(node, place, names);
      if (fault !== undefined) return { fault };
      const header = String(node[MARK]);
      names.add(header.toLowerCase());
      parameters.push({ path: pathTo(place.step), header });
    }
    for (const inner of placesIn(place)) places.push(inner);
  }
  return { parameters };
}

function pathTo(step: Step | undefined): readonly string[] {
  const path: string[] = [];
  for (let at = step; at; at = at.before) path.push(at.name);
  return path.reverse();
}

function faultOf(
  node: Record<string, unknown>,
  { isReachable, step }: Place,
  names: ReadonlySet<string>,
): string | undefined {
  if (!isReachable || step === undefined) {
    return `${MARK} stands where properties alone do not lead`;
  }
  const header = node[MARK];
  const where = `at ${pathTo(step).join(".")}`;
  if (typeof header !== "string" || header === "") {
    return `${MARK} ${where} is empty or no string`;
  }
  if (!TOKEN.test(header)) return `${MARK} ${where} is no header name`;
  if (!MIRRORED_TYPES.has(node.type)) {
    return `${MARK} ${where} marks what is no string, integer or boolean`;
  }
  if (names.has(header.toLowerCase())) {
    return `${MARK} ${where} has a name that is taken: ${header}`;
  }
  return undefined;
}

function placesIn({ node, isReachable, step }: Place): readonly Place[] {
  const aside = (node: unknown): Place => ({ node, isReachable: false, step });
  if (Array.isArray(node)) return node.map(aside);
  if (!isObject(node)) return [];
  return Object.entries(node).flatMap(([keyword, value]) => {
    if (keyword === MARK || VALUES.has(keyword)) return [];
    if (!SCHEMA_MAPS.has(keyword) || !isObject(value)) return [aside(value)];
    return Object.entries(value).map(([name, node]) => ({
      node,
      isReachable: isReachable && keyword === "properties",
      step: { name, before: step },
    }));
  });
}

/** The value at a property path, reached through objects alone. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (!isObject(value)) return undefined;
    value = value[name];
  }
  return value;
}
