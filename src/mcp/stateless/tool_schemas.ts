/**
 * What the target's tools want mirrored into headers: the parameters that an
 * `inputSchema` marks with `x-mcp-header` (MCP 2026-07-28, Streamable HTTP,
 * "Custom Headers from Tool Parameters"), recorded from the `tools/list` results
 * that pass.
 */

import { excerpt } from "../../excerpt.ts";
import { asObject, isObject } from "../../json.ts";
import type { Log } from "../../log/log.ts";
import { LruCache } from "../../lru_cache.ts";
import type { HeaderPairs } from "../wire/headers.ts";
import { parameterValue } from "./headers.ts";

interface MirroredParameter {
  /** Where its value is in the arguments. */
  readonly path: readonly string[];
  /** The name after `Mcp-Param-`. */
  readonly header: string;
}

/** How many tools are remembered; the oldest go first. */
const MAX_TOOLS = 10_000;

const MARK = "x-mcp-header";

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const MIRRORED_TYPES: readonly unknown[] = ["string", "integer", "boolean"];

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
const VALUES: readonly string[] = ["const", "default", "enum", "examples"];

/** How deep all parameters of a tool that are mirrored may be, taken together. */
const MAX_DEPTHS = 200_000;

/** The end of a property path, linked to what is before it. */
interface Step {
  readonly name: string;
  readonly depth: number;
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

/** The mirrored parameters of each tool, as last listed. */
export class ToolSchemas {
  readonly #log: Log;
  readonly #tools = new LruCache<readonly MirroredParameter[]>(MAX_TOOLS);

  constructor(log: Log) {
    this.#log = log;
  }

  /** Records a page of tools; gives those with an invalid `x-mcp-header`. */
  record(result: unknown): ReadonlySet<number> {
    const { tools } = asObject(result);
    const invalid = new Set<number>();
    if (!Array.isArray(tools)) return invalid;
    for (const [index, tool] of tools.entries()) {
      if (!isObject(tool) || typeof tool.name !== "string") continue;
      const read = mirroredParameters(tool.inputSchema);
      if (typeof read !== "string" && read.length > 0) {
        this.#tools.set(tool.name, read, lengthOf(read));
        continue;
      }
      this.#tools.delete(tool.name);
      if (typeof read !== "string") continue;
      invalid.add(index);
      this.#log.warn("left out a tool with an invalid x-mcp-header", {
        tool: excerpt(tool.name),
        fault: read,
      });
    }
    return invalid;
  }

  headersFor(params: unknown): HeaderPairs {
    const { name = "", arguments: given } = asObject(params);
    const parameters = typeof name === "string" && this.#tools.get(name) || [];
    return parameters.flatMap(({ path, header }): HeaderPairs => {
      const value = parameterValue(
        path.reduce((value, name) => asObject(value)[name], given),
      );
      return value === undefined
        ? []
        : [[`mcp-param-${header.toLowerCase()}`, value]];
    });
  }
}

/** The parameters that a schema marks, or what is wrong with a mark. */
function mirroredParameters(
  inputSchema: unknown,
): readonly MirroredParameter[] | string {
  const parameters: MirroredParameter[] = [];
  const names = new Set<string>();
  let depths = 0;
  // A list, not recursion: how deep a schema goes is the target's choice.
  const root = { node: inputSchema, isReachable: true, step: undefined };
  const places: Place[] = [root];
  for (const place of places) {
    const { node } = place;
    if (isObject(node) && Object.hasOwn(node, MARK)) {
      depths += place.step?.depth ?? 0;
      if (depths > MAX_DEPTHS) return `${MARK} stands at too many deep places`;
      const fault = faultOf(node, place, names);
      if (fault !== undefined) return fault;
      const header = String(node[MARK]);
      names.add(header.toLowerCase());
      parameters.push({ path: pathTo(place.step), header });
    }
    for (const inner of placesIn(place)) places.push(inner);
  }
  return parameters;
}

/** How long all names in it are; each takes some more than its characters. */
function lengthOf(parameters: readonly MirroredParameter[]): number {
  return parameters.flatMap(({ path, header }) => [header, ...path])
    .reduce((sum, name) => sum + name.length + 16, 0);
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
  if (!MIRRORED_TYPES.includes(node.type)) {
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
    if (keyword === MARK || VALUES.includes(keyword)) return [];
    if (!SCHEMA_MAPS.has(keyword) || !isObject(value)) return [aside(value)];
    return Object.entries(value).map(([name, node]) => ({
      node,
      isReachable: isReachable && keyword === "properties",
      step: { name, before: step, depth: (step?.depth ?? 0) + 1 },
    }));
  });
}
