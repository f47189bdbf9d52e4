import { assertEquals } from "@std/assert";
import {
  encodeHeaderValue,
  parameterValue,
  standardHeaders,
} from "../../../src/mcp/stateless/headers.ts";
import { modern } from "../../support/stream/modern_message.ts";

// MCP 2026-07-28, Streamable HTTP, "Value Encoding": the specification's own
// examples, and the edges of its rules.
const ENCODED: readonly (readonly [text: string, header: string])[] = [
  ["us-west1", "us-west1"],
  ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="],
  [" padded ", "=?base64?IHBhZGRlZCA=?="],
  ["line1\nline2", "=?base64?bGluZTEKbGluZTI=?="],
  ["=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
  ["us west 1", "us west 1"],
  ["a  b", "a  b"],
  [" x", "=?base64?IHg=?="],
  ["x ", "=?base64?eCA=?="],
  ["\tx", "=?base64?CXg=?="],
  ["a\tb", "=?base64?YQli?="],
  ["a\r\nb", "=?base64?YQ0KYg==?="],
  ["a\u0000b", "=?base64?YQBi?="],
  ["\u007f", "=?base64?fw==?="],
  ["", "=?base64??="],
  [" ", "=?base64?IA==?="],
  ["é", "=?base64?w6k=?="],
  ["=?BASE64?x?=", "=?BASE64?x?="],
  ["=?base64?x", "=?base64?x"],
  ["x?=", "x?="],
  ["!~", "!~"],
];

for (const [text, header] of ENCODED) {
  Deno.test(`the value ${JSON.stringify(text)} goes as ${header}`, () => {
    assertEquals(encodeHeaderValue(text), header);
    assertEquals(new Headers({ x: header }).get("x"), header);
  });
}

const VALUES: readonly (readonly [value: unknown, header?: string])[] = [
  [42, "42"],
  [-7, "-7"],
  [-0, "0"],
  [2 ** 53 - 1, "9007199254740991"],
  [-(2 ** 53 - 1), "-9007199254740991"],
  [true, "true"],
  [false, "false"],
  ["true", "true"],
  [2 ** 53],
  [1e21],
  [null],
  [undefined],
  [{}],
  [[]],
];

for (const [value, header] of VALUES) {
  const text = value === undefined ? "absent" : JSON.stringify(value);
  Deno.test(`an argument ${text} goes as ${header ?? "no header"}`, () => {
    assertEquals(parameterValue(value), header);
  });
}

Deno.test("MCP-Protocol-Version and Mcp-Method go with every method, Mcp-Name with six", () => {
  const params = modern({
    name: "a tool",
    uri: "file:///é",
    taskId: "t 1",
  });
  const version = ["mcp-protocol-version", "2026-07-28"];
  const names: Record<string, string | undefined> = {
    "tools/call": "a tool",
    "prompts/get": "a tool",
    "resources/read": "=?base64?ZmlsZTovLy/DqQ==?=",
    "tasks/get": "t 1",
    "tasks/update": "t 1",
    "tasks/cancel": "t 1",
    "tasks/result": undefined,
    "tools/list": undefined,
    "completion/complete": undefined,
  };
  for (const [method, name] of Object.entries(names)) {
    assertEquals<unknown>(standardHeaders(method, params), [
      version,
      ["mcp-method", method],
      ...(name === undefined ? [] : [["mcp-name", name]]),
    ]);
  }
});

Deno.test("a name that is no string is no header", () => {
  assertEquals(
    standardHeaders("tools/call", modern({ name: 5 })).map(([name]) => name),
    ["mcp-protocol-version", "mcp-method"],
  );
});
