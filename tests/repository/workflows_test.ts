/** What the workflows on GitHub must not lose. Nothing here runs them. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { filesUnder } from "./markdown.ts";

interface Job {
  readonly if?: string;
  readonly needs?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const DIRECTORY = new URL("../../.github/workflows/", import.meta.url);
const workflows: [name: string, workflow: Workflow][] = await Promise.all(
  (await filesUnder(DIRECTORY, ".yml")).map(async (name) => [
    name,
    parse(await Deno.readTextFile(new URL(name, DIRECTORY))),
  ]),
);

function workflow(name: string): Workflow {
  const found = new Map(workflows).get(name);
  assert(found !== undefined, name);
  return found;
}

/** The jobs of all workflows, each with what is said of it. */
function jobsThat(predicate: (job: Job) => boolean): string[] {
  return workflows.flatMap(([name, { jobs }]) =>
    Object.entries(jobs).filter(([, job]) => predicate(job))
      .map(([job]) => `${name}: ${job}`)
  );
}

function isRun(job: Job, command: RegExp): boolean {
  return job.steps.some(({ run = "" }) => command.test(run));
}

Deno.test("every action is named by a commit, which nobody can move", () => {
  const used = workflows.flatMap(([, { jobs }]) =>
    Object.values(jobs).flatMap(({ steps }) => steps)
      .flatMap(({ uses }) => uses ?? [])
  );
  assert(used.length > 0, "there are actions");
  assertEquals(used.filter((action) => !/@[0-9a-f]{40}$/.test(action)), []);
});

Deno.test("a workflow may read the repository, and only a job may more", () => {
  for (const [name, { permissions }] of workflows) {
    assertEquals(permissions, { contents: "read" }, name);
  }
});

Deno.test("no job that runs all the tests has a token that may write or publish", () => {
  const tests = /^\.ci\/run|deno task test/;
  assertEquals(
    jobsThat((job) => isRun(job, tests) && job.permissions !== undefined),
    [],
  );
});

/** The jobs that have to end well before one begins, the last first. */
function before({ needs }: Job, jobs: Workflow["jobs"]): Job[] {
  if (needs === undefined) return [];
  return [jobs[needs], ...before(jobs[needs], jobs)];
}

const PUBLISHING =
  /^(?:deno|npm) publish|^gh release create|docker buildx build .*--push/;

Deno.test("what is published was checked before, in a job of its own", () => {
  const jobs = jobsThat((job) => isRun(job, PUBLISHING));
  assertEquals(
    jobs,
    ["jsr", "npm", "image", "binaries"].map((job) => `release.yml: ${job}`),
  );
  for (const [name, { jobs }] of workflows) {
    for (const job of Object.values(jobs)) {
      if (!isRun(job, PUBLISHING)) continue;
      const earlier = before(job, jobs);
      for (
        const task of [/^\.ci\/run/, /^deno task compile/, /^deno task mcpb/]
      ) {
        assert(earlier.some((job) => isRun(job, task)), `${name}: ${task}`);
      }
    }
  }
});

Deno.test("there is no release of a version that could not be published everywhere", () => {
  const { jobs } = workflow("release.yml");
  const earlier = before(jobs.binaries, jobs);
  for (
    const command of [/^deno publish/, /^npm publish/, /docker buildx build/]
  ) {
    assert(earlier.some((job) => isRun(job, command)), String(command));
  }
});

Deno.test("what npm publishes says where it was built, without a secret", () => {
  const { npm } = workflow("release.yml").jobs;
  assert(isRun(npm, /^npm publish .*--provenance/));
  assertEquals(npm.permissions?.["id-token"], "write");
  assertEquals(JSON.stringify(npm).includes("secrets."), false);
});

Deno.test("the workflow on real AWS runs only where all of its variables are set", () => {
  const { jobs } = workflow("aws.yml");
  const { if: condition = "", ...job } = jobs.live;
  const variables = new Set(JSON.stringify(job).match(/\bAWS_LIVE_\w+/g));
  assert(variables.size > 0, "it has variables");
  for (const name of variables) {
    assert(condition.includes(`vars.${name} != ''`), name);
  }
});

Deno.test("every job ends, at the latest after half an hour", () => {
  assertEquals(
    jobsThat((job) => (job["timeout-minutes"] ?? Infinity) > 30),
    [],
  );
});
