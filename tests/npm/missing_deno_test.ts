/** What the command of the npm package says where npm has not installed Deno. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { hasNpm } from "./npm_package.ts";
import { tempDir } from "../support/temp_dir.ts";
import { outcomeOf } from "../support/program/outcome.ts";

const ignore = !await hasNpm();
const SHIM = new URL("../../.ci/npm/sigv4-proxy.cjs", import.meta.url);

/** What stands for the system: Node reads it before the command. */
const SYSTEMS: Readonly<Record<string, string>> = {
  "Linux without glibc":
    `Object.defineProperty(process, "platform", { value: "linux" });
     process.report.getReport = () => ({ header: {} });`,
  "a processor for which there is none":
    `Object.defineProperty(process, "arch", { value: "riscv64" });
     process.report.getReport = () => ({ header: { glibcVersionRuntime: "2.41" } });`,
  "a system that has one":
    `process.report.getReport = () => ({ header: { glibcVersionRuntime: "2.41" } });`,
};

/** Runs the command in a directory where nothing but it is installed. */
async function runAlone(system: string): Promise<[code: number, says: string]> {
  await using temp = await tempDir({
    "package.json": '{"name":"sigv4-proxy","version":"1.0.0"}',
    "system.cjs": system,
  });
  const command = join(temp.path, "sigv4-proxy.cjs");
  await Deno.copyFile(SHIM, command);
  const { code, stderr } = await outcomeOf("node", {
    args: ["--require", join(temp.path, "system.cjs"), command],
  });
  return [code, stderr];
}

for (
  const [name, ...says] of [
    [
      "Linux without glibc",
      "npm has no Deno for Linux without glibc",
      "node:24",
    ],
    ["a processor for which there is none", "npm has no Deno for ", "-riscv64"],
    ["a system that has one", "optional dependencies", "deno/package.json"],
  ]
) {
  Deno.test({
    name: `where Deno is missing on ${name}, one line says so and what to do`,
    ignore,
    async fn() {
      const [code, text] = await runAlone(SYSTEMS[name]);
      assertEquals(code, 1, text);
      for (const words of says) assertStringIncludes(text, words);
      assertEquals(text.trimEnd().split("\n").length, 1, text);
    },
  });
}
