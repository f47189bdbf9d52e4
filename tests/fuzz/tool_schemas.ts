/**
 * Schemas of tools with `x-mcp-header` where it may be and where it may not.
 * A second reading of the specification (MCP 2026-07-28, "Custom Headers from
 * Tool Parameters") says which tools are listed and which headers a call has.
 */

import { modern } from "../support/stream/modern_message.ts";
import type { Random } from "../support/random.ts";
import { FuzzWorld, wrong } from "./fuzzer.ts";

const MARK = "x-mcp-header";
const HEADERS = ["Region", "region", "X-Y", "", "a b", "é", "A:B", 7, null];
const NAMES = ["a", "b", "é x", "__proto__", "constructor", "properties"];
const TYPES = ["string", "integer", "boolean", "number", "object", "array"];
const VALUES = [
  "plain",
  " led by a blank",
  "é",
  "a\tb",
  "line\r\nInjected: yes",
  "=?base64?eA==?=",
  "",
  0,
  -7,
  12345678901234567890,
  1.5,
  true,
  null,
  ["x"],
  { a: "nested" },
];

type Schema = Record<string, unknown>;

function record(entries: readonly (readonly [string, unknown])[]): Schema {
  // Not by assignment, which `__proto__` would not survive.
  return Object.fromEntries(entries);
}

function schema(random: Random, depth = 0): Schema {
  const entries: [string, unknown][] = [["type", random.pick(TYPES)]];
  if (random.chance(depth === 0 ? 0.02 : 0.3)) {
    const isGood = random.chance(0.8);
    const name = isGood ? `H-${random.below(40)}` : random.pick(HEADERS);
    entries.push([MARK, name]);
    if (isGood) entries[0][1] = random.pick(TYPES.slice(0, 3));
  }
  if (depth < 4 && random.chance(0.6)) {
    entries.push(["properties", properties(random, depth)]);
  }
  if (random.chance(0.06)) {
    const keyword = random.pick([
      "items",
      "anyOf",
      "additionalProperties",
      "patternProperties",
      "$defs",
      "default",
      "enum",
    ]);
    const inner = schema(random, depth + 3);
    const isList = keyword === "anyOf" || keyword === "enum";
    const isMap = keyword === "patternProperties" || keyword === "$defs";
    entries.push([
      keyword,
      isList ? [inner] : isMap ? record([["x", inner]]) : inner,
    ]);
  }
  return record(entries);
}

function properties(random: Random, depth: number): Schema {
  return record(
    Array.from({ length: 1 + random.below(3) }, () => [
      random.pick(NAMES),
      random.chance(0.03) ? true : schema(random, depth + 1),
    ]),
  );
}

/** Arguments that the schema may be about. */
function argumentsFor(random: Random, { properties }: Schema): unknown {
  if (typeof properties !== "object" || properties === null) {
    return random.pick(VALUES);
  }
  return record(
    Object.entries(properties).filter(() => random.chance(0.9)).map((
      [name, inner],
    ) => [
      name,
      random.chance(0.5) ? argumentsFor(random, inner) : random.pick(VALUES),
    ]),
  );
}

/** Every mark in a schema, and where it is; `undefined`: where it may not be. */
function* marks(
  node: unknown,
  path: readonly string[] | undefined,
): Generator<readonly [Schema, readonly string[] | undefined]> {
  if (Array.isArray(node)) {
    for (const inner of node) yield* marks(inner, undefined);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const found: Schema = record(Object.entries(node));
  if (Object.hasOwn(found, MARK)) yield [found, path];
  for (const [keyword, value] of Object.entries(found)) {
    if ([MARK, "default", "enum"].includes(keyword)) continue;
    const isMap = ["properties", "patternProperties", "$defs"]
      .includes(keyword);
    if (!isMap) {
      yield* marks(value, undefined);
      continue;
    }
    for (const [name, inner] of Object.entries(value ?? {})) {
      const isReached = path && keyword === "properties";
      yield* marks(inner, isReached ? [...path, name] : undefined);
    }
  }
}

/** The headers of a call, or `undefined` if the tool is not to be listed. */
function expected(
  inputSchema: Schema,
  given: unknown,
): Map<string, string> | undefined {
  const headers = new Map<string, string>();
  const names = new Set<string>();
  for (const [node, path] of marks(inputSchema, [])) {
    const name = node[MARK];
    if (path === undefined || path.length === 0) return undefined;
    if (typeof name !== "string" || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
      return undefined;
    }
    if (!["string", "integer", "boolean"].includes(String(node.type))) {
      return undefined;
    }
    const key = `mcp-param-${name.toLowerCase()}`;
    if (names.has(key)) return undefined;
    names.add(key);
    const value = path.reduce<unknown>(
      (value, name) =>
        typeof value === "object" && value !== null && !Array.isArray(value) &&
          Object.hasOwn(value, name)
          ? Reflect.get(value, name)
          : undefined,
      given,
    );
    if (!["string", "number", "boolean"].includes(typeof value)) continue;
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) continue;
    headers.set(key, String(value));
  }
  return headers;
}

function decoded(value: string): string {
  const [, base64] = /^=\?base64\?(.*)\?=$/.exec(value) ?? [];
  if (base64 === undefined) return value;
  return new TextDecoder().decode(Uint8Array.fromBase64(base64));
}

/** Tries schemas, some to a list, and a call of each tool. */
export async function fuzzToolSchemas(
  random: Random,
  cases: number,
): Promise<void> {
  let tools: { name: string; inputSchema: Schema }[] = [];
  let sent: [string, string][] = [];
  await using world = new FuzzWorld((body, { headers }) => {
    const { id, method } = JSON.parse(body);
    const isList = method === "tools/list";
    if (!isList) sent = [...new Headers(headers)];
    const result = isList ? { tools } : { content: [] };
    return Response.json({ jsonrpc: "2.0", id, result });
  });
  const { client } = world;
  for (let number = 0; number < cases; number += tools.length) {
    tools = Array.from({ length: 8 }, (_, index) => ({
      name: `tool ${index}`,
      inputSchema: schema(random),
    }));
    client.request(`list-${number}`, "tools/list", modern());
    const { json } = await client.answer(`list-${number}`);
    const listed: { name: string }[] = json.result?.tools ?? [];
    for (const { name, inputSchema } of tools) {
      const given = argumentsFor(random, inputSchema);
      const wanted = expected(inputSchema, given);
      const isListed = listed.some((one) => one.name === name);
      if (isListed !== (wanted !== undefined)) {
        wrong(isListed ? "a tool is listed" : "a tool is missing", inputSchema);
      }
      if (!wanted) continue;
      const params = modern({ name, arguments: given });
      client.request(`${name} ${number}`, "tools/call", params);
      await client.answer(`${name} ${number}`);
      const had = sent.filter(([header]) => header.startsWith("mcp-param-"))
        .map(([header, value]) => `${header}=${decoded(value)}`).sort();
      const want = [...wanted].map(([header, value]) => `${header}=${value}`)
        .sort();
      if (had.join("\n") !== want.join("\n")) {
        wrong(`headers ${had} in place of ${want}`, { inputSchema, given });
      }
    }
    world.checkUnseen([]);
  }
}
