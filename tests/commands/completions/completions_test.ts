import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { runCompletions } from "../../../src/commands/completions/completions.ts";
import { PROXY_FLAGS } from "../../../src/commands/completions/scripts.ts";
import { CLIENT_NAMES, SHELLS } from "../../../src/config/commands.ts";
import { ConfigError } from "../../../src/errors.ts";
import { CommandWorld } from "../command_world.ts";
import { outcomeOf } from "../../support/program/outcome.ts";

/** A profile whose name is a command that makes a file. */
const FOREIGN = "my $(touch $HOME/pwned)";

/** Runs a test in a shell, or says why not; some need another one, too. */
function shellTest(
  shell: string,
  name: string,
  fn: (shell: Shell) => Promise<void>,
  needed: readonly string[] = [shell],
): void {
  const missing = needed.filter((name) => !hasShell(name));
  Deno.test({
    name: missing.length === 0
      ? name
      : `${name} (skipped: there is no ${missing.join(", no ")} here)`,
    ignore: missing.length > 0,
    async fn() {
      await using world = await CommandWorld.make();
      const { stdout } = await world.run(runCompletions, [shell]);
      const script = await world.write("completions", stdout);
      await world.write(
        ".aws/config",
        "[default]\nregion = x\n[profile work]\nregion=eu-west-1\n" +
          "[sso-session no]\n[profile other]\nregion = x\n" +
          `[profile ${FOREIGN}]\n`,
      );
      await world.write("d ir/file", "");
      await fn(new Shell(shell, world, script));
      assertEquals(await isFile(world.path("pwned")), false);
    },
  });
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
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

  /** A path in the home directory, where the shell is. */
  path(name: string): string {
    return this.#world.path(name);
  }

  /** The lines that some code prints. */
  async lines(
    code: string,
    flags: readonly string[] = [],
    shell = this.#shell,
  ): Promise<string[]> {
    const file = await this.#world.write("code", code);
    const { stdout, ...ended } = await outcomeOf(shell, {
      args: [...flags, file],
      cwd: this.#world.home,
      env: {
        PATH: Deno.env.get("PATH") ?? "",
        HOME: this.#world.home,
        TERM: "dumb",
        LC_ALL: "C.UTF-8",
      },
      clearEnv: true,
    });
    assertEquals(ended, { code: 0, stderr: "" });
    return stdout.split("\n").filter((line) => line !== "");
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
    assertEquals(await inBash(shell, "config", "zed", "--wr"), [
      "--write",
      "--write-role",
    ]);
    assertEquals(await inBash(shell, "completions", ""), [...SHELLS]);
    assertEquals(await inBash(shell, "completions", "bash", "--"), []);
    assertEquals(await inBash(shell, "--sig-version", ""), ["v4", "v4a"]);
    assertEquals(await inBash(shell, "--log-level", "=", "w"), ["warn"]);
    assertEquals(await inBash(shell, "--log-format", "="), ["json", "text"]);
    assertEquals(await inBash(shell, "--region", ""), ["eu-west-1", "x"]);
    assertEquals(await inBash(shell, "config", "zed", "--launch", ""), [
      "npx",
      "deno",
    ]);
    assertEquals(await inBash(shell, "record", ""), ["show"]);
    assertEquals(await inBash(shell, "replay", "--"), ["--fast"]);
    assertEquals(await inBash(shell, "--profile", ""), [
      "default",
      "my\\ \\$\\(touch\\ \\$HOME/pwned\\)",
      "other",
      "work",
    ]);
    assertEquals(await inBash(shell, "--help", "cre"), ["credentials"]);
    assertEquals(await inBash(shell, "he"), ["help"]);
    assertEquals(await inBash(shell, "help", "htt"), ["http"]);
    assertEquals(await inBash(shell, "help", "polic"), ["policy"]);
  },
);

shellTest(
  "bash",
  "bash completes paths and the names of profiles as it quotes them itself",
  async (shell) => {
    const ran = await typed(
      shell,
      "bash --norc --noprofile -i",
      `PS1=; source '${shell.script}'`,
      [
        ["--ca-cert .aw"],
        ["--ca-cert=.aw"],
        ["--ca-cert d\\ "],
        ["config zed --file ~/compl"],
        ["replay .aw"],
        ["record show .aw"],
        ["--allow-account .aw"],
        ["--profile my"],
        ["--profile my\\ "],
        ["--help cred"],
      ],
    );
    assertEquals(ran, [
      "--ca-cert .aws/",
      "--ca-cert=.aws/",
      "--ca-cert d ir/",
      `config zed --file ${shell.path("completions")}`,
      "replay .aws/",
      "record show .aws/",
      "--allow-account .aws/",
      `--profile ${FOREIGN}`,
      `--profile ${FOREIGN}`,
      "--help credentials",
    ]);
  },
  ["bash", "zsh"],
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
    const names = "completions config doctor help policy record replay";
    assertEquals(first, names.split(" "));
    assertEquals(await offers("sigv4-proxy --sig-"), ["--sig-version"]);
    assertEquals(await offers("sigv4-proxy doctor --js"), ["--json"]);
    assertEquals(await offers("sigv4-proxy policy --js"), []);
    assertEquals(await offers("sigv4-proxy config "), [...CLIENT_NAMES]);
    assertEquals(await offers("sigv4-proxy config zed --wr"), [
      "--write",
      "--write-role",
    ]);
    assertEquals(await offers("sigv4-proxy completions --re"), []);
    assertEquals(await offers("sigv4-proxy --sig-version "), ["v4", "v4a"]);
    assertEquals(await offers("sigv4-proxy --profile "), [
      "default",
      FOREIGN,
      "other",
      "work",
    ]);
    assertEquals(await offers("sigv4-proxy --region e"), ["eu-west-1"]);
    assertEquals(await offers("sigv4-proxy config zed --launch n"), ["npx"]);
    assertEquals(await offers("sigv4-proxy replay compl"), ["completions"]);
    assertEquals(await offers("sigv4-proxy record show compl"), [
      "completions",
    ]);
    assertEquals(await offers("sigv4-proxy --help cre"), ["credentials"]);
    assertEquals(await offers("sigv4-proxy help htt"), ["http"]);
    assertEquals(await offers("sigv4-proxy help config --wr"), []);
    const profile = await shell.lines(
      `source '${shell.script}'; complete -C 'sigv4-proxy --profile wo'`,
      ["--no-config"],
    );
    assertEquals(profile, ["work\tprofile"]);
    const help = await shell.lines(
      `source '${shell.script}'; complete -C 'sigv4-proxy --listen-h'`,
      ["--no-config"],
    );
    assertEquals(help, ["--listen-host\ta name it is known by; repeatable"]);
  },
);

shellTest(
  "zsh",
  "zsh completes flags, subcommands, their words and values",
  async (shell) => {
    const lines: [line: string, rest: string][] = [
      ["--sig-v", "ersion"],
      ["doc", "tor"],
      ["doctor --js", "on"],
      ["config goo", "se"],
      ["config zed --wr", "ite"],
      ["completions fi", "sh"],
      ["--log-level wa", "rn"],
      ["--profile wo", "rk"],
      ["--profile=wo", "rk"],
      ["--ca-cert=compl", "etions"],
      ["--region eu-w", "est-1"],
      ["config zed --launch np", "x"],
      ["replay compl", "etions"],
      ["record show compl", "etions"],
      ["--session-policy compl", "etions"],
      ["--help cre", "dentials"],
      ["help polic", "y"],
      ["help htt", "p"],
    ];
    const ran = await typed(
      shell,
      "zsh -f -i",
      `PS1= RPS1=; autoload -Uz compinit; compinit -u -D; source '${shell.script}'`,
      [...lines, ["--profile my", "pwned"]],
    );
    assertEquals(ran, [
      ...lines.map((parts) => parts.join("")),
      `--profile ${FOREIGN}`,
    ]);
  },
);

/**
 * Types each line at a shell's terminal, with a Tab, and waits until the shell
 * has put the rest behind it, where one is named: bash shows nothing on such a
 * terminal, and takes one key after the other anyway.
 */
async function typed(
  shell: Shell,
  program: string,
  setUp: string,
  lines: readonly (readonly [line: string, rest?: string])[],
): Promise<string[]> {
  const ran = await shell.lines(
    `zmodload zsh/zpty
zpty -b z '${program}'
zpty -w z "${setUp}; sigv4-proxy() { printf 'RAN<%s>\\n' \\"\\$*\\"; }; echo REA''DY"
zpty -r -m z screen '*READY*'
try() {
  zpty -w -n z "sigv4-proxy $1"$'\\t'
  if [[ -n $2 ]]; then zpty -r -m z screen "*$2*"; fi
  zpty -w -n z $'\\n'
  zpty -r -m z screen '*RAN<*>*'
  print -r -- "\${\${screen##*RAN<}%%>*}"
}
${lines.map(([line, rest = ""]) => `try '${line}' '${rest}'`).join("\n")}
zpty -d z
`,
    ["-f"],
    "zsh",
  );
  return ran.map((line) => line.trim());
}

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

Deno.test("a switch takes no value, and one that is on is offered as what turns it off", () => {
  const valueOf = (name: string) =>
    PROXY_FLAGS.filter(({ flag }) => flag === name)
      .map(({ value }) => value !== undefined);
  assertEquals(valueOf("no-recover"), [false]);
  assertEquals(valueOf("recover"), []);
  assertEquals(valueOf("region"), [true]);
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
