/** Whole-program tests: keep-alive, metadata, and options of layers that are wrong. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ProxyProcessOptions } from "../support/program/proxy_process.ts";
import type { SeenRequest } from "../support/raw/server.ts";
import { LayersWorld } from "./layers_world.ts";

Deno.test("with --keep-alive an idle session is pinged over and over, and nothing of it comes to stdout", async () => {
  await using w = await LayersWorld.start({ args: ["--keep-alive", "1s"] });
  await w.proxy.initialize();
  const isPing = (request: SeenRequest) => request.text().includes('"ping"');
  const first = await w.server.requests.find(isPing);
  const second = await w.server.requests.find((request) =>
    isPing(request) && request.index > first.index
  );
  assertEquals([first.verdict?.ok, second.verdict?.ok], [true, true]);
  assertEquals(typeof second.header("mcp-session-id"), "string");
  await w.proxy.closeStdin();
  assertEquals((await w.proxy.status()).code, 0);
  assertEquals(w.proxy.frames.length, 1);
});

Deno.test("a ping that is not answered does not hold up the end of the program", async () => {
  await using w = await LayersWorld.start({
    // What is waited for at the end is waited for that long.
    args: ["--keep-alive", "1s", "--timeout", "10m"],
  }, { ping: (_message, reply) => reply.hang() });
  await w.proxy.initialize();
  await w.server.requests.find((request) => request.text().includes('"ping"'));
  await w.proxy.closeStdin();
  assertEquals((await w.proxy.status()).code, 0);
});

for (
  const [how, options] of [
    ["--metadata", { args: ["--metadata=team=${TEAM}", "--metadata", "k=v"] }],
    ["MCP_METADATA", { env: { MCP_METADATA: "team=${TEAM},k=v" } }],
  ] as const
) {
  Deno.test(`${how} puts a variable's value into _meta, where the key is not there`, async () => {
    await using w = await LayersWorld.start({
      ...options,
      env: { ..."env" in options ? options.env : {}, TEAM: "ulm, 1=2" },
      permissions: { env: ["TEAM"] },
    });
    await w.proxy.request("m", { a: 1 });
    await w.proxy.request("m", { _meta: { team: "mine" } });
    assertEquals(w.sent("m").map(({ message }) => message.params), [
      { a: 1, _meta: { team: "ulm, 1=2", k: "v" } },
      { _meta: { team: "mine", k: "v" } },
    ]);
  });
}

const FAULTS: readonly (readonly [
  what: string,
  options: Pick<ProxyProcessOptions, "args" | "env">,
  words: readonly string[],
])[] = [
  [
    "flags whose values are wrong",
    {
      args: [
        "--keep-alive=soon",
        "--metadata=team",
        "--metadata=k=${TEAM}",
        "--profile=dev",
        "--profile=dev",
      ],
    },
    [
      "keep alive must be a duration such as 500ms, 30s or 1m30s, got 'soon'",
      "metadata must be key=value (set --metadata or MCP_METADATA)",
      "metadata 'k' names TEAM, which is not set or may not be read",
      "profile 'dev' is given twice (set --profile or MCP_PROFILES)",
    ],
  ],
  [
    "variables whose values are wrong",
    {
      env: {
        MCP_KEEP_ALIVE: "500ms",
        MCP_READ_ONLY: "perhaps",
        MCP_METADATA: "progressToken=1",
        MCP_PROFILES: "dev,audit,dev",
      },
    },
    [
      "keep alive must be from 1s to 596h, got '500ms' in MCP_KEEP_ALIVE",
      "read only must be true or false, got 'perhaps' in MCP_READ_ONLY",
      "metadata key 'progressToken' is the protocol's own",
      "profile 'dev' is given twice",
    ],
  ],
  [
    "globs that would name no tool",
    {
      args: ["--deny-tool", "delete_*,drop_*"],
      env: { MCP_ALLOW_TOOL: "delete_* get_*" },
    },
    [
      "deny tool must be one glob, in which only * and ? are special, without white space, quotes, commas, semicolons, brackets, vertical bars, backslashes, !, ^, $, %, +, a / at its ends or .* at its start, got 'delete_*,drop_*'",
      "allow tool must be one glob, in which only * and ? are special, without white space, quotes, commas, semicolons, brackets, vertical bars, backslashes, !, ^, $, %, +, a / at its ends or .* at its start, got 'delete_* get_*' in MCP_ALLOW_TOOL",
    ],
  ],
  [
    "flags without their values",
    { args: ["--allow-tool=", "--deny-tool=", "--profile=", "--read-only=x"] },
    [
      "--allow-tool needs a value (set --allow-tool or MCP_ALLOW_TOOL",
      "--deny-tool needs a value (set --deny-tool or MCP_DENY_TOOL",
      "--profile needs a value (set --profile or MCP_PROFILES",
      "--read-only must be true or false",
    ],
  ],
];

for (const [what, options, words] of FAULTS) {
  Deno.test(`${what} are told all at once, with exit code 2 and nothing sent`, async () => {
    await using w = await LayersWorld.start(options);
    assertEquals((await w.proxy.status()).code, 2);
    for (const text of words) assertStringIncludes(w.proxy.stderr, text);
    assertEquals([w.proxy.frames.length, w.server.requests.length], [0, 0]);
  });
}
