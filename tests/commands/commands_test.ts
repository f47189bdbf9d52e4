import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  COMMAND_NAMES,
  type CommandName,
  COMMANDS,
  isCommandName,
} from "../../src/config/commands.ts";
import { runConfig } from "../../src/commands/client/config.ts";
import { runDoctor } from "../../src/commands/doctor/doctor.ts";
import { runPolicy } from "../../src/commands/policy/policy.ts";
import { parseArguments } from "../../src/config/arguments.ts";
import { commandHelp } from "../../src/config/help.ts";
import type { Option } from "../../src/config/option.ts";
import { runSubcommand } from "../../src/commands/run.ts";
import { shellWords } from "../../src/aws/shared_files/shell_words.ts";
import { ConfigError } from "../../src/errors.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { CommandWorld } from "./command_world.ts";

function ownFlagsOf(name: CommandName): (readonly string[])[] {
  return Object.values<Option>(COMMANDS[name].flags).map(({ names }) => names);
}

Deno.test("the help of each subcommand fits a terminal and names its flags", () => {
  for (const name of COMMAND_NAMES) {
    const text = commandHelp(name);
    for (const line of text.split("\n")) assert(line.length <= 80, line);
    for (const [flag] of ownFlagsOf(name)) assert(text.includes(flag));
  }
});

Deno.test("the word help after a subcommand asks for its help", async () => {
  await using world = await CommandWorld.make();
  for (const name of COMMAND_NAMES) {
    const { code, stdout } = await world.run(
      (args, context) => runSubcommand(name, args, context),
      ["help"],
    );
    assertEquals([code, stdout], [0, commandHelp(name)]);
  }
});

Deno.test("no flag of a subcommand is one of the proxy's", () => {
  const taken = new Set<string>(
    OPTION_KEYS.flatMap((key) => OPTIONS[key].names),
  );
  for (const name of COMMAND_NAMES) {
    for (const [flag] of ownFlagsOf(name)) assert(!taken.has(flag), flag);
  }
});

Deno.test("only the names of subcommands are such", () => {
  assert(isCommandName("doctor"));
  for (const word of [undefined, "", "doctors", "toString", "https://x/"]) {
    assertEquals(isCommandName(word), false);
  }
});

Deno.test("own flags are told from the proxy's, up to --, and from the word before them", () => {
  const { own, flags, word, positional, faults } = parseArguments(
    [
      "zed",
      "--write",
      "--name",
      "a",
      "--region=x",
      "--file=b",
      "--",
      "--write",
    ],
    "config",
  );
  assertEquals(faults, []);
  assertEquals([word, positional], ["zed", ["--write"]]);
  assertEquals([...flags.keys()], ["region"]);
  assertEquals(Object.fromEntries(own), {
    write: ["true"],
    name: ["a"],
    file: ["b"],
  });
});

Deno.test("a word that an unknown flag would take is still the word", () => {
  const line = ["--wirte", "zed", "https://mcp.example/mcp"];
  const { word, positional, faults } = parseArguments(line, "config");
  assertEquals([word, positional], ["zed", ["https://mcp.example/mcp"]]);
  assertEquals(faults, ["unknown flag --wirte (did you mean --write?)"]);
});

Deno.test("a URL in place of a client is not shown, since it may hold a secret", async () => {
  await using world = await CommandWorld.make();
  const { faults } = await assertRejects(
    () => world.run(runConfig, ["https://mcp.example/?key=hunter2"]),
    ConfigError,
  );
  assertStringIncludes(faults[0], "config needs a client first");
  assertEquals(faults.join().includes("hunter2"), false);
});

Deno.test("a subcommand for recordings says what it needs, beside what else is wrong", async () => {
  await using world = await CommandWorld.make();
  for (
    const [name, args, faults] of [
      ["record", ["--no-such"], [
        "unknown flag --no-such (see --help)",
        "record needs the word show, and one recording",
      ]],
      ["record", ["show", "a.jsonl", "--no-such"], [
        "unknown flag --no-such (see --help)",
      ]],
      ["record", ["a.jsonl"], [
        "record needs the word show, and one recording",
      ]],
      ["record", ["show"], ["record needs the word show, and one recording"]],
      ["replay", [], ["replay needs one recording"]],
      ["replay", ["a", "b"], ["replay needs one recording"]],
      ["replay", ["a", "--fast", "--fast"], [
        "--fast is given 2 times (give it once)",
      ]],
    ] as const
  ) {
    const error = await assertRejects(
      () =>
        world.run(
          (args, context) => runSubcommand(name, args, context),
          [...args],
        ),
      ConfigError,
    );
    assertEquals<readonly string[]>(error.faults, faults);
  }
});

Deno.test("the word may stand behind own flags and their values", () => {
  const line = ["--write", "--name", "a", "zed", "https://mcp.example/mcp"];
  const { word, positional, faults } = parseArguments(line, "config");
  assertEquals([word, faults], ["zed", []]);
  assertEquals(positional, ["https://mcp.example/mcp"]);
});

Deno.test("a misspelt flag of a subcommand's own gets its name, too", async () => {
  await using world = await CommandWorld.make();
  const url = "https://abc123.execute-api.us-east-1.amazonaws.com/mcp";
  const faultOf = async (run: () => Promise<unknown>): Promise<string> => {
    const { faults } = await assertRejects(run, ConfigError);
    return faults.join();
  };
  assertEquals(
    await faultOf(() => world.run(runPolicy, ["--flag", url])),
    "unknown flag --flag (did you mean --flags?)",
  );
  assertEquals(
    await faultOf(() => world.run(runConfig, ["zed", url, "--wirte"])),
    "unknown flag --wirte (did you mean --write?)",
  );
  const doctor = await world.run(runDoctor, ["--jsom", url]);
  assertStringIncludes(doctor.stdout, "--jsom (did you mean --json?)");
});

Deno.test("every fault of own flags is told at once", () => {
  const { faults } = parseArguments(
    ["zed", "--write=yes", "--name", "--file="],
    "config",
  );
  assertEquals(faults, [
    "--write must be true or false, got 'yes' (set --write)",
    "--name needs a value " +
    '(set --name; one that begins with "-" as --name=VALUE)',
    "--file needs a value " +
    '(set --file; one that begins with "-" as --file=VALUE)',
  ]);
});

Deno.test("words for a shell are quoted only where they must be", () => {
  assertEquals(
    shellWords(["--allow-net=a:1,b", "a b", "it's", "*", ""]),
    "--allow-net=a:1,b 'a b' 'it'\\''s' '*' ''",
  );
});
