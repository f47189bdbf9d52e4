import {
  assert,
  assertEquals,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  expandVariables,
  parseMetadata as read,
} from "../../src/config/additions.ts";
import { assertFaults, parsedOf } from "../support/program/command_line.ts";
import type { Env } from "../../src/config/option.ts";

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

const FAULTY = "secret, =secret, -a=secret, a/=secret, 1x/a=secret, a b=secret";
for (const text of FAULTY.split(", ")) {
  Deno.test(`the metadata ${JSON.stringify(text)} is a fault that does not show the value`, () => {
    const { faults } = parseMetadata([text]);
    assertEquals(faults.length, 1);
    assertNotMatch(faults[0], /secret/);
  });
}

Deno.test("a metadata key or a profile given twice is a fault", async () => {
  await assertFaults(
    ["--metadata=a=1 --metadata=a=2", /metadata key 'a' is given twice/],
    ["--profile=a --profile=a", /profile 'a' is given twice/],
  );
});

const ENV: Record<string, string> = {
  TEAM_KEY: "k-1",
  _2: "two",
  NESTED: "${TEAM_KEY}",
  EMPTY: "",
  BLANK: " \t",
  AWS_REGION: "eu-west-1",
  AWS_SECRET_ACCESS_KEY: "hunter2",
};

function expand(text: string, env: Env = (name) => ENV[name]) {
  const [variables, secrets] = [new Set<string>(), new Set<string>()];
  const found = { env, faults: [] as string[], variables, secrets };
  const value = expandVariables(text, "it", found);
  if (value === undefined) return { fault: found.faults.join() };
  return { text: value, names: [...variables], secrets: [...secrets] };
}

function expansionFault(text: string, env?: Env): string {
  const { fault } = expand(text, env);
  assert(fault !== undefined, text);
  assertStringIncludes(fault, "it ");
  return fault.slice("it ".length);
}

Deno.test("variables are replaced, and told with what they hold", () => {
  assertEquals(expand("Bearer ${TEAM_KEY}/${_2}-${TEAM_KEY}"), {
    text: "Bearer k-1/two-k-1",
    names: ["TEAM_KEY", "_2"],
    secrets: ["k-1", "two"],
  });
  assertEquals(expand("${AWS_REGION}"), {
    text: "eu-west-1",
    names: ["AWS_REGION"],
    secrets: ["eu-west-1"],
  });
});

Deno.test("what names no variable stays as it is", () => {
  for (const text of ["", "$", "$$", "$TEAM_KEY", "{TEAM_KEY}", "5$}", "${"]) {
    const expansion = expand(text.replace("${", "$$$${"));
    assertEquals(expansion, { text, names: [], secrets: [] });
  }
  assertEquals(expand("$${TEAM_KEY} and ${TEAM_KEY}"), {
    text: "${TEAM_KEY} and k-1",
    names: ["TEAM_KEY"],
    secrets: ["k-1"],
  });
});

Deno.test("a copy of AWS's secret under another name goes nowhere either", () => {
  const variables: Record<string, string> = {
    AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI",
    MINE: " wJalrXUtnFEMI ",
  };
  const fault = expansionFault("${MINE}", (name) => variables[name]);
  assertStringIncludes(fault, "names MINE, a secret of AWS's");
});

Deno.test("what a variable holds is not expanded again", () => {
  assertEquals(expand("${NESTED}").text, "${TEAM_KEY}");
});

Deno.test("a variable that is not set, or empty, is a fault that names it", () => {
  for (const name of ["ABSENT", "EMPTY", "BLANK"]) {
    assertStringIncludes(
      expansionFault(`x \${${name}} \${TEAM_KEY}`),
      `names ${name}, which is not set or may not be read (set ${name}, with --allow-env=${name}`,
    );
  }
});

Deno.test("a reference that is not of the form is a fault that shows nothing of it", () => {
  for (
    const text of [
      "${",
      "${}",
      "${hunter2",
      "${2}",
      "${hunter-2}",
      "${ TEAM_KEY }",
      "${TEAM_KEY:-hunter2}",
    ]
  ) {
    assertEquals(
      expansionFault(text),
      "has a ${ without a variable's name and } " +
        "(write ${NAME}, or $${ for a plain ${)",
    );
  }
});

Deno.test("AWS's own secrets are refused, set or not, in any case of letters", () => {
  const refused = "AWS_SECRET_ACCESS_KEY AWS_SECRET_KEY AWS_SESSION_TOKEN " +
    "AWS_SECURITY_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN " +
    "AWS_BEARER_TOKEN_BEDROCK aws_session_token Aws_Secret_Access_Key";
  for (const name of refused.split(" ")) {
    assertStringIncludes(
      expansionFault(`\${${name}}`),
      `names ${name}, a secret of AWS's`,
    );
  }
  const taken = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE " +
    "AWS_WEB_IDENTITY_TOKEN_FILE AWS_ACCESS_KEY_ID MY_AWS_TOKEN";
  for (const name of taken.split(" ")) {
    assertStringIncludes(expansionFault(`\${${name}}`), "is not set");
  }
});
