/**
 * Compiles the program for five systems, into `dist/`: all of them, or those
 * named as arguments.
 *
 * @module
 */

/** The systems, by what Deno calls them and what a file is called for them. */
export const TARGETS = {
  "x86_64-unknown-linux-gnu": "sigv4-proxy-linux-x64",
  "aarch64-unknown-linux-gnu": "sigv4-proxy-linux-arm64",
  "x86_64-apple-darwin": "sigv4-proxy-macos-x64",
  "aarch64-apple-darwin": "sigv4-proxy-macos-arm64",
  "x86_64-pc-windows-msvc": "sigv4-proxy-windows-x64.exe",
} as const;

/** What is baked in, for any target; docs/deploy/README.md says why. */
export const PERMISSIONS: readonly string[] = [
  "--no-prompt",
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-sys=osRelease,homedir",
];

async function compile(target: string, file: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--frozen",
      ...PERMISSIONS,
      `--target=${target}`,
      `--output=dist/${file}`,
      "mod.ts",
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return success;
}

if (import.meta.main) {
  const wanted = Object.entries(TARGETS).filter(([target]) =>
    Deno.args.length === 0 || Deno.args.includes(target)
  );
  for (const [target, file] of wanted) {
    if (!await compile(target, file)) Deno.exit(1);
  }
}
