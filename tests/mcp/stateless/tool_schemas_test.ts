import { assertEquals } from "@std/assert";
import { type Log, SILENT_LOG } from "../../../src/log/log.ts";
import { ToolSchemas } from "../../../src/mcp/stateless/tool_schemas.ts";

/** Schemas, and the warnings that they gave. */
function makeSchemas(): { schemas: ToolSchemas; warnings: unknown[] } {
  const warnings: unknown[] = [];
  const warn: Log["warn"] = (_message, fields) => warnings.push(fields);
  return { schemas: new ToolSchemas({ ...SILENT_LOG, warn }), warnings };
}

function tool(name: string, properties: unknown, rest = {}): unknown {
  return { name, inputSchema: { type: "object", properties, ...rest } };
}

function headers(schemas: ToolSchemas, name: string, args: unknown): unknown {
  return schemas.headersFor({ name, arguments: args });
}

const REGION = { type: "string", "x-mcp-header": "Region" };

Deno.test("the arguments that a schema marks go as headers, the others do not", () => {
  const { schemas } = makeSchemas();
  schemas.record({
    tools: [tool("t", {
      region: REGION,
      count: { type: "integer", "x-mcp-header": "Count" },
      dry: { type: "boolean", "x-mcp-header": "Dry-Run" },
      query: { type: "string" },
    })],
  });
  assertEquals(
    headers(schemas, "t", { region: "é", count: 3, dry: false, query: "q" }),
    [
      ["mcp-param-region", "=?base64?w6k=?="],
      ["mcp-param-count", "3"],
      ["mcp-param-dry-run", "false"],
    ],
  );
});

Deno.test("an argument that is null or absent is no header", () => {
  const { schemas } = makeSchemas();
  schemas.record({ tools: [tool("t", { region: REGION })] });
  for (const args of [{ region: null }, {}, undefined, null, "x"]) {
    assertEquals(headers(schemas, "t", args), []);
  }
});

Deno.test("a nested property is reached through properties alone", () => {
  const { schemas } = makeSchemas();
  schemas.record({
    tools: [
      tool("t", { a: { type: "object", properties: { b: REGION } } }),
      tool("own", { constructor: { properties: { name: REGION } } }),
    ],
  });
  const expected = [["mcp-param-region", "x"]];
  assertEquals(headers(schemas, "t", { a: { b: "x" } }), expected);
  assertEquals(headers(schemas, "t", { a: [{ b: "x" }] }), []);
  assertEquals(headers(schemas, "t", { a: "x" }), []);
  assertEquals(headers(schemas, "own", {}), []);
});

Deno.test("the pages of a list accumulate, and a schema is kept until it is replaced", () => {
  const { schemas } = makeSchemas();
  schemas.record({ tools: [tool("a", { region: REGION })], nextCursor: "2" });
  schemas.record({ tools: [tool("b", { region: REGION })], ttlMs: 0 });
  const args = { region: "x" };
  assertEquals(headers(schemas, "a", args), [["mcp-param-region", "x"]]);
  assertEquals(headers(schemas, "b", args), [["mcp-param-region", "x"]]);
  schemas.record({ tools: [tool("a", { region: { type: "string" } })] });
  assertEquals(headers(schemas, "a", args), []);
  assertEquals(headers(schemas, "b", args), [["mcp-param-region", "x"]]);
});

const mark = (header: unknown, type: unknown = "string") => ({
  type,
  "x-mcp-header": header,
});

const INVALID: Record<string, unknown> = {
  "an empty name": tool("t", { x: mark("") }),
  "a name that is no string": tool("t", { x: mark(5) }),
  "a space in the name": tool("t", { x: mark("My Region") }),
  "a colon in the name": tool("t", { x: mark("Region:Primary") }),
  "a name that is not ASCII": tool("t", { x: mark("Région") }),
  "a control character in the name": tool("t", { x: mark("Region\t1") }),
  "a line feed in the name": tool("t", { x: mark("Region\n") }),
  "the same name twice": tool("t", { x: mark("R"), y: mark("R") }),
  "the same name twice without case": tool("t", { x: mark("R"), y: mark("r") }),
  "a number": tool("t", { x: mark("X", "number") }),
  "an array": tool("t", { x: mark("X", "array") }),
  "an object": tool("t", { x: mark("X", "object") }),
  "null": tool("t", { x: mark("X", "null") }),
  "no type": tool("t", { x: { "x-mcp-header": "X" } }),
  "several types": tool("t", { x: mark("X", ["string", "null"]) }),
  "the schema itself": tool("t", {}, mark("X", "object")),
  "items": tool("t", { x: { type: "array", items: mark("X") } }),
  "a property of items": tool("t", {
    x: { type: "array", items: { properties: { y: mark("X") } } },
  }),
  "prefixItems": tool("t", { x: { prefixItems: [mark("X")] } }),
  "additionalProperties": tool("t", {}, { additionalProperties: mark("X") }),
  "patternProperties": tool("t", {}, { patternProperties: { ".": mark("X") } }),
  "dependentSchemas": tool("t", {}, {
    dependentSchemas: { a: { properties: { x: mark("X") } } },
  }),
  "oneOf": tool("t", { x: { oneOf: [mark("X")] } }),
  "anyOf of the root": tool("t", {}, {
    anyOf: [{ properties: { x: mark("X") } }],
  }),
  "allOf": tool("t", { x: { allOf: [mark("X")] } }),
  "not": tool("t", { x: { not: mark("X") } }),
  "if": tool("t", {}, { if: { properties: { x: mark("X") } } }),
  "then": tool("t", {}, { then: { properties: { x: mark("X") } } }),
  "else": tool("t", {}, { else: { properties: { x: mark("X") } } }),
  "$defs": tool("t", { x: { $ref: "#/$defs/y" } }, { $defs: { y: mark("X") } }),
};

for (const [what, definition] of Object.entries(INVALID)) {
  Deno.test(`a tool with x-mcp-header on ${what} is left out, with a warning`, () => {
    const { schemas, warnings } = makeSchemas();
    const invalid = schemas.record({ tools: [tool("a", {}), definition] });
    assertEquals([...invalid], [1]);
    const [{ tool: name }] = warnings as { tool: string }[];
    assertEquals([name, warnings.length], ["t", 1]);
    assertEquals(headers(schemas, "t", { x: "v", y: "v" }), []);
  });
}

const VALID: Record<string, unknown> = {
  "no schema": { name: "t" },
  "a property that has the mark's name": tool("t", {
    "x-mcp-header": { type: "number" },
  }),
  "the mark as data": tool("t", {
    x: {
      default: mark("", "number"),
      enum: [mark("")],
      const: mark(""),
      examples: [mark("")],
    },
  }),
};

for (const [what, definition] of Object.entries(VALID)) {
  Deno.test(`a tool with ${what} stays`, () => {
    const { schemas, warnings } = makeSchemas();
    assertEquals(schemas.record({ tools: [definition] }).size, 0);
    assertEquals(warnings, []);
  });
}

Deno.test("a schema nested a hundred thousand deep is read", () => {
  const { schemas } = makeSchemas();
  let schema: unknown = mark("X");
  for (let depth = 0; depth < 100_000; depth++) {
    schema = { properties: { p: schema } };
  }
  const invalid = schemas.record({
    tools: [{ name: "t", inputSchema: schema }],
  });
  assertEquals(invalid.size, 0);
});

Deno.test("what is no list of tools teaches nothing", () => {
  const { schemas } = makeSchemas();
  for (const result of [undefined, null, {}, { tools: {} }, { tools: [1] }]) {
    assertEquals(schemas.record(result).size, 0);
  }
});

Deno.test("a marked parameter at every level of a deep schema costs no more than the tool", () => {
  let properties: Record<string, unknown> = {};
  for (let level = 0; level < 20_000; level++) {
    const leaf = { type: "string", "x-mcp-header": `H${level}` };
    properties = { leaf, next: { type: "object", properties } };
  }
  const { schemas, warnings } = makeSchemas();
  const invalid = schemas.record({ tools: [tool("t", properties)] });
  assertEquals([...invalid], [0]);
  assertEquals(warnings, [{
    tool: "t",
    fault: "x-mcp-header stands at too many deep places",
  }]);
});
