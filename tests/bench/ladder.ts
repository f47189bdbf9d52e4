/**
 * What a start and an idle program cost at least. A rung is the plainest proxy,
 * which does all the work, with more and more of this program's code loaded
 * beside it and not run, in the cheapest form that code has: a few minified
 * files, what is imported later hidden from Deno, which else reads that, too.
 * Then this program in the same form, and as it is. Part of `deno task bench`;
 * Linux only.
 */

import { basename, join } from "node:path";
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

/** What its command loads besides, one after the other. */
const STARTED = [
  "src/aws/signing/v4.ts",
  "src/commands/proxy.ts",
  "src/log/line_log.ts",
];

const EXTERNAL = Object.entries(manifest.imports)
  .filter(([, specifier]) => specifier.startsWith("npm:"))
  .map(([name]) => `--external=${name}`);

/** Modules that a start runs, in a form that no published program can have. */
async function leastFormOf(file: string, directory: string): Promise<string> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--minify",
      "--code-splitting",
      ...EXTERNAL,
      `--outdir=${directory}`,
      file,
    ],
    cwd: ROOT,
  }).output();
  if (!success) throw new Error(`${file} could not be bundled`);
  for await (const { name } of Deno.readDir(directory)) {
    const path = join(directory, name);
    const text = await Deno.readTextFile(path);
    const hidden = text.replaceAll(
      /\bimport\(("\.[^"]+")\)/g,
      "import(String($1))",
    );
    await Deno.writeTextFile(path, hidden);
  }
  return join(directory, basename(file).replace(/ts$/, "js"));
}

/** Imports of modules, each kept from being dropped as unused. */
function loading(modules: readonly string[]): string {
  const imports = modules.map((path, index) =>
    `import * as m${index} from "${new URL(path, ROOT)}";\n`
  );
  const names = modules.map((_, index) => `m${index}`);
  return `${imports.join("")}export const all = [${names}];\n`;
}

/** Writes a file of a rung, and gives its path. */
async function written(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await Deno.writeTextFile(path, text);
  return path;
}

/** The plainest proxy with modules loaded beside it. */
async function besides(modules: readonly string[]): Promise<string> {
  const name = `beside-${modules.length}`;
  const needed = await written(`${name}-needed.ts`, loading(modules));
  const least = await leastFormOf(needed, join(directory, name));
  return await written(
    `${name}.ts`,
    `import { all } from "${least}";\nimport "${new URL(SIGNING, ROOT)}";\n` +
      "Object.assign(globalThis, { all });\n",
  );
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
  rungs.set(name, script(await besides(modules), url));
}
const command = loading([...modules, ...STARTED]) +
  `import { runCommand } from "${new URL("cli.ts", ROOT)}";\n` +
  "await runCommand();\n";
const least = await leastFormOf(
  await written("command.ts", command),
  join(directory, "command"),
);
rungs.set("this program, in that form", script(least, url));
rungs.set("this program", script("mod.ts", url));

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
