import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseListen as parseOptions } from "../../src/config/checks.ts";
import {
  assertFaults,
  configOf,
  ELSEWHERE,
  parsedOf,
} from "../support/program/command_line.ts";

type Given = Parameters<typeof parsedOf>[0];

/** What flags with these values say, beside variables. */
function parseListen(flags: Given, variables?: Record<string, string>) {
  const parsed = parsedOf(flags, variables);
  return { listen: parseOptions(parsed), faults: parsed.faults };
}

/** The one fault of what is given. */
function faultOf(flags: Given): string {
  const { faults } = parseListen(flags);
  assertEquals(faults.length, 1, faults.join("\n"));
  return faults[0];
}

Deno.test("without --listen it is stdio, whatever is for stdio alone", () => {
  const { listen, faults } = parseListen({ bridge: "true" });
  assertEquals([listen, faults], [undefined, []]);
});

Deno.test("what is for HTTP alone means nothing over stdio, but for what is off", () => {
  for (
    const [given, name] of [
      [{ listenToken: "a-secret-token" }, "listen token"],
      [{ noListenToken: "true" }, "no listen token"],
      [{ listenHost: "a" }, "listen host"],
    ] as const
  ) {
    const fault = faultOf(given);
    assertEquals(
      fault,
      `${name} means nothing over stdio (set --listen or MCP_LISTEN)`,
    );
  }
  assertEquals(parseListen({ noListenToken: "false" }).faults, []);
});

Deno.test("an address alone asks for a token that is made", () => {
  const { listen, faults } = parseListen({ listen: "127.0.0.1:8080" });
  assertEquals(faults, []);
  assertEquals(listen, {
    address: { hostname: "127.0.0.1", port: 8080 },
    token: undefined,
    hosts: [],
    maxRequests: undefined,
  });
});

Deno.test("a token and names are taken as they are", () => {
  const { listen } = parseListen({
    listen: "0.0.0.0:8080",
    listenToken: "a-token",
    listenHost: "proxy.internal",
  });
  assertEquals(listen?.token, "a-token");
  assertEquals(listen?.hosts, ["proxy.internal"]);
});

Deno.test("no token is fine on loopback and at a Unix socket", () => {
  for (
    const listen of ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:a.sock"]
  ) {
    const parsed = parseListen({ listen, noListenToken: "true" });
    assertEquals([parsed.listen?.token, parsed.faults], [false, []], listen);
  }
});

Deno.test("no token beyond loopback is a fault that names the way out", () => {
  for (
    const listen of ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "proxy.internal:1"]
  ) {
    const fault = faultOf({ listen, noListenToken: "true" });
    assertStringIncludes(fault, listen);
    assertStringIncludes(fault, "--no-listen-token");
  }
});

Deno.test("what is no address is a fault that shows the form and the flag", () => {
  for (const listen of ["8080", "http://127.0.0.1:8080", "127.0.0.1:99999"]) {
    const fault = faultOf({ listen });
    assertStringIncludes(fault, `'${listen}'`);
    assertStringIncludes(fault, "127.0.0.1:8080, or unix:PATH");
    assertStringIncludes(fault, "--listen or MCP_LISTEN");
  }
});

Deno.test("a token that is given and not wanted is a fault that does not show it", () => {
  const fault = faultOf({
    listen: "127.0.0.1:1",
    listenToken: "a-secret-token",
    noListenToken: "true",
  });
  assertEquals(fault.includes("a-secret-token"), false);
});

Deno.test("a token that no header can carry is a fault that does not show it", () => {
  for (const token of ["two words", "a:b", "töken", "a=b"]) {
    const fault = faultOf({ listen: "127.0.0.1:1", listenToken: token });
    assertStringIncludes(fault, "--listen-token or MCP_LISTEN_TOKEN");
    assertEquals(fault.includes(token), false);
  }
  for (const token of ["abc", "a-._~+/9==", "A".repeat(500)]) {
    const given = { listen: "127.0.0.1:1", listenToken: token };
    assertEquals(parseListen(given).faults, []);
  }
});

Deno.test("what needs the state of one client is a fault with --listen", () => {
  const { faults } = parseListen({
    listen: "127.0.0.1:1",
    bridge: "true",
    login: "true",
    profile: ["one", "two"],
  }, { MCP_ENABLE_SSE: "true" });
  assertEquals(faults.length, 4);
  assertStringIncludes(faults[0], "--bridge is for one client over stdio");
  assertStringIncludes(
    faults[1],
    "unset MCP_ENABLE_SSE, --listen or MCP_LISTEN",
  );
  assertStringIncludes(faults[2], "--login is for one client over stdio");
  assertStringIncludes(faults[3], "several profiles are for one client");
  assertStringIncludes(faults[3], "name one with --profile or MCP_PROFILES");
});

Deno.test("what is for one client over stdio is a fault with --listen, by its flag", async () => {
  const listen = "--listen=127.0.0.1:0";
  await assertFaults(
    [`${listen} --retries=2`, /unset --retries, --listen or/],
    [`${listen} --no-recover`, /--no-recover is for one/],
    [`${listen} --no-cookies`, /--no-cookies is for one/],
    [`${listen} --transport=sse`, /--transport sse is for one client/],
    [`${listen} --receipt`, /--receipt is for one client/],
  );
});

Deno.test("a listen host is a name", () => {
  for (const host of ["a:80", "http://a", "*", "a b", "", "[::1]"]) {
    assertStringIncludes(
      faultOf({ listen: "127.0.0.1:1", listenHost: host }),
      "--listen-host",
    );
  }
});

Deno.test("MCP_NO_LISTEN_TOKEN and MCP_LISTEN_HOST say what their flags say", async () => {
  const { listen } = await configOf(ELSEWHERE, {
    MCP_LISTEN: "127.0.0.1:8080",
    MCP_NO_LISTEN_TOKEN: "true",
    MCP_LISTEN_HOST: "mcp.example, proxy.internal",
  });
  const flags = await configOf([
    ...ELSEWHERE,
    "--listen=127.0.0.1:8080",
    "--no-listen-token",
    "--listen-host=mcp.example",
    "--listen-host=proxy.internal",
  ]);
  assertEquals(listen?.token, false);
  assertEquals(listen?.hosts, ["mcp.example", "proxy.internal"]);
  assertEquals(listen, flags.listen);
});

Deno.test("MCP_NO_LISTEN_TOKEN=false asks for a token, and what is wrong with either variable is told", async () => {
  const asked = await configOf(ELSEWHERE, {
    MCP_LISTEN: "0.0.0.0:8080",
    MCP_NO_LISTEN_TOKEN: "false",
  });
  assertEquals(asked.listen?.token, undefined);
  await assertFaults(
    [[], /^without a listen token 0\.0\.0\.0:8080 would lend/, {
      MCP_LISTEN: "0.0.0.0:8080",
      MCP_NO_LISTEN_TOKEN: "1",
    }],
    [[], /^no listen token must be true or false, got 'perhaps'/, {
      MCP_LISTEN: "127.0.0.1:1",
      MCP_NO_LISTEN_TOKEN: "perhaps",
    }],
    [[], /^listen host must be a host name without a port, got 'b:80'/, {
      MCP_LISTEN: "127.0.0.1:1",
      MCP_LISTEN_HOST: "mcp.example,b:80",
    }],
    [[], /^listen host means nothing/, { MCP_LISTEN_HOST: "mcp.example" }],
  );
});
