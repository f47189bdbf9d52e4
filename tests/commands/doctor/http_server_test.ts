/** The doctor before a proxy that listens, or that has several profiles. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { SdkServer } from "../../support/sdk/server.ts";
import { KEYS, TEST_VERIFIER } from "../../support/aws/test_identity.ts";
import { CommandWorld, TEST_KEYS } from "../command_world.ts";
import { runDoctor } from "../../../src/commands/doctor/doctor.ts";
import { diagnose, Findings, SCOPE } from "./run.ts";

Deno.test("each profile is greeted by the target itself, and one that it refuses is a fault", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make();
  for (
    const [keys, status, code] of [
      [KEYS, "ok", 0],
      [KEYS.replace("PRINCIPAL", "STRANGER"), "failed", 1],
    ] as const
  ) {
    await world.write(".aws/credentials", `[one]\n${KEYS}[two]\n${keys}`);
    const args = ["--profile=one", "--profile=two"];
    const outcome = await diagnose(world, server.url, ...args);
    const greetings = outcome.steps.filter(({ id }) => id === "initialize");
    assertEquals(
      greetings.map(({ status, facts }) => [status, facts.profile]),
      [["ok", undefined], [status, "two"]],
    );
    assertEquals(outcome.code, code);
  }
  // Each session that the doctor opened it has ended.
  assertEquals(server.sessionIds, []);
});

Deno.test("where the proxy is to listen is tried, and let go again", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make(TEST_KEYS);
  const socket = world.path("mcp.sock");
  for (const address of ["127.0.0.1:0", `unix:${socket}`]) {
    const outcome = await diagnose(world, server.url, `--listen=${address}`);
    assertEquals(outcome.step("listen").status, "ok");
    assertEquals(outcome.step("listen").detail, `${address} is free`);
    assertEquals(outcome.code, 0, outcome.stdout);
  }
  assertEquals([...Deno.readDirSync(world.home)].map(({ name }) => name), []);
});

Deno.test("an address that is taken, or that there is not, is a fault", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make(TEST_KEYS);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const file = await world.write("file", "not a socket");
  const socket = world.path("taken.sock");
  using _listener = Deno.listen({ transport: "unix", path: socket });
  for (
    const [address, why, advice] of [
      [
        `127.0.0.1:${port}`,
        `cannot listen at 127.0.0.1:${port}`,
        "another port",
      ],
      [
        "192.0.2.1:0",
        "cannot listen at 192.0.2.1:0",
        "address of this machine",
      ],
      [
        `unix:${world.path("missing")}/mcp.sock`,
        `cannot listen at unix:${world.home}`,
        "make the directory",
      ],
      [`unix:${file}`, "what is there is no socket", "move the file away"],
      [`unix:${socket}`, "cannot listen at", "end what listens there"],
    ]
  ) {
    const outcome = await diagnose(world, server.url, `--listen=${address}`);
    assertEquals(outcome.step("listen").status, "failed");
    assertStringIncludes(outcome.step("listen").detail, why);
    assertStringIncludes(outcome.step("listen").advice.join(), advice);
    assertEquals(outcome.code, 1);
  }
});

Deno.test("what a failure says is said once, with what to do about it", async () => {
  await using target = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("<h1>Welcome</h1>", { status: 404 }),
  );
  const url = `http://127.0.0.1:${target.addr.port}/`;
  const { detail, advice } = (await diagnose(TEST_KEYS, url)).step(
    "initialize",
  );
  assertStringIncludes(detail, "HTTP 404");
  assertEquals(advice, [
    "check the path of the target URL: what is there may be no MCP server",
    "the target's own log says more",
  ]);
});

Deno.test("without the permission to listen nothing is tried, and no question asked", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make(TEST_KEYS);
  const line = [server.url.href, ...SCOPE, "--json", "--listen=127.0.0.1:0"];
  const outcome = new Findings(
    await world.run(runDoctor, line, {
      notGranted: (needs) => needs.filter(({ why }) => /listen/.test(why)),
    }),
  );
  assertEquals(outcome.step("permissions").status, "failed");
  assertEquals(
    outcome.step("listen").detail,
    "no permission to listen at 127.0.0.1:0",
  );
});

Deno.test("variables of the proxy's own that may not be read are worth a word, and no fault", async () => {
  await using server = await SdkServer.start({ verifier: TEST_VERIFIER });
  await using world = await CommandWorld.make(TEST_KEYS);
  const line = [server.url.href, ...SCOPE, "--json"];
  const outcome = new Findings(
    await world.run(runDoctor, line, {
      notGranted: (needs) =>
        needs.filter(({ value }) => value.startsWith("MCP_")),
    }),
  );
  const { status, advice } = outcome.step("permissions");
  assertEquals(status, "ok");
  assertStringIncludes(advice.join(), "add --allow-env=MCP_*");
});
