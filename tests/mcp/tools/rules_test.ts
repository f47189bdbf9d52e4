import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ConfigError, runHttpProxy, runStdioProxy } from "../../../mod.ts";
import { StreamWorld } from "../../support/stream/world.ts";
import { NOBODY } from "../../support/net/nobody.ts";

/** What a program without types, or a file of settings, may hand in. */
const NO_RULES: readonly unknown[] = [
  null,
  true,
  ["delete"],
  { readonly: true },
  { denyTool: ["delete"] },
  { readOnly: "false" },
  { deny: "delete" },
  { deny: new Set(["delete"]) },
  { deny: [/delete/] },
  { deny: [""] },
  { allow: null, deny: ["delete"] },
];

for (const [index, wrong] of NO_RULES.entries()) {
  Deno.test(`what are no rules for tools is refused, and does not let all tools pass: ${index}`, async () => {
    // As a program without types hands it in.
    const tools = Object.assign({}, { tools: wrong }) as object;
    const { readable, writable } = new TransformStream<Uint8Array>();
    const runs = [
      () => runStdioProxy({ url: NOBODY, readable, writable, fetch, ...tools }),
      () =>
        runHttpProxy({
          target: NOBODY,
          listen: { hostname: "127.0.0.1", port: 0 },
          signal: AbortSignal.abort(),
          fetch,
          ...tools,
        }),
    ];
    for (const run of runs) {
      const { message } = await assertRejects(run, ConfigError);
      assertStringIncludes(message, "configuration error: tools");
    }
  });
}

for (const unset of [{ readOnly: undefined }, { allow: undefined }]) {
  Deno.test(`a rule for tools that is set to nothing is not set: ${Object.keys(unset)}`, async () => {
    await using w = await StreamWorld.start({}, {
      tools: { deny: ["delete"], ...unset },
    });
    const answer = await w.client.ask(1, "tools/call", { name: "delete" });
    assertEquals(answer.error?.data.reason, "blocked");
    assertEquals((await w.client.ask(2, "ping")).error, undefined);
  });
}
