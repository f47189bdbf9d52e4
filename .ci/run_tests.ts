/**
 * Runs the tests, all or those that are named, where nothing of the machine
 * changes what they see: neither variables nor files of its user.
 *
 * A test that fails runs once more: beside thousands of others on a loaded
 * machine a limit of the system may be reached. What then passes is counted as
 * flaky, and is a test to be mended.
 */

import { dirname, join } from "node:path";
import { denoDir, PROGRAM_VARIABLE } from "../tests/support/program/launch.ts";
import {
  REGISTRY_VARIABLE,
  registryVariables,
} from "../tests/support/program/registry.ts";
import { systemVariables } from "../tests/support/program/system_variables.ts";

const ROOT = new URL("../", import.meta.url);

/** The test files under a folder. */
async function testFiles(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(folder, ROOT)));
  const found = entries.map(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return testFiles(path);
    return name.endsWith("_test.ts") ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

/** Whether a test file asks how large its isolate is, which is then its own. */
async function measuresMemory(path: string): Promise<boolean> {
  const text = await Deno.readTextFile(new URL(path, ROOT));
  return text.includes("Deno.memoryUsage");
}

/** What takes the longest, and starts first: others run meanwhile. */
const LONG = [
  "tests/program/login/clients_test.ts",
  "tests/hostile/messages_test.ts",
  "tests/hostile/heap_test.ts",
  "tests/repository/regexp_test.ts",
];

/** The room that a test is of: of two there are rooms within. */
function roomOf(path: string): string {
  const parts = dirname(path).split("/");
  return parts.slice(0, /^(?:aws|mcp)$/.test(parts[1]) ? 3 : 2).join("/");
}

/**
 * Writes a module for each room with tests: its files share one isolate, in
 * which all that they import is loaded once.
 */
async function writeRooms(directory: string): Promise<string[]> {
  const modules: string[] = [];
  const rooms = new Map<string, string[]>();
  for (const path of (await testFiles("tests")).sort()) {
    if (LONG.includes(path)) continue;
    const room = roomOf(path);
    if (await measuresMemory(path)) modules.push(path);
    else rooms.set(room, [...rooms.get(room) ?? [], path]);
  }
  // Many files take long as well.
  const byLength = [...rooms].sort(([, a], [, b]) => b.length - a.length);
  for (const [room, own] of byLength) {
    const module = join(directory, `${room.replaceAll("/", ".")}.ts`);
    const imports = own.map((path) => `import "${new URL(path, ROOT)}";\n`);
    await Deno.writeTextFile(module, imports.join(""));
    modules.push(module);
  }
  return [...LONG, ...modules];
}

/**
 * Makes the program as a bundle, which starts in three quarters of the time:
 * tests start it 600 times. Where that fails they start `mod.ts`.
 */
async function bundleProgram(
  directory: string,
): Promise<Record<string, string>> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform=deno", "--code-splitting"],
      `--outdir=${directory}`,
      "mod.ts",
    ],
    cwd: ROOT,
    // Modules of packages, not CommonJS: what is not used is left out.
    env: { DENO_CONDITIONS: "module" },
  }).spawn().status;
  return success ? { [PROGRAM_VARIABLE]: join(directory, "mod.js") } : {};
}

const home = await Deno.makeTempDir();
const isAll = Deno.args.length === 0;
const modules = isAll
  ? [...await writeRooms(home), "README.md", "docs", "mod.ts", "src"]
  : Deno.args;
const tests = new Deno.Command(Deno.execPath(), {
  args: [
    ...["test", "-A", "--doc", "--parallel", "--retry=1"],
    // `deno task check` looks at the types, those of the examples too.
    "--no-check",
    "--config=deno.json",
    ...modules,
  ],
  clearEnv: true,
  env: {
    // More than processors: most of them wait for what they have started.
    DENO_JOBS: String(navigator.hardwareConcurrency + 4),
    ...systemVariables(),
    DENO_DIR: await denoDir(),
    DENO_NO_UPDATE_CHECK: "1",
    [REGISTRY_VARIABLE]: JSON.stringify(registryVariables()),
    ...isAll ? await bundleProgram(join(home, "program")) : {},
    HOME: home,
    USERPROFILE: home,
    ...Deno.noColor ? { NO_COLOR: "1" } : {},
    AWS_EC2_METADATA_DISABLED: "true",
  },
}).spawn();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Windows knows no SIGTERM.
  if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
  Deno.addSignalListener(signal, () => tests.kill(signal));
}
const { code } = await tests.status;
await Deno.remove(home, { recursive: true });
Deno.exit(code);
