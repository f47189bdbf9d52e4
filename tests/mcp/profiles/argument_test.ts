/** What is offered in a list of tools. */
import { assertEquals } from "@std/assert";
import { SILENT_LOG } from "../../../src/log/log.ts";
import { IdentityArguments } from "../../../src/mcp/profiles/argument.ts";

for (
  const schema of [
    "[]",
    "[{}]",
    "null",
    "true",
    '"{}"',
    '{"properties":[]}',
    '{"properties":null}',
    '{"properties":{},"properties":"{"}',
  ]
) {
  Deno.test(`a tool whose inputSchema is ${schema} is listed as it is, and what follows it is offered the argument`, async () => {
    const args = new IdentityArguments({ aws_profile: {} }, SILENT_LOG);
    const odd = `{"name":"odd","inputSchema":${schema}}`;
    const good = '{"name":"good","inputSchema":{"type":"object"}}';
    const frame =
      `{"jsonrpc":"2.0","id":1,"result":{"tools":[${odd},${good}]}}`;
    const shown = await args.offeredIn(new TextEncoder().encode(frame));
    const { result: { tools } } = JSON.parse(new TextDecoder().decode(shown));
    assertEquals(tools, [JSON.parse(odd), {
      name: "good",
      inputSchema: { properties: { aws_profile: {} }, type: "object" },
    }]);
  });
}
