import {
  assertEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { parseMetadata as read } from "../../src/config/additions.ts";
import { faultOf, parsedOf } from "../support/command_line.ts";

function parseMetadata(texts: readonly string[]) {
  const parsed = parsedOf({ metadata: texts }, { TEAM_KEY: "hunter2" });
  const pairs = read(parsed);
  const { variables, secrets, faults } = parsed;
  return { pairs, variables: [...variables], secrets: [...secrets], faults };
}

Deno.test("a value names variables, and a fault of one names its key", () => {
  assertEquals(parseMetadata(["a=k ${TEAM_KEY}", "b=$${TEAM_KEY}"]), {
    pairs: [["a", "k hunter2"], ["b", "${TEAM_KEY}"]],
    variables: ["TEAM_KEY"],
    secrets: ["hunter2"],
    faults: [],
  });
  const { faults } = parseMetadata(["a=${ABSENT}", "b=${AWS_SESSION_TOKEN}"]);
  assertEquals(faults.length, 2);
  assertStringIncludes(
    faults[0],
    "metadata 'a' names ABSENT, which is not set",
  );
  assertStringIncludes(
    faults[1],
    "metadata 'b' names AWS_SESSION_TOKEN, a secret",
  );
});

Deno.test("metadata is key=value, and a value may hold what it likes", () => {
  assertEquals(parseMetadata(["a=1", "com.example/b-c.d=x=y z"]), {
    pairs: [["a", "1"], ["com.example/b-c.d", "x=y z"]],
    variables: [],
    secrets: [],
    faults: [],
  });
});

for (
  const key of [
    "progressToken",
    "traceparent",
    "io.modelcontextprotocol/protocolVersion",
    "dev.MCP/x",
    "com.modelcontextprotocol.tools/x",
    "mcp/x",
  ]
) {
  Deno.test(`the metadata key ${key} is refused: it is the protocol's own`, () => {
    const { pairs, faults } = parseMetadata([`${key}=secret-value`]);
    assertEquals(pairs, []);
    assertStringIncludes(faults[0], key);
    assertStringIncludes(faults[0], "--metadata");
    assertNotMatch(faults[0], /secret-value/);
  });
}

for (
  const text of [
    "secret",
    "=secret",
    "-a=secret",
    "a/=secret",
    "1x/a=secret",
    "a b=secret",
  ]
) {
  Deno.test(`the metadata ${JSON.stringify(text)} is a fault that does not show the value`, () => {
    const { faults } = parseMetadata([text]);
    assertEquals(faults.length, 1);
    assertNotMatch(faults[0], /secret/);
  });
}

Deno.test("a metadata key or a profile given twice is a fault", async () => {
  assertStringIncludes(
    await faultOf(["--metadata=a=1", "--metadata=a=2"]),
    "metadata key 'a' is given twice",
  );
  assertStringIncludes(
    await faultOf(["--profile=a", "--profile=a"]),
    "profile 'a' is given twice",
  );
});
