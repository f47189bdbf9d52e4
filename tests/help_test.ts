import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import manifest from "../deno.json" with { type: "json" };
import { helpText, versionText } from "../src/help.ts";
import { OPTION_KEYS, OPTIONS } from "../src/options.ts";
import {
  LEGACY_VERSIONS,
  MODERN_VERSION,
} from "../src/mcp/legacy_client_bridge.ts";
import type { Option } from "../src/option.ts";
import { PROTOCOL_VERSIONS } from "../src/version.ts";

Deno.test("help shows every option with its flag, variables, default and group", () => {
  const text = helpText();
  for (const key of OPTION_KEYS) {
    const option: Option = OPTIONS[key];
    assertMatch(text, new RegExp(`^  --(?:no-)?${option.flag}\\b`, "m"));
    for (const variable of option.variables ?? []) {
      assertStringIncludes(text, variable);
    }
    assertStringIncludes(text, `\n${option.group}:\n`);
  }
  for (
    const part of [
      "MCP_IDLE_TIMEOUT=15m]",
      "MCP_MAX_FRAME=64MiB]",
      "MCP_MAX_ANSWER=10MiB]",
      "AWS_SIG_VERSION=v4]",
      "MCP_LOG_LEVEL=info]",
      "MCP_LOG_FORMAT=json]",
    ]
  ) assertStringIncludes(text, part);
});

Deno.test("help fits a terminal of 80 columns, and ends with a newline", () => {
  const lines = helpText().split("\n");
  for (const line of lines) {
    assert(line.length <= 80, line);
    assertEquals(line, line.trimEnd());
  }
  assertEquals(lines.at(-1), "");
});

Deno.test("the revisions are those that the proxy knows", () => {
  assertEquals(PROTOCOL_VERSIONS, [MODERN_VERSION, ...LEGACY_VERSIONS]);
});

Deno.test("the version names the package, the runtime and the MCP revisions", () => {
  assertEquals(
    versionText("2.9.6"),
    `sigv4-proxy ${manifest.version} (Deno 2.9.6)\n` +
      "MCP 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05\n",
  );
});
