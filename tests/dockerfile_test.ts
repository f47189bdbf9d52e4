/** The image of docs/deploy/Dockerfile, as far as it goes without Docker. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { commandLine } from "./support/launch.ts";

const ROOT = new URL("../", import.meta.url);
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

/** Runs the entry point in a directory with what the image has. */
async function runImage(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const target = new URL("https://abc123.execute-api.eu-west-1.amazonaws.com");
  await using line = await commandLine({ target });
  for (const path of copied()) {
    await copy(new URL(path, ROOT), join(line.home, path));
  }
  const [deno, ...given] = entryPoint();
  assertEquals(deno, "deno");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...given, ...args, target.href],
    cwd: line.home,
    clearEnv: true,
    env: line.env,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

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
