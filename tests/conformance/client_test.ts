/** The client scenarios of MCP's conformance suite, with the program between. */
import { assertEquals, assertGreater, assertNotMatch } from "@std/assert";
import { play } from "./plays.ts";
import { type Check, runSuite } from "./suite.ts";

/** What the suite requires of each revision's clients, OAuth left aside. */
const SCENARIOS: Readonly<Record<string, readonly string[]>> = {
  "2025-11-25": [
    "initialize",
    "tools_call",
    "elicitation-sep1034-client-defaults",
    "sse-retry",
  ],
  "2026-07-28": [
    "tools_call",
    "request-metadata",
    "sep-2322-client-request-state",
    "http-standard-headers",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "json-schema-ref-no-deref",
    "json-schema-2020-12-preservation",
  ],
};

/** The suite calls this a warning when a busy machine is a little late. */
const TIMING = "client-sse-retry-timing";

/** Plays what the suite's client is asked for. */
async function answer(request: Request): Promise<Response> {
  try {
    await play(await request.json());
    return new Response();
  } catch (error) {
    return new Response(Deno.inspect(error), { status: 500 });
  }
}

/** What the suite says of a scenario, and of how the client ended. */
async function checksOf(
  scenario: string,
  version: string,
): Promise<{ checks: readonly Check[]; log: string }> {
  const client = import.meta.resolve("./client.ts");
  await using player = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    answer,
  );
  const { stdout, stderr: log } = await runSuite(
    "client",
    "--verbose",
    ...["--scenario", scenario, "--spec-version", version],
    "--command",
    `${Deno.execPath()} run -A --no-config ${client} http://127.0.0.1:${player.addr.port}`,
  );
  try {
    return { checks: JSON.parse(stdout), log };
  } catch {
    throw new Error(`the suite did not run: ${stdout}${log}`);
  }
}

for (const [version, scenarios] of Object.entries(SCENARIOS)) {
  for (const scenario of scenarios) {
    Deno.test(`the scenario ${scenario} of ${version} passes`, async () => {
      const { checks, log } = await checksOf(scenario, version);
      const faults = checks.filter(({ id, status }) =>
        status === "FAILURE" || (status === "WARNING" && id !== TIMING)
      );
      assertEquals(faults, [], log);
      const passed = checks.filter(({ status }) => status === "SUCCESS");
      assertGreater(passed.length, 0);
      assertNotMatch(log, /CLIENT (?:TIMED OUT|EXITED)/);
    });
  }
}
