/** What is wrong with the options of roles, told before anything is sent. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import {
  AGENTCORE,
  configOf,
  faultOf,
  faultsOf,
} from "../../support/program/command_line.ts";
import { roleArn } from "../../support/aws/role_world.ts";
import { tempDir } from "../../support/temp_dir.ts";

const A = "111111111111";
const FIXED = "--account-role=arn:aws:iam::{account}:role/ReadOnly";
const CHOSEN = "--account-role=arn:aws:iam::{account}:role/mcp/{role}";
const LISTED = [`--allow-account=${A}`, "--allow-account=2222222222??"];

Deno.test("a web identity says itself who it is, and the role that it assumes can be told", async () => {
  const env = {
    AWS_WEB_IDENTITY_TOKEN_FILE: "token",
    AWS_ROLE_ARN: roleArn("Pod"),
  };
  const named = [AGENTCORE, "--source-identity=ada"];
  const [fault] = await faultsOf(named, env);
  assertStringIncludes(fault, "leave out --source-identity");
  const role = `--assume-role=${roleArn("Reader")}`;
  const { session } = await configOf([...named, role], env);
  assertEquals(session, { sourceIdentity: "ada" });
});

const READER = ["--read-only", "--assume-role", roleArn("Reader")];
const BOTH = [...READER, "--write-role", roleArn("Writer")];

for (
  const [what, args, fault] of [
    ["no list", [FIXED], "account role needs a list of the accounts"],
    [
      "a list without a role",
      [`--allow-account=${A}`],
      "--allow-account means nothing without --account-role",
    ],
    ["eleven digits", [FIXED, "--allow-account=11111111111"], "12 digits"],
    [
      "two in one",
      [FIXED, `--allow-account=${A},222222222222`],
      `12 digits, or a glob of one with * and ?, got '${A},222222222222'`,
    ],
    ["a number as the console has it", [
      FIXED,
      "--allow-account=1111-2222-3333",
    ], "12 digits, or a glob"],
    ["a file that is not there", [FIXED, "--allow-account=./all"], "'./all'"],
    [
      "an account in the ARN",
      [`--account-role=${roleArn("x")}`, ...LISTED],
      "account role must be a role ARN with {account}",
    ],
    [
      "another place of a template",
      ["--account-role=arn:aws:iam::{account}:role/{name}", ...LISTED],
      "account role must be a role ARN with {account}",
    ],
    [
      "two roles in the ARN",
      [
        "--account-role=arn:aws:iam::{account}:role/{role}/{role}",
        ...LISTED,
        "--allow-role=x",
      ],
      "account role takes one {role}",
    ],
    [
      "no list of roles",
      [CHOSEN, ...LISTED],
      "needs a list of the roles that calls may name",
    ],
    [
      "roles for no {role}",
      [FIXED, ...LISTED, "--allow-role=x"],
      "allow role means nothing without a {role}",
    ],
    [
      "a role with a path",
      [CHOSEN, ...LISTED, "--allow-role=a/b"],
      "allow role must be a role's name",
    ],
    [
      "several profiles",
      [FIXED, ...LISTED, "--profile=a", "--profile=b"],
      "--account-role takes one profile, and several are given",
    ],
    [
      "the HTTP server",
      [FIXED, ...LISTED, "--listen=127.0.0.1:0"],
      "--account-role is for one client over stdio, and --listen serves many",
    ],
    [
      "a role that writes",
      [
        FIXED,
        ...LISTED,
        "--read-only",
        `--assume-role=${roleArn("R")}`,
        `--write-role=${roleArn("W")}`,
      ],
      "--write-role and --account-role exclude each other",
    ],
  ] as const
) {
  Deno.test(`account roles with ${what} are a configuration error`, async () => {
    assertStringIncludes(await faultOf(args), fault);
  });
}

for (
  const [what, args, fault] of [
    [
      "--read-only",
      BOTH.filter((arg) => arg !== "--read-only"),
      "--write-role means nothing without --read-only",
    ],
    [
      "a role that reads",
      ["--read-only", "--write-role", roleArn("Writer")],
      "--write-role means nothing without a role that reads",
    ],
    [
      "stdio",
      [...BOTH, "--listen=127.0.0.1:0"],
      "--write-role is for one client over stdio",
    ],
  ] as const
) {
  Deno.test(`a role that writes without ${what} is a configuration error`, async () => {
    assertStringIncludes(await faultOf(args), fault);
  });
}

for (
  const [what, args, fault] of [
    [
      "two ARNs in one flag",
      [
        "--session-policy",
        "arn:aws:iam::aws:policy/A,arn:aws:iam::aws:policy/B",
      ],
      "session policy must be the ARN of a managed policy, a file or read-only",
    ],
    [
      "an ARN of no policy",
      ["--session-policy", "arn:aws:iam::aws:role/x"],
      "session policy must be the ARN of a managed policy, a file or read-only",
    ],
    [
      "a file that is not there",
      ["--session-policy", "nowhere.json"],
      "session policy 'nowhere.json'",
    ],
    [
      "two policies of its own",
      ["--session-policy", "read-only", "--session-policy", "x.json"],
      "take one file, or read-only",
    ],
    [
      "eleven managed policies",
      Array.from(
        { length: 11 },
        (_, n) => `--session-policy=arn:aws:iam::aws:policy/p${n}`,
      ),
      "a session takes 10 managed policies, and 11 are given",
    ],
    ["a source identity", ["--source-identity", "a b"], "source identity must"],
    ["a tag without a value", ["--session-tag", "team"], "key=value"],
    ["a tag of AWS's", ["--session-tag", "AWS:x=1"], "begins with aws:"],
    [
      "a tag twice",
      ["--session-tag", "Team=1", "--session-tag", "team=2"],
      "session tag 'team' is given twice",
    ],
    [
      "51 tags",
      Array.from({ length: 51 }, (_, n) => `--session-tag=k${n}=v`),
      "a session takes 50 tags, and 51 are given",
    ],
  ] as const
) {
  Deno.test(`${what} is a configuration error`, async () => {
    assertStringIncludes(await faultOf([...READER, ...args]), fault);
  });
}

for (
  const [what, text, fault] of [
    ["is no JSON", "{", "is no JSON"],
    ["is no policy", "[1]", "it has no Statement"],
    [
      "is too long",
      `{"Statement":"${"x".repeat(2048)}"}`,
      "a session policy takes 2048 characters without white space, and there are 2064",
    ],
    ["has other letters", '{"Statement":"\u0142"}', "beyond U+00FF"],
  ] as const
) {
  Deno.test(`a session policy that ${what} is a configuration error`, async () => {
    await using temp = await tempDir({ "policy.json": text });
    const args = [
      ...READER,
      "--session-policy",
      join(temp.path, "policy.json"),
    ];
    assertStringIncludes(await faultOf(args), fault);
  });
}

Deno.test("roles beside the first can be given by flags and by variables", async () => {
  const template = "arn:aws-cn:iam::{account}:role/a/{role}-x";
  const flags = [
    `--account-role=${template}`,
    "--allow-account=111111111111",
    "--allow-account=2222*",
    "--allow-role=audit-*",
  ];
  const { accounts, allowAccount } = await configOf([AGENTCORE, ...flags]);
  const allow = ["111111111111", "2222*"];
  assertEquals(accounts, { template, allow, allowRole: ["audit-*"] });
  assertEquals(allowAccount, allow);
  const byVariables = await configOf([AGENTCORE], {
    MCP_ACCOUNT_ROLE: template,
    MCP_ALLOW_ACCOUNT: "111111111111, 2222*",
    MCP_ALLOW_ROLE: "audit-*",
  });
  assertEquals(byVariables.accounts, accounts);
  const { writeRole } = await configOf([
    AGENTCORE,
    "--read-only",
    "--assume-role=arn:aws:iam::123456789012:role/reads",
    "--write-role=arn:aws:iam::123456789012:role/writes",
  ]);
  assertEquals(writeRole, "arn:aws:iam::123456789012:role/writes");
});

Deno.test("a file of accounts with nothing but comments is a configuration error", async () => {
  await using temp = await tempDir({ accounts: "# none yet\n\n" });
  const file = join(temp.path, "accounts");
  const fault = await faultOf([FIXED, `--allow-account=${file}`]);
  assertStringIncludes(fault, "names a file with no account in it");
});

Deno.test("where the target asks for no permission of its own, a role that reads has no policy of no statements", async () => {
  const url = "https://aws-mcp.us-east-1.api.aws/mcp";
  const { session } = await configOf([url, ...READER]);
  assertEquals(session, {
    policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
  });
});
