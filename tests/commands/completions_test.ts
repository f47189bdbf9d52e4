import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runCompletions } from "../../src/commands/completions.ts";
import { CLIENT_NAMES, SHELLS } from "../../src/commands/commands.ts";
import { PROXY_FLAGS } from "../../src/commands/completion_words.ts";
import { ConfigError } from "../../src/errors.ts";
import { CommandWorld } from "./command_world.ts";

/** Runs a test in a shell, or says why not. */
function shellTest(
  shell: string,
  name: string,
  fn: (shell: Shell) => Promise<void>,
): void {
  const isThere = hasShell(shell);
  Deno.test({
    name: isThere ? name : `${name} (skipped: there is no ${shell} here)`,
    ignore: !isThere,
    async fn() {
      await using world = await CommandWorld.make();
      const { stdout } = await world.run(runCompletions, [shell]);
      const script = await world.write("completions", stdout);
      await world.write(
        ".aws/config",
        "[default]\nregion = x\n[profile work]\n[sso-session no]\n",
      );
      await fn(new Shell(shell, world, script));
    },
  });
}

function hasShell(shell: string): boolean {
  try {
    return new Deno.Command(shell, {
      args: ["-c", "exit 0"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

class Shell {
  readonly #shell: string;
  readonly #world: CommandWorld;
  /** The script to read. */
  readonly script: string;

  constructor(shell: string, world: CommandWorld, script: string) {
    this.#shell = shell;
    this.#world = world;
    this.script = script;
  }

  /** The lines that some code prints. */
  async lines(code: string, flags: readonly string[] = []): Promise<string[]> {
    const file = await this.#world.write("code", code);
    const { success, stdout, stderr } = await new Deno.Command(this.#shell, {
      args: [...flags, file],
      cwd: this.#world.home,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: this.#world.home,
        TERM: "dumb",
        LC_ALL: "C.UTF-8",
      },
      clearEnv: true,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    assert(success, decoder.decode(stderr));
    assertEquals(decoder.decode(stderr), "");
    return decoder.decode(stdout).split("\n").filter((line) => line !== "");
  }
}

/** What bash offers for words, the last of which is being typed. */
async function inBash(shell: Shell, ...words: string[]): Promise<string[]> {
  const list = ["sigv4-proxy", ...words].map((word) => `'${word}'`).join(" ");
  return await shell.lines(
    `source '${shell.script}'
complete -p sigv4-proxy >/dev/null
COMP_WORDS=(${list})
COMP_CWORD=${words.length}
_sigv4_proxy
printf '%s\\n' "\${COMPREPLY[@]}"
`,
    ["--norc"],
  );
}

shellTest(
  "bash",
  "bash completes flags, subcommands, their words and values",
  async (shell) => {
    const first = await inBash(shell, "");
    for (const word of ["doctor", "config", "--region", "--version"]) {
      assert(first.includes(word), word);
    }
    assertEquals(await inBash(shell, "--sig-"), ["--sig-version"]);
    assertEquals(await inBash(shell, "doc"), ["doctor"]);
    assertEquals(await inBash(shell, "doctor", "--js"), ["--json"]);
    assertEquals(await inBash(shell, "policy", "--js"), []);
    assertEquals(await inBash(shell, "config", ""), [...CLIENT_NAMES]);
    assertEquals(await inBash(shell, "config", "zed", "--wr"), ["--write"]);
    assertEquals(await inBash(shell, "config", "zed", "--file", "comp"), [
      "completions",
    ]);
    assertEquals(await inBash(shell, "completions", ""), [...SHELLS]);
    assertEquals(await inBash(shell, "completions", "bash", "--"), []);
    assertEquals(await inBash(shell, "--sig-version", ""), ["v4", "v4a"]);
    assertEquals(await inBash(shell, "--log-level", "=", "w"), ["warn"]);
    assertEquals(await inBash(shell, "--log-format", "="), ["json", "text"]);
    assertEquals(await inBash(shell, "--region", ""), []);
    assertEquals(await inBash(shell, "--profile", ""), ["default", "work"]);
  },
);

shellTest(
  "fish",
  "fish completes flags, subcommands, their words and values",
  async (shell) => {
    const offers = async (line: string) => {
      const lines = await shell.lines(
        `source '${shell.script}'; complete -C '${line}'`,
        ["--no-config"],
      );
      return lines.map((line) => line.split("\t")[0]);
    };
    const first = await offers("sigv4-proxy ");
    assertEquals(first, ["completions", "config", "doctor", "policy"]);
    assertEquals(await offers("sigv4-proxy --sig-"), ["--sig-version"]);
    assertEquals(await offers("sigv4-proxy doctor --js"), ["--json"]);
    assertEquals(await offers("sigv4-proxy policy --js"), []);
    assertEquals(await offers("sigv4-proxy config "), [...CLIENT_NAMES]);
    assertEquals(await offers("sigv4-proxy config zed --wr"), ["--write"]);
    assertEquals(await offers("sigv4-proxy completions --re"), []);
    assertEquals(await offers("sigv4-proxy --sig-version "), ["v4", "v4a"]);
    assertEquals(await offers("sigv4-proxy --profile "), ["default", "work"]);
  },
);

shellTest(
  "zsh",
  "zsh completes flags, subcommands, their words and values",
  async (shell) => {
    // Each line is typed at a terminal, with a Tab; what zsh makes of it is read
    // off the screen before the line is run.
    const typed: [line: string, completed: string][] = [
      ["--sig-v", "--sig-version"],
      ["doc", "doctor"],
      ["doctor --js", "doctor --json"],
      ["config goo", "config goose"],
      ["config zed --wr", "config zed --write"],
      ["completions fi", "completions fish"],
      ["--log-level wa", "--log-level warn"],
      ["--profile wo", "--profile work"],
    ];
    const lines = await shell.lines(
      `zmodload zsh/zpty
zpty -b z 'zsh -f -i'
zpty -w z "PS1= RPS1=; autoload -Uz compinit; compinit -u -D; source '${shell.script}'; sigv4-proxy() { print -r -- \\"RAN<\\$*>\\" }; print REA''DY"
zpty -r -m z screen '*READY*'
try() {
  zpty -w -n z "sigv4-proxy $1"$'\\t'
  zpty -r -m z screen "*$2*"
  zpty -w -n z $'\\n'
  zpty -r -m z screen '*RAN<*>*'
  print -r -- "\${\${screen##*RAN<}%%>*}"
}
${
        typed.map(([line, completed]) =>
          `try '${line}' '${completed.split(" ").at(-1)?.slice(-3)}'`
        ).join("\n")
      }
zpty -d z
`,
      ["-f"],
    );
    assertEquals(
      lines.map((line) => line.trim()),
      typed.map(([, completed]) => completed),
    );
  },
);

for (const shell of SHELLS) {
  Deno.test(`the ${shell} script knows every flag`, async () => {
    await using world = await CommandWorld.make();
    const { stdout } = await world.run(runCompletions, [shell]);
    for (const { flag } of PROXY_FLAGS) {
      assertStringIncludes(
        stdout,
        shell === "fish" ? `-l ${flag}` : `--${flag}`,
      );
    }
  });
}

Deno.test("a switch that is on is offered as what turns it off", () => {
  const flags = PROXY_FLAGS.map(({ flag }) => flag);
  assert(flags.includes("no-recover"));
  assert(!flags.includes("recover"));
});

Deno.test("a shell that is not known is a fault that names those that are", async () => {
  await using world = await CommandWorld.make();
  for (const args of [[], ["tcsh"], ["bash", "zsh"]]) {
    const { faults } = await assertRejects(
      () => world.run(runCompletions, args),
      ConfigError,
    );
    assertStringIncludes(faults.join(), "bash, zsh, fish");
  }
});
