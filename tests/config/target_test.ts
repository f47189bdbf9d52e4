import {
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  AGENTCORE,
  configOf,
  ELSEWHERE,
  faultOf,
  faultsOf,
  run,
} from "../support/program/command_line.ts";

const [, ...OPTIONS] = ELSEWHERE;

Deno.test("only http and https are taken, and what cannot be read is said so", async () => {
  const scheme =
    /^target URL must use http or https scheme, .*\(set --target-url or MCP_TARGET_URL\)$/;
  const texts = "ftp://mcp.example mcp.example/mcp localhost:8080 " +
    "file:///mcp - ws://mcp.example";
  for (const text of texts.split(" ")) {
    const [fault, ...others] = await faultsOf([...OPTIONS, text]);
    assertEquals(others, [], text);
    assertMatch(fault, scheme);
  }
  const broken = [
    "https://",
    "http://[::1",
    "https://a b/",
    "https://x:99999/",
  ];
  for (const text of broken) {
    const [fault] = await faultsOf([...OPTIONS, text]);
    assertMatch(fault, /^target URL is not a valid URL/);
  }
});

Deno.test("what stands in a URL by mistake is said, and what stands there by right is not", async () => {
  const url = "https://abc123.execute-api.us-east-1.amazonaws.com/mcp";
  const quoted =
    /^target URL must use http or https scheme, .*; this one begins with a quote/;
  for (
    const [text, wanted] of [
      [`"${url}"`, quoted],
      [`'${url}'`, quoted],
      [`\u201c${url}\u201d`, quoted],
      [`<${url}>`, quoted],
      [`${url}"`, /^target URL has '"' in it/],
      [`${url}\u200b`, /^target URL has '<U\+200B>' in it/],
      [`${url}\u00a0--read-only`, /^target URL has '<U\+00A0>' in it/],
      [`${url} --read-only`, /^target URL has a flag behind it/],
    ] as const
  ) {
    for (const env of [undefined, { MCP_TARGET_URL: text }]) {
      const [fault, ...others] = await faultsOf(env ? [] : [text], env);
      assertEquals(others, [], text);
      assertMatch(fault, wanted);
    }
  }
  for (const end of ["/a b", "/it's", "?q=%22"]) await configOf([url + end]);
});

Deno.test("a URL that no request can have is refused for its length", async () => {
  const base = "https://mcp.example/";
  const urlOf = (length: number) => base + "x".repeat(length - base.length);
  const { targetUrl } = await configOf([...OPTIONS, urlOf(65_534)]);
  assertEquals(targetUrl.href.length, 65_534);
  const [fault, ...others] = await faultsOf([...OPTIONS, urlOf(65_535)]);
  assertEquals(others, []);
  assertMatch(
    fault,
    /^target URL is longer than the 65534 characters that a request can have \(set --target-url/,
  );
});

Deno.test("credentials and a fragment in the URL are refused, and not shown", async () => {
  const faults = await faultsOf([
    ...OPTIONS,
    "http://me:hunter2@mcp.example/#part",
  ]);
  assertEquals(faults.length, 3);
  assertStringIncludes(faults[0], "must not hold credentials");
  assertStringIncludes(faults[1], "must not have a fragment");
  assertStringIncludes(faults[2], "must use https beyond loopback");
  assertNotMatch(faults.join(), /hunter2|me:/);
  for (const url of ["https://token@mcp.example", "https://:pw@mcp.example"]) {
    assertStringIncludes((await faultsOf([...OPTIONS, url]))[0], "credentials");
  }
  assertStringIncludes(
    (await faultsOf([...OPTIONS, "https://mcp.example/#"]))[0],
    "fragment",
  );
});

Deno.test("plain http is for loopback, unless it is allowed", async () => {
  for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080"]) {
    const url = `http://${host}/mcp`;
    assertEquals((await configOf([...OPTIONS, url])).targetUrl.href, url);
  }
  const other = "http://localhost.evil.example/mcp";
  const [fault] = await faultsOf([...OPTIONS, other]);
  assertStringIncludes(fault, "--allow-http or MCP_ALLOW_HTTP=true");
  await configOf([...OPTIONS, "--allow-http", "http://mcp.example/mcp"]);
});

Deno.test("another Host is signed only where no stranger collects it, and tells service and region", async () => {
  const host = "bedrock-agentcore.us-west-2.amazonaws.com:443";
  const urls = [
    "http://localhost:8443/x",
    "https://10.1.2.3/x",
    "https://[fd00::1]/x",
    "https://vpce-0a-b.bedrock-agentcore.us-west-2.vpce.amazonaws.com/x",
  ];
  for (const url of urls) {
    const { region, service, signHost } = await configOf([
      url,
      `--sign-host=${host}`,
    ]);
    assertEquals(
      [region, service, signHost],
      ["us-west-2", "bedrock-agentcore", host],
      url,
    );
  }
  const others = [
    "https://mcp.example/",
    "https://8.8.8.8/",
    "https://vpce.amazonaws.com.evil.example/",
    AGENTCORE,
  ];
  for (const url of others) {
    const faults = await faultsOf([url, `--sign-host=${host}`]);
    assertEquals(faults.length, 1);
    assertMatch(
      faults[0],
      /^sign host is for targets on loopback, on private addresses/,
    );
  }
  for (const host of ["https://x", "a/b", "a b", "u@h", "h:port", ".h"]) {
    assertStringIncludes(
      await faultOf([`--sign-host=${host}`]),
      "sign host must be a host",
    );
  }
});

Deno.test("an ARN in the path without the escape of its slash is warned of, and no other path is", async () => {
  const start = "https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/";
  const arn = "arn:aws:bedrock-agentcore:us-west-2:111122223333:runtime";
  const warningsFor = async (path: string) =>
    (await run([`${start}${path}/invocations`])).notes
      .filter(({ level }) => level === "warn").map(({ message }) => message);
  for (const before of [arn, arn.replaceAll(":", "%3A")]) {
    const [warning, ...others] = await warningsFor(`${before}/mine-AbC123`);
    assertMatch(warning, /escape it as %2F \(…:runtime%2Fmine-AbC123\)$/);
    assertEquals(others, []);
  }
  for (const path of [`${arn}%2Fmine-AbC123`, "mine-AbC123", "a/b"]) {
    assertEquals(await warningsFor(path), [], path);
  }
});

Deno.test("a registry of AgentCore at its old host is told where it is now", async () => {
  const warningsAt = async (host: string) =>
    (await run([`https://${host}/registry/one/mcp`])).notes
      .filter(({ level }) => level === "warn").map(({ message }) => message);
  const [warning, ...others] = await warningsAt(
    "bedrock-agentcore.us-west-2.amazonaws.com",
  );
  assertMatch(warning, /agent-registry\.REGION\.api\.aws\/registry\/ID\/mcp/);
  assertEquals(others, []);
  assertEquals(await warningsAt("agent-registry.us-west-2.api.aws"), []);
});

Deno.test("a + in the query is told of once, and %2B and a blank are not", async () => {
  const url = "https://abc.execute-api.us-east-1.amazonaws.com/mcp";
  const notesOf = async (query: string) =>
    (await run([`${url}${query}`])).notes
      .filter(({ message }) => message.includes("%2B"));
  const [note, ...others] = await notesOf("?t=a+b&u=c+d");
  assertEquals(note.level, "info");
  assertMatch(note.message, /a \+ in the query .* is a blank, sent as %20/);
  assertEquals(others, []);
  for (const query of ["", "?t=a%2Bb", "?t=a%20b", "?t=a"]) {
    assertEquals(await notesOf(query), [], query);
  }
  assertEquals(await notesOf("/a+b"), []);
});
