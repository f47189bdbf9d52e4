/** Whole-program tests: several accounts behind one client. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { allSigned } from "../support/sigv4/verifier.ts";
import { ACCOUNTS, keyIdOf, LayersWorld } from "./layers_world.ts";

for (
  const [how, options] of [
    ["two --profile", { args: ["--profile", "dev", "--profile", "audit"] }],
    ["MCP_PROFILES", { env: { MCP_PROFILES: "dev, audit" } }],
  ] as const
) {
  Deno.test(`with ${how} a call is signed for the account that it names, over a session of its own, which ends as it was signed`, async () => {
    await using w = await LayersWorld.start(options, {}, "start");
    await w.proxy.initialize();
    await w.call("get_item", { id: 1, aws_profile: "audit", more: true });
    await w.call("get_item", { id: 2 });
    const [second, first] = w.sent("tools/call");
    assertEquals(
      [second, first].map(({ request, message }) => [
        keyIdOf(request),
        message.params.arguments,
      ]),
      [
        [ACCOUNTS.audit.keyId, { id: 1, more: true }],
        [ACCOUNTS.dev.keyId, { id: 2 }],
      ],
    );
    await w.proxy.closeStdin();
    assertEquals((await w.proxy.status()).code, 0);
    const all = w.server.requests.all;
    assert(allSigned(all));
    const sessionsOf = (method: string) =>
      new Set(
        all.filter((request) => request.method === method)
          .filter((request) => request.header("mcp-session-id") !== undefined)
          .map((request) =>
            `${keyIdOf(request)} ${request.header("mcp-session-id")}`
          ),
      );
    assertEquals(sessionsOf("POST").size, 2);
    assertEquals(sessionsOf("DELETE"), sessionsOf("POST"));
    assertEquals(all.filter(({ method }) => method === "DELETE").length, 2);
  });
}

Deno.test("tools offer the profiles by name, and one that is not among them is refused with the list", async () => {
  await using w = await LayersWorld.start({
    args: ["--profile", "dev", "--profile", "audit"],
  });
  await w.proxy.initialize();
  // deno-lint-ignore no-explicit-any
  const listed: any = (await w.proxy.request("tools/list")).value;
  const [tool] = listed.result.tools;
  assertEquals(tool.inputSchema.properties.aws_profile.enum, ["dev", "audit"]);
  const { error } = await w.call("get_item", { aws_profile: "default" });
  assertEquals([error.code, error.data.reason, error.data.profiles], [
    -31019,
    "blocked",
    ["dev", "audit"],
  ]);
  assertStringIncludes(error.message, "one of dev, audit; --profile");
  assertEquals(w.sent("tools/call"), []);
});

Deno.test("what the proxy asks for itself has the --metadata, too: lists, sessions made anew or for another profile, pings", async () => {
  await using w = await LayersWorld.start({
    args: [
      ...["--metadata", "team=ulm", "--read-only", "--keep-alive", "1s"],
      ...["--profile", "dev", "--profile", "audit"],
    ],
  });
  await w.proxy.initialize();
  await w.proxy.request("logging/setLevel", { level: "info" });
  assertEquals(
    (await w.call("get_item", { aws_profile: "audit" })).result,
    {},
  );
  w.sessions.known.clear();
  assertEquals((await w.call("get_item")).result, {});
  await w.server.requests.find((request) => request.text().includes('"ping"'));
  const requests = w.server.requests.all
    .filter(({ method }) => method === "POST")
    .map((request) => JSON.parse(request.text()))
    .filter(({ id }) => id !== undefined);
  const without = requests.filter(({ params }) => params._meta?.team !== "ulm");
  assertEquals(without.map(({ method }) => method), []);
  // The client's, that for the other profile and that for the lost session; a
  // ping may have found the other profile's lost as well.
  for (const method of ["initialize", "logging/setLevel"]) {
    const { length } = requests.filter((message) => message.method === method);
    assertEquals(length >= 3, true, `${length} ${method}`);
  }
  // What tools say of themselves is believed for a session alone.
  assertEquals(w.sent("tools/list").length, 3);
});
