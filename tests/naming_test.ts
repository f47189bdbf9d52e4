/**
 * What errors call options: a library's user reads the names of mod.ts, whoever
 * runs the program its flags and variables.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  createSignedFetch,
  type CredentialSourceOptions,
  explainRefusal,
  type HttpProxyOptions,
  type SignedFetchOptions,
  type StdioProxyOptions,
  type ToolRules,
} from "../mod.ts";
import { FLAG_NAMES } from "../src/config/settings.ts";
import { OPTION_KEYS, OPTIONS } from "../src/config/options.ts";
import { OPTION_NAMES } from "../src/naming.ts";
import { ProxyProcess } from "./support/program/proxy_process.ts";
import { mcp, type McpHandler, result } from "./support/raw/mcp.ts";
import { RawServer } from "./support/raw/server.ts";
import { StreamClient } from "./support/stream/client.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "./support/aws/test_identity.ts";

/** What only the program has, whose parts have other names for it. */
type OnlyTheProgram =
  | `${"accounts" | "config"}${"" | `.${string}`}`
  | "assumeRole"
  | "findLogin"
  | "maxBytes"
  | "path"
  | "writer";

/** What may stand for an option of mod.ts. */
type OfTheLibrary =
  | keyof StdioProxyOptions
  | keyof HttpProxyOptions
  | keyof SignedFetchOptions
  | keyof CredentialSourceOptions
  | `tools.${keyof ToolRules}`
  | `transport: "${NonNullable<StdioProxyOptions["transport"]>}"`
  | `token: ${false & HttpProxyOptions["token"]}`
  | `${string} of Deno.createHttpClient`;

Deno.test("errors name options of mod.ts to a library's user", () => {
  const names: Readonly<
    Record<keyof typeof OPTION_NAMES, OfTheLibrary | OnlyTheProgram>
  > = OPTION_NAMES;
  const flags = Object.values(names).filter((name) => /--|MCP_/.test(name));
  assertEquals(flags, []);
});

Deno.test("errors name flags and variables of the table to whoever runs the program", () => {
  const table = OPTION_KEYS.flatMap((key): string[] => [...OPTIONS[key].names]);
  for (const name of Object.values(FLAG_NAMES)) {
    const named = name.match(/--[a-z-]+|MCP_[A-Z_]+/g) ?? [];
    assertEquals(named.filter((one) => !table.includes(one)), [], name);
    assertEquals(named.length > 0, true, name);
  }
});

const SIGNED = { ...TEST_SCOPE, credentials: TEST_CREDENTIALS };

/** A refusal by IAM → the options that its explanation names. */
const REFUSALS: readonly [code: string, message: string, named: string][] = [
  [
    "AuthorizationHeaderMalformed",
    "Credential should be scoped to a valid region, not 'eu-west-1'. ",
    "set region or service",
  ],
  [
    "InvalidSignatureException",
    "AWS4-HMAC-SHA256 is not supported, use AWS4-ECDSA-P256-SHA256",
    "set signatureVersion v4a and region to *",
  ],
];

for (const [code, message, named] of REFUSALS) {
  Deno.test(`explainRefusal says in the library's names what to do: ${named}`, async () => {
    const body = JSON.stringify({ __type: code, message });
    await using target = await RawServer.start((_request, reply) =>
      reply.status(403, { "content-type": "application/json" }, body)
    );
    using signed = createSignedFetch({ ...SIGNED, origin: target.url });
    const response = await signed(target.url);
    const error = explainRefusal(response, await response.text());
    assertStringIncludes(error?.message ?? "", named);
  });
}

const silent: McpHandler = () => {};
const large: McpHandler = (message, reply) =>
  reply.json(result(message, { text: "x".repeat(4_000) }));

/** An error of the program's, and what it is to name. */
const NAMED: readonly (readonly [
  arg: string,
  method: string,
  params: unknown,
  named: string,
])[] = [
  ["--timeout=300ms", "silent", {}, "--timeout (MCP_TIMEOUT)"],
  ["--idle-timeout=300ms", "silent", {}, "--idle-timeout (MCP_IDLE_TIMEOUT)"],
  ["--max-answer=1000", "large", {}, "--max-answer (MCP_MAX_ANSWER)"],
  [
    "--max-frame=1000",
    "ping",
    { filler: "x".repeat(2_000) },
    "--max-frame (MCP_MAX_FRAME)",
  ],
  [
    "--allow-tool=get*",
    "tools/call",
    { name: "put" },
    "--allow-tool (MCP_ALLOW_TOOL)",
  ],
  [
    "--deny-tool=put",
    "tools/call",
    { name: "put" },
    "--deny-tool (MCP_DENY_TOOL)",
  ],
  [
    "--read-only",
    "tools/call",
    { name: "put" },
    "--read-only (MCP_READ_ONLY)",
  ],
];

for (const [arg, method, params, named] of NAMED) {
  const message = { jsonrpc: "2.0", id: 1, method, params };
  Deno.test(`over stdio an error of ${arg} names the flag and the variable`, async () => {
    await using target = await RawServer.start(mcp({ silent, large }));
    await using proxy = await ProxyProcess.startHere({
      target: target.url,
      args: [arg],
    });
    await proxy.send(message);
    assertStringIncludes((await proxy.next()).text, named);
  });

  // An answer in which nothing is looked for passes at any length.
  if (method === "large") continue;
  Deno.test(`in HTTP server mode an error of ${arg} names the flag and the variable`, async () => {
    await using target = await RawServer.start(mcp({ silent }));
    await using proxy = await ProxyProcess.startHere({
      target: target.url,
      args: [arg, "--listen=127.0.0.1:0", "--no-listen-token"],
    });
    const response = await fetch(await proxy.logged("url"), {
      method: "POST",
      headers: {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
      },
      body: JSON.stringify(message),
    });
    assertStringIncludes(await response.text(), named);
  });
}

Deno.test("a call of a profile that is not among them names the option of runStdioProxy", async () => {
  await using target = await RawServer.start(mcp({}));
  await using client = new StreamClient({
    url: target.url,
    profiles: new Map([["dev", fetch], ["audit", fetch]]),
  });
  const name = { name: "get", arguments: { aws_profile: "prod" } };
  client.request(1, "tools/call", name);
  const { json } = await client.answer(1);
  assertStringIncludes(json.error.message, "; profiles sets the list");
});
