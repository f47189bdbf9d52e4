/**
 * What a start and an idle program cost at least. Each rung is the plainest
 * proxy, which does all the work, with more of this program's code loaded beside
 * it and none of that run: in one minified file, the cheapest form that there
 * is, and then as modules. Part of `deno task bench`; Linux only.
 */

import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { idleMib, median, startStdio } from "./measure.ts";
import { script, startServer } from "./program.ts";

const ROUNDS = Number(Deno.env.get("LADDER_ROUNDS") ?? 11);
const [START_GOAL, IDLE_GOAL] = [1.6, 1.25];

const ROOT = new URL("../../", import.meta.url);
const PLAIN = "tests/bench/baselines/plain_proxy.ts";
const SIGNING = "tests/bench/baselines/smithy_proxy.ts";

/** What a proxy like this one has, a rung each. */
const NEEDED: readonly (readonly [name: string, modules: readonly string[]])[] =
  [
    ["+ options and what they mean", ["src/config/config.ts"]],
    ["+ credentials and signed fetch", [
      "src/aws/credentials/credentials.ts",
      "src/aws/signing/signed_fetch.ts",
    ]],
    ["+ sessions, limits and routing", ["src/stdio/stdio_proxy.ts"]],
  ];

const EXTERNAL = Object.entries(manifest.imports)
  .filter(([, specifier]) => specifier.startsWith("npm:"))
  .map(([name]) => `--external=${name}`);

async function bundled(file: string, to: string): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", ...EXTERNAL, `-o=${to}`, file],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(`${file} could not be bundled`);
}

/** Writes a program that loads modules and is the plainest proxy. */
async function besides(
  directory: string,
  { modules, isOneFile }: { modules: readonly string[]; isOneFile: boolean },
): Promise<string> {
  const name = `${modules.length}${isOneFile ? "-bundled" : ""}`;
  const needed = join(directory, `${name}-needed.ts`);
  const names = modules.map((_, index) => `m${index}`);
  await Deno.writeTextFile(
    needed,
    modules.map((path, index) =>
      `import * as m${index} from "${new URL(path, ROOT)}";\n`
    ).join("") + `export const all = [${names}];\n`,
  );
  const loaded = isOneFile ? join(directory, `${name}.js`) : needed;
  if (isOneFile) await bundled(needed, loaded);
  const program = join(directory, `${name}.ts`);
  await Deno.writeTextFile(
    program,
    `import { all } from "${loaded}";\nimport "${new URL(SIGNING, ROOT)}";\n` +
      "Object.assign(globalThis, { all });\n",
  );
  return program;
}

const { program, url } = await startServer(script("tests/bench/target.ts"));
await using _ended = program;
const directory = await Deno.makeTempDir();
const rungs = new Map<string, readonly string[]>([
  ["plainest proxy", script(PLAIN, url)],
  ["+ the official signer", script(SIGNING, url)],
]);
const modules: string[] = [];
for (const [name, more] of NEEDED) {
  modules.push(...more);
  const besidesIt = { modules, isOneFile: true };
  rungs.set(name, script(await besides(directory, besidesIt), url));
}
const asModules = await besides(directory, { modules, isOneFile: false });
rungs.set("the same as modules", script(asModules, url));
rungs.set("all of it, and run", script("mod.ts", url));

const measured = new Map<string, { cpuMs: number; mib: number }[]>();
try {
  // The first round fills the caches, and does not count.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, command] of rungs) {
      await using proxy = await startStdio(command);
      const one = { cpuMs: proxy.start.startCpuMs, mib: await idleMib(proxy) };
      if (round > 0) measured.set(name, [...measured.get(name) ?? [], one]);
    }
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}

const row = (cells: readonly string[]) =>
  cells.map((cell, at) => at === 0 ? cell.padEnd(34) : cell.padStart(14))
    .join("");
console.log(
  `\n${
    row([
      "rung",
      "start, CPU ms",
      `goal ${START_GOAL}`,
      "idle, MiB",
      `goal ${IDLE_GOAL}`,
    ])
  }`,
);
let plain: { cpuMs: number; mib: number } | undefined;
for (const [name, rounds] of measured) {
  const cpuMs = median(rounds.map(({ cpuMs }) => cpuMs));
  const mib = median(rounds.map(({ mib }) => mib));
  plain ??= { cpuMs, mib };
  console.log(row([
    name,
    cpuMs.toFixed(0),
    (cpuMs / plain.cpuMs).toFixed(2),
    mib.toFixed(0),
    (mib / plain.mib).toFixed(2),
  ]));
}
