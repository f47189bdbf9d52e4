/** What the release does with the npm package, by the workflow's own commands. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import manifest from "../../deno.json" with { type: "json" };
import {
  hasNpm,
  npmPackage,
  removeNpmPackage,
  runScript,
} from "./npm_package.ts";

const ignore = !await hasNpm() || Deno.build.os === "windows";

Deno.test.afterAll(removeNpmPackage);

const WORKFLOW = z.object({
  jobs: z.record(
    z.string(),
    z.object({ steps: z.array(z.object({ run: z.string().optional() })) }),
  ),
});

/** The commands of a job that begin with some words. */
async function commandOf(job: string, start: string): Promise<string> {
  const path = new URL("../../.github/workflows/release.yml", import.meta.url);
  const { jobs } = WORKFLOW.parse(parse(await Deno.readTextFile(path)));
  const found = jobs[job].steps.find(({ run }) => run?.startsWith(start))?.run;
  assert(found !== undefined, `${job}: ${start}`);
  return found;
}

/** Runs commands where the package is, as the release has it, in `dist/npm`. */
async function runBesidePackage(
  script: string,
): Promise<{ code: number; said: string }> {
  const { files } = await npmPackage();
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(directory, "dist"));
    await Deno.rename(files, join(directory, "dist/npm"));
    return await runScript(script, directory);
  } finally {
    await Deno.rename(join(directory, "dist/npm"), files);
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name:
    "before anything is published, the release installs the package and starts it",
  ignore,
  async fn() {
    const script = await commandOf("check", "npm install");
    const { code, said } = await runBesidePackage(script);
    assertEquals(code, 0, said);
    assertStringIncludes(said, `sigv4-proxy ${manifest.version} (Deno`);
  },
});

Deno.test({
  name: "the release publishes the package as it is, and npm fixes nothing",
  ignore,
  async fn() {
    const script = (await commandOf("npm", "npm publish"))
      .replace(" --provenance", "");
    const { code, said } = await runBesidePackage(
      `${script} --dry-run --registry=http://127.0.0.1:1 --fetch-retries=0`,
    );
    assertEquals(code, 0, said);
    assertStringIncludes(said, `sigv4-proxy@${manifest.version}`);
    assertEquals(said.includes("errors corrected"), false, said);
  },
});
