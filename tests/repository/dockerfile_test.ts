/** The image of docs/deploy/Dockerfile, as far as it goes without Docker. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { type CommandLine, commandLine } from "../support/program/launch.ts";
import { codeSpans } from "./markdown.ts";
import { registryVariables } from "../support/program/registry.ts";
import { type Outcome, outcomeOf } from "../support/program/outcome.ts";

const ROOT = new URL("../../", import.meta.url);
const text = await Deno.readTextFile(new URL("docs/deploy/Dockerfile", ROOT));
const lines = text.replaceAll("\\\n", " ").split("\n");

/** Where the real @std is used, what stands in for it is not there to copy. */
const ignore = await Deno.stat(new URL("tests/std", ROOT))
  .then(() => false, () => true);

/** What the Dockerfile takes from the checkout. */
function copied(): string[] {
  return lines.filter((line) => /^COPY (?!--from)/.test(line))
    .flatMap((line) => line.split(" ").slice(1, -1));
}

/** What it runs with them, each as the words of a command. */
function steps(): string[][] {
  return lines.filter((line) => line.startsWith("RUN "))
    .map((line) => line.split(" ").slice(1));
}

function entryPoint(): string[] {
  const line = lines.find((line) => line.startsWith("ENTRYPOINT ")) ?? "";
  return JSON.parse(line.slice("ENTRYPOINT ".length));
}

async function copy(from: URL, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  for await (const { name } of Deno.readDir(from)) {
    await copy(new URL(`${from}/${name}`), join(to, name));
  }
}

/** Runs a command of the image where its working directory stands. */
async function run(
  line: Pick<CommandLine, "home" | "env">,
  [command, ...args]: readonly string[],
): Promise<Outcome> {
  assertEquals(command, "deno");
  return await outcomeOf(Deno.execPath(), {
    args,
    cwd: line.home,
    clearEnv: true,
    env: line.env,
  });
}

const target = new URL("https://abc123.execute-api.eu-west-1.amazonaws.com");

/** A directory with what the image has. */
async function build(): Promise<CommandLine> {
  const line = await commandLine({ target });
  for (const path of copied()) {
    await copy(new URL(path, ROOT), join(line.home, path));
  }
  const env = { ...registryVariables(), ...line.env };
  for (const step of steps()) {
    const { code, stderr } = await run({ home: line.home, env }, step);
    assertEquals(code, 0, stderr);
  }
  return line;
}

/** Runs the entry point. */
async function runImage(...args: string[]): Promise<Outcome> {
  await using line = await build();
  return await run(line, [...entryPoint(), ...args, target.href]);
}

interface Lock {
  readonly npm: Readonly<Record<string, unknown>>;
  readonly workspace: { readonly dependencies: readonly string[] };
}

async function readLock(path: URL | string): Promise<Lock> {
  return JSON.parse(await Deno.readTextFile(path));
}

/** The packages that security.md says are there at run time. */
async function promised(): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("docs/security.md", ROOT));
  const section = page.split("## Packages")[1].split("For the tests alone:")[0];
  // The first column of its table; no image has what `./sdk` alone imports.
  const cells = [...section.matchAll(/^\|([^|]*)\|/gm)].map(([, cell]) => cell);
  return cells.flatMap((cell) => codeSpans(cell))
    .filter((name) => !/^@std\/|^@modelcontextprotocol\/sdk$/.test(name))
    .toSorted();
}

Deno.test(
  "the image gets the packages that security.md names and what these need, as deno.lock has them",
  { ignore },
  async () => {
    await using line = await build();
    const lock = await readLock(join(line.home, "deno.lock"));
    const names = lock.workspace.dependencies
      .map((dependency) => /^npm:(.+)@/.exec(dependency)?.[1] ?? "")
      .filter((name) => name !== "");
    assertEquals(names.toSorted(), await promised());
    assert(Object.keys(lock.npm).length < 50, "few others are with them");
    const { npm: full } = await readLock(new URL("deno.lock", ROOT));
    for (const [name, entry] of Object.entries(lock.npm)) {
      assertEquals(entry, full[name], name);
    }
  },
);

Deno.test(
  "what the Dockerfile copies is enough for the program, under the flags of its entry point",
  { ignore },
  async () => {
    const { code, stdout, stderr } = await runImage("policy");
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "execute-api:Invoke");
  },
);

Deno.test(
  "a container that is given no token ends, and names the variable for it",
  { ignore },
  async () => {
    const { code, stderr } = await runImage("--listen", "127.0.0.1:0");
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "MCP_LISTEN_TOKEN");
    assert(
      text.split("FROM")[0].includes("MCP_LISTEN_TOKEN"),
      "so does its head",
    );
  },
);

Deno.test("the image runs as a user who is not root", () => {
  const user = lines.findLast((line) => line.startsWith("USER ")) ?? "";
  assertEquals(/^USER [1-9]\d*:[1-9]\d*$/.test(user), true, user);
});
