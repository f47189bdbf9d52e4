import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  COMMAND_NAMES,
  commandHelp,
  COMMANDS,
  isCommandName,
} from "../../src/config/commands.ts";
import { runConfig } from "../../src/commands/client/config.ts";
import { runDoctor } from "../../src/commands/doctor/doctor.ts";
import { runPolicy } from "../../src/commands/policy/policy.ts";
import { takeOwnFlags } from "../../src/commands/own_flags.ts";
import { runSubcommand } from "../../src/commands/run.ts";
import { shellWords } from "../../src/shell_words.ts";
import { ConfigError } from "../../src/errors.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { CommandWorld } from "./command_world.ts";

Deno.test("the help of each subcommand fits a terminal and names its flags", () => {
  for (const name of COMMAND_NAMES) {
    const text = commandHelp(name);
    for (const line of text.split("\n")) assert(line.length <= 80, line);
    for (const { flag } of COMMANDS[name].flags) assert(text.includes(flag));
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
    for (const { flag } of COMMANDS[name].flags) {
      assert(!taken.has(`--${flag}`), flag);
    }
  }
});

Deno.test("only the names of subcommands are such", () => {
  assert(isCommandName("doctor"));
  for (const word of [undefined, "", "doctors", "toString", "https://x/"]) {
    assertEquals(isCommandName(word), false);
  }
});

Deno.test("own flags are taken out from among others, up to --", () => {
  const { rest, given } = takeOwnFlags(
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
    COMMANDS.config.flags,
  );
  assertEquals(rest, ["zed", "--region=x", "--", "--write"]);
  assertEquals(Object.fromEntries(given), {
    write: "true",
    name: "a",
    file: "b",
  });
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
  const { faults } = assertThrows(
    () =>
      takeOwnFlags(
        ["--write=yes", "--name", "--file="],
        COMMANDS.config.flags,
      ),
    ConfigError,
  );
  assertEquals(faults, [
    "--write takes no value",
    "--name needs a value (--name NAME)",
    "--file needs a value (--file PATH)",
  ]);
});

Deno.test("words for a shell are quoted only where they must be", () => {
  assertEquals(
    shellWords(["--allow-net=a:1,b", "a b", "it's", "*", ""]),
    "--allow-net=a:1,b 'a b' 'it'\\''s' '*' ''",
  );
});
