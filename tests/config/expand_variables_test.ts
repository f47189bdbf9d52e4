import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { expandVariables } from "../../src/config/additions.ts";
import type { Env } from "../../src/config/option.ts";

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

function faultOf(text: string, env?: Env): string {
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
  const fault = faultOf("${MINE}", (name) => variables[name]);
  assertStringIncludes(fault, "names MINE, a secret of AWS's");
});

Deno.test("what a variable holds is not expanded again", () => {
  assertEquals(expand("${NESTED}").text, "${TEAM_KEY}");
});

Deno.test("a variable that is not set, or empty, is a fault that names it", () => {
  for (const name of ["ABSENT", "EMPTY", "BLANK"]) {
    assertStringIncludes(
      faultOf(`x \${${name}} \${TEAM_KEY}`),
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
      faultOf(text),
      "has a ${ without a variable's name and } " +
        "(write ${NAME}, or $${ for a plain ${)",
    );
  }
});

Deno.test("AWS's own secrets are refused, set or not, in any case of letters", () => {
  for (
    const name of [
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SECRET_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_SECURITY_TOKEN",
      "AWS_CONTAINER_AUTHORIZATION_TOKEN",
      "AWS_BEARER_TOKEN_BEDROCK",
      "aws_session_token",
      "Aws_Secret_Access_Key",
    ]
  ) {
    assertStringIncludes(
      faultOf(`\${${name}}`),
      `names ${name}, a secret of AWS's`,
    );
  }
  for (
    const name of [
      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
      "AWS_WEB_IDENTITY_TOKEN_FILE",
      "AWS_ACCESS_KEY_ID",
      "MY_AWS_TOKEN",
    ]
  ) assertStringIncludes(faultOf(`\${${name}}`), "is not set");
});
