/**
 * The server scenarios of MCP's conformance suite: they end through the HTTP
 * server mode as they end against the same server without it.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { startConformanceServer } from "./server.ts";
import { type Check, runSuite } from "./suite.ts";
import { holdsOnce } from "../support/time/attempts.ts";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { error } from "../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../support/raw/server.ts";
import { allSigned } from "../support/sigv4/verifier.ts";
import { tempDir } from "../support/temp_dir.ts";

/** How a run ended, scenario by scenario. */
interface Ended {
  /** 0 when all that the revision requires passed. */
  readonly code: number;
  readonly scenarios: ReadonlyMap<string, readonly Check[]>;
  readonly said: string;
}

/** Runs the scenarios that the suite's own arguments choose. */
async function runScenarios(url: URL, ...chosen: string[]): Promise<Ended> {
  await using temp = await tempDir();
  const ways = ["--url", url.href, ...chosen, "--output-dir", temp.path];
  const { code, stdout, stderr } = await runSuite("server", ...ways);
  const scenarios = await readChecks(temp.path, url);
  return { code, scenarios, said: stdout + stderr };
}

/** The checks that a run left, without what differs from run to run. */
async function readChecks(
  directory: string,
  url: URL,
): Promise<Map<string, readonly Check[]>> {
  const scenarios = new Map<string, readonly Check[]>();
  for await (const { name } of Deno.readDir(directory)) {
    // server-<scenario>-<time>
    const [, scenario] = /^server-(.*?)-\d{4}-\d\d-\d\dT/.exec(name) ?? [];
    const text = await Deno.readTextFile(`${directory}/${name}/checks.json`);
    const checks: Check[] = JSON.parse(text.replaceAll(url.host, "host"));
    scenarios.set(
      scenario,
      checks.map(({ id, name, status, errorMessage }) => ({
        id,
        name,
        status,
        ...errorMessage !== undefined && { errorMessage },
      })),
    );
  }
  return scenarios;
}

for (const revision of ["2025-11-25", "2026-07-28"]) {
  const endAlike = async (): Promise<void> => {
    await using server = await startConformanceServer();
    const direct = await runScenarios(server.url, "--requirements", revision);
    assertEquals(direct.code, 0, direct.said);
    assertGreater(direct.scenarios.size, 30, direct.said);
    assertEquals(server.gate.records.length, 0);

    await using proxy = await HttpProxy.start({
      target: new URL("/mcp", server.gate.origin),
      // The suite has no way to bring one.
      token: false,
    });
    const through = await runScenarios(proxy.url, "--requirements", revision);
    assertEquals(through.code, 0, through.said);
    assertEquals(
      Object.fromEntries([...through.scenarios].sort()),
      Object.fromEntries([...direct.scenarios].sort()),
    );
    const { all } = server.gate.records;
    assertGreater(all.length, direct.scenarios.size);
    assert(allSigned(all));
  };

  // Some scenarios wait for a few seconds, and are a warning then.
  Deno.test(`the server scenarios of ${revision} end through the HTTP server as they end without it`, () =>
    holdsOnce(endAlike, 3));
}

/** A server with one task, which takes requests whose headers fit alone. */
const answerAboutTasks: RawHandler = async (request, reply) => {
  const message = JSON.parse(request.text());
  const { id, method, params } = message;
  const isFit = request.header("mcp-method") === method &&
    request.header("mcp-name") === (params.taskId ?? params.name);
  if (!isFit) {
    return await reply.json(error(message, -32020, "HeaderMismatch"), 400);
  }
  const task = { taskId: "task-1", status: "working", ttlMs: null };
  const text = `Hello, ${params.arguments?.name}!`;
  const results: Record<string, unknown> = {
    greet: { resultType: "complete", content: [{ type: "text", text }] },
    slow_compute: { resultType: "task", ...task },
    "tasks/get": { resultType: "complete", ...task },
    "tasks/cancel": { resultType: "complete" },
  };
  await reply.json({
    jsonrpc: "2.0",
    id,
    result: results[params.name ?? method],
  });
};

Deno.test("the scenario of the headers of tasks passes through the HTTP server", async () => {
  await using target = await RawServer.start(answerAboutTasks);
  await using proxy = await HttpProxy.start({
    target: target.url,
    token: false,
  });
  const { code, said, scenarios } = await runScenarios(
    proxy.url,
    ...["--scenario", "tasks-request-headers"],
    // It is of an extension, and of no revision.
    "--force",
  );
  assertEquals(code, 0, said);
  const checks = [...scenarios.values()].flat();
  assertGreater(checks.length, 3);
  assert(checks.every(({ status }) => status === "SUCCESS"), said);
});
