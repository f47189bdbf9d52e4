/** Whole-program tests: several accounts, rules for tools, metadata, keep-alive. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../support/program/proxy_process.ts";
import { mcp, type McpHandler, result, Sessions } from "../support/raw/mcp.ts";
import { RawServer, type SeenRequest } from "../support/raw/server.ts";
import { SECRETS_SEEN } from "../support/aws/secrets_seen.ts";
import { TEST_SCOPE, TEST_VERIFIER } from "../support/aws/test_identity.ts";
import { allSigned } from "../support/sigv4/verifier.ts";

/** Two accounts, as the shared files name them. */
const ACCOUNTS = {
  dev: { keyId: "AKIDTESTACCOUNTDEV01", secret: "the-secret-of-dev-in-tests" },
  audit: { keyId: "AKIDTESTACCOUNTAUD02", secret: "the-secret-of-audit-in-it" },
} as const;

/** Who signed a request: the access key ID of its credential. */
function keyIdOf(request: SeenRequest): string | undefined {
  const header = request.header("authorization") ?? "";
  return /Credential=([^/]+)\//.exec(header)?.[1];
}

const TOOLS = [
  { name: "get_item", annotations: { readOnlyHint: true } },
  { name: "put_item", annotations: { readOnlyHint: false } },
  { name: "delete_item" },
].map((tool) => ({ ...tool, inputSchema: { type: "object" } }));

const list: McpHandler = (message, reply) =>
  reply.json(result(message, { tools: TOOLS }));

/** A target that demands a signature, and the program before it. */
async function world(
  options: Omit<ProxyProcessOptions, "target">,
  script: Record<string, McpHandler> = {},
  start: "start" | "startHere" = "startHere",
) {
  const sessions = new Sessions();
  const server = await RawServer.start({
    handler: mcp({ "tools/list": list, ...script }, sessions),
    verifier: {
      ...TEST_VERIFIER,
      principals: {
        ...TEST_VERIFIER.principals,
        ...Object.fromEntries(
          Object.values(ACCOUNTS).map(({ keyId, secret }) => {
            SECRETS_SEEN.note(secret);
            return [keyId, { secretAccessKey: secret }];
          }),
        ),
      },
    },
  });
  const home = await homeWithAccounts();
  const proxy = await ProxyProcess[start]({
    target: server.url,
    home,
    ...options,
  });
  return {
    server,
    sessions,
    proxy,
    /** Calls a tool, and waits for the answer. */
    // deno-lint-ignore no-explicit-any
    call: async (name: string, args: unknown = {}): Promise<any> =>
      (await proxy.request("tools/call", { name, arguments: args })).value,
    /** The names of the tools that the client sees. */
    names: async (): Promise<string[]> => {
      // deno-lint-ignore no-explicit-any
      const { value }: { value?: any } = await proxy.request("tools/list");
      return value.result.tools.map((tool: { name: string }) => tool.name);
    },
    /** The requests of a method that reached the target, parsed. */
    sent: (method: string) =>
      server.requests.all.filter((request) => request.method === "POST")
        .map((request) => ({ request, message: JSON.parse(request.text()) }))
        .filter(({ message }) => message.method === method),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** A HOME whose AWS files have the accounts. */
async function homeWithAccounts(): Promise<string> {
  const home = await Deno.makeTempDir();
  await Deno.mkdir(`${home}/.aws`);
  await Deno.writeTextFile(
    `${home}/.aws/config`,
    Object.entries(ACCOUNTS).map(([name, { keyId, secret }]) =>
      `[profile ${name}]
region = ${TEST_SCOPE.region}
aws_access_key_id = ${keyId}
aws_secret_access_key = ${secret}
`
    ).join("\n"),
  );
  return home;
}

for (
  const [how, options] of [
    ["two --profile", { args: ["--profile", "dev", "--profile", "audit"] }],
    ["MCP_PROFILES", { env: { MCP_PROFILES: "dev, audit" } }],
  ] as const
) {
  Deno.test(`with ${how} a call is signed for the account that it names, over a session of its own, which ends as it was signed`, async () => {
    await using w = await world(options, {}, "start");
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
  await using w = await world({
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

Deno.test("with --keep-alive an idle session is pinged over and over, and nothing of it comes to stdout", async () => {
  await using w = await world({ args: ["--keep-alive", "1s"] });
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
  await using w = await world({
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
    ["--read-only", { args: ["--read-only"] }],
    ["MCP_READ_ONLY", { env: { MCP_READ_ONLY: "true" } }],
  ] as const
) {
  Deno.test(`with ${how} other tools are neither listed nor called, listed before or not`, async () => {
    await using w = await world(options);
    await w.proxy.initialize();
    const { error } = await w.call("put_item");
    assertEquals([error.code, error.data.reason, error.data.tool], [
      -31019,
      "blocked",
      "put_item",
    ]);
    assertEquals(w.sent("tools/list").length, 1);
    assertEquals(await w.names(), ["get_item"]);
    assertEquals((await w.call("delete_item")).error.code, -31019);
    assertEquals((await w.call("get_item")).result, {});
    assertEquals(
      w.sent("tools/call").map(({ message }) => message.params.name),
      ["get_item"],
    );
  });
}

Deno.test("with --read-only a call is not sent again to a target that began anew and says that its tool writes", async () => {
  let readOnlyHint = true;
  const ran: number[] = [];
  await using w = await world({ args: ["--read-only"] }, {
    "tools/list": (message, reply) =>
      reply.json(
        result(message, {
          tools: [{ name: "x", annotations: { readOnlyHint } }],
        }),
      ),
    "tools/call": (message, reply) => {
      ran.push(message.id);
      return reply.json(result(message));
    },
  });
  await w.proxy.initialize();
  assertEquals((await w.call("x")).result, {});
  w.sessions.known.clear();
  readOnlyHint = false;
  assertEquals((await w.call("x")).error?.code, -31019);
  assertEquals((await w.call("x")).error?.code, -31019);
  await w.proxy.initialize();
  assertEquals((await w.call("x")).error?.code, -31019);
  assertEquals(ran.length, 1);
});

Deno.test("with --read-only a call that looks like an answer is not sent", async () => {
  await using w = await world({ args: ["--read-only"] });
  await w.proxy.initialize();
  await w.proxy.send({
    jsonrpc: "2.0",
    id: 1,
    Method: "tools/call",
    result: null,
    params: { name: "delete_item" },
  });
  await w.call("get_item");
  const reached = w.server.requests.all.map((request) => request.text());
  assertEquals(reached.filter((text) => text.includes("delete_item")), []);
});

for (
  const [how, options, allowed] of [
    [
      "--allow-tool",
      { args: ["--allow-tool=get_*", "--allow-tool", "put_*"] },
      [
        "get_item",
        "put_item",
      ],
    ],
    ["MCP_ALLOW_TOOL", { env: { MCP_ALLOW_TOOL: "get_*, put_*" } }, [
      "get_item",
      "put_item",
    ]],
    ["--deny-tool", { args: ["--deny-tool", " delete_* "] }, [
      "get_item",
      "put_item",
    ]],
    ["MCP_DENY_TOOL", { env: { MCP_DENY_TOOL: "delete_*,put_*" } }, [
      "get_item",
    ]],
    [
      "--allow-tool and --deny-tool",
      { args: ["--allow-tool=*_item", "--deny-tool=put_*"] },
      ["get_item", "delete_item"],
    ],
  ] as const
) {
  Deno.test(`with ${how} the client sees and calls what it names, and no other call is sent`, async () => {
    await using w = await world(options);
    await w.proxy.initialize();
    assertEquals(await w.names(), [...allowed]);
    for (const { name } of TOOLS) {
      const { error } = await w.call(name);
      const isAllowed = allowed.some((one) => one === name);
      assertEquals(error?.code, isAllowed ? undefined : -31019, name);
    }
    assertEquals(
      w.sent("tools/call").map(({ message }) => message.params.name),
      [...allowed],
    );
  });
}

for (
  const [how, options] of [
    ["--metadata", { args: ["--metadata=team=${TEAM}", "--metadata", "k=v"] }],
    ["MCP_METADATA", { env: { MCP_METADATA: "team=${TEAM},k=v" } }],
  ] as const
) {
  Deno.test(`${how} puts a variable's value into _meta, where the key is not there`, async () => {
    await using w = await world({
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

Deno.test("what the proxy asks for itself has the --metadata, too: lists, sessions made anew or for another profile, pings", async () => {
  await using w = await world({
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
    await using w = await world(options);
    assertEquals((await w.proxy.status()).code, 2);
    for (const text of words) assertStringIncludes(w.proxy.stderr, text);
    assertEquals([w.proxy.frames.length, w.server.requests.length], [0, 0]);
  });
}
