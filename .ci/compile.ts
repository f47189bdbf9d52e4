/**
 * Compiles the program for five systems, into `dist/`: all of them, or those
 * named as arguments.
 */

import { ANY_RUN_FLAGS } from "./any_run_flags.ts";

/** The systems, by what Deno calls them and what a file is called for them. */
export const TARGETS = {
  "x86_64-unknown-linux-gnu": "sigv4-proxy-linux-x64",
  "aarch64-unknown-linux-gnu": "sigv4-proxy-linux-arm64",
  "x86_64-apple-darwin": "sigv4-proxy-macos-x64",
  "aarch64-apple-darwin": "sigv4-proxy-macos-arm64",
  "x86_64-pc-windows-msvc": "sigv4-proxy-windows-x64.exe",
} as const;

/** The arguments that make Deno compile the program for one system. */
export function compileArgs(target: string, file: string): string[] {
  return [
    "compile",
    "--frozen",
    // Deno would embed all that the lock file names: the packages of the tests.
    "--exclude-unused-npm",
    ...ANY_RUN_FLAGS,
    `--target=${target}`,
    `--output=dist/${file}`,
    "mod.ts",
  ];
}

async function compile(target: string, file: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: compileArgs(target, file),
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return success;
}

if (import.meta.main) {
  const unknown = Deno.args.filter((name) => !Object.hasOwn(TARGETS, name));
  if (unknown.length > 0) {
    console.error(
      `no target is called ${unknown.join(", ")}: ` +
        `there are ${Object.keys(TARGETS).join(", ")}`,
    );
    Deno.exit(2);
  }
  const wanted = Object.entries(TARGETS).filter(([target]) =>
    Deno.args.length === 0 || Deno.args.includes(target)
  );
  for (const [target, file] of wanted) {
    if (!await compile(target, file)) Deno.exit(1);
  }
}
