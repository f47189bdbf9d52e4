import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { COMMAND_NAMES } from "../../src/config/commands.ts";
import {
  commandHelp,
  helpText,
  type HelpTopic,
  isHelpTopic,
  versionText,
} from "../../src/config/help.ts";
import { type Option, variablesOf } from "../../src/config/option.ts";
import {
  OPTION_GROUPS,
  OPTION_KEYS,
  OPTIONS,
} from "../../src/config/options.ts";
import { parseCommand } from "../../src/config/config.ts";
import { faultsOf } from "../support/program/command_line.ts";

/** The rows of a terminal that nobody has made larger, less one for the prompt. */
const ROWS = 23;

/** What the first screen says is to be had. */
const TOPICS: readonly HelpTopic[] = [
  ...helpText().matchAll(/--help ([a-z]+)/g),
].map(([, word]) => word).filter(isHelpTopic);

function wordOf({ names }: Option): string {
  return names[0].slice(2);
}

Deno.test("--help all shows every option with its flag, variables, default and group", () => {
  const text = helpText("all");
  for (const key of OPTION_KEYS) {
    const option: Option = OPTIONS[key];
    assertMatch(text, new RegExp(`^  --(?:no-)?${wordOf(option)}\\b`, "m"));
    for (const variable of variablesOf(option)) {
      assertStringIncludes(text, variable);
    }
  }
  for (const group of Object.keys(OPTION_GROUPS)) {
    assertStringIncludes(text, `\n${group}:\n`);
  }
  for (const name of COMMAND_NAMES) assertStringIncludes(text, `\n  ${name} `);
  for (
    const part of [
      "MCP_IDLE_TIMEOUT=15m]",
      "MCP_MAX_FRAME=64MiB]",
      "MCP_MAX_ANSWER=10MiB]",
      "AWS_SIG_VERSION=v4]",
      "MCP_LOG_LEVEL=info]",
      "MCP_LOG_FORMAT=json]",
      "--sig-version v4|v4a",
      "--log-level LEVEL",
    ]
  ) assertStringIncludes(text, part);
});

Deno.test("every setting has words in the help, and a variable of its own or named there", () => {
  const without = OPTION_KEYS.filter((key) => {
    const option: Option = OPTIONS[key];
    const { help } = option;
    const isSetting = !(key in OPTION_GROUPS.Other);
    const hasVariable = variablesOf(option).length > 0 ||
      /\bMCP_[A-Z]/.test(help);
    return help === "" || (isSetting && !hasVariable);
  });
  assertEquals(without, []);
});

Deno.test("the first screen of help leads to every option", () => {
  assert(TOPICS.includes("all"), TOPICS.join());
  const screens = [undefined, ...TOPICS.filter((topic) => topic !== "all")]
    .map((topic) => helpText(topic)).join("");
  for (const key of OPTION_KEYS) {
    if (key === "version") continue;
    const word = wordOf(OPTIONS[key]);
    assertMatch(screens, new RegExp(`^ .*--(?:no-)?${word}\\b`, "m"));
  }
});

Deno.test("each screen of help but the one of all options fits a terminal as it opens", () => {
  for (const topic of [undefined, ...TOPICS]) {
    const lines = helpText(topic).split("\n");
    assertEquals(lines.pop(), "");
    if (topic !== "all") {
      assert(lines.length <= ROWS, `${topic}: ${lines.length} lines`);
    }
    for (const line of lines) {
      assert(line.length <= 80, line);
      assertEquals(line, line.trimEnd());
    }
  }
});

Deno.test("a command's help has clients, flags of its own and a word on options where it takes any", () => {
  const clients = "\nClients:";
  const own = "\n  --";
  const options = "\nThe options are the proxy's";
  const without = {
    config: [],
    doctor: [clients],
    replay: [clients, options],
    completions: [clients, own, options],
  } as const;
  for (const name of ["config", "doctor", "replay", "completions"] as const) {
    const text = commandHelp(name);
    const missing = [clients, own, options].filter((part) =>
      !text.includes(part)
    );
    assertEquals<readonly string[]>(missing, without[name], text);
  }
});

Deno.test("the version names the package, the runtime and the MCP revisions", () => {
  assertEquals(
    versionText("2.9.6"),
    `sigv4-proxy ${manifest.version} (Deno 2.9.6)\n` +
      "MCP 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05\n",
  );
});

Deno.test("help and version are answered whatever else is wrong, and ask for no variable", async () => {
  const env = (name: string): never => {
    throw new Error(`${name} was asked for`);
  };
  const profileRegion = (): Promise<string | undefined> =>
    Promise.reject(new Error("the profile was asked for"));
  for (
    const [topic, args] of [
      [undefined, ["--help"]],
      [undefined, ["-h"]],
      [undefined, ["--bogus", "--help"]],
      [undefined, ["--version", "--help"]],
      [undefined, ["--help", "https://signing.example/mcp"]],
      [undefined, ["signing", "--help"]],
      ["signing", ["--help", "signing"]],
      ["all", ["--sse", "-h", "all"]],
      ["limits", ["--help=limits"]],
      ["doctor", ["--help", "doctor"]],
      [undefined, ["--help=true"]],
    ] as const
  ) {
    assertEquals(await parseCommand(args, env, { profileRegion }), {
      kind: "help",
      topic,
    });
  }
  for (const args of [["--version", "ftp://x"], ["-V"], ["-v"]]) {
    assertEquals(await parseCommand(args, env, { profileRegion }), {
      kind: "version",
    });
  }
});

Deno.test("help on what there is none on says what there is", async () => {
  assertEquals(await faultsOf(["--help", "signin"]), [
    "there is no help on 'signin' (did you mean signing?)",
  ]);
  assertEquals(await faultsOf(["--help=bogus"]), [
    "there is no help on 'bogus' (there is on target, messages, signing, " +
    "credentials, http, limits, logging, all, doctor, policy, config, " +
    "record, replay, completions)",
  ]);
});

Deno.test("the help of a subcommand shows what each flag takes", () => {
  const config = commandHelp("config");
  for (
    const line of [
      "  --write                  merge it into the file of the client",
      "  --launch npx|deno        how the client is to start the proxy",
      "  --name NAME              what the client calls the server",
    ]
  ) assertStringIncludes(config, `\n${line}\n`);
});
