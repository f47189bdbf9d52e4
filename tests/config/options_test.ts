import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  flagsOf,
  type Option,
  readValue,
  variablesOf,
} from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { Reading } from "../../src/config/settings.ts";

const ROWS: Option[] = OPTION_KEYS.map((key) => OPTIONS[key]);

Deno.test("no flag and no variable stands for two options", () => {
  const flags = ROWS.flatMap(flagsOf);
  assertEquals(flags.length, new Set(flags).size);
  const variables = ROWS.flatMap(variablesOf);
  assertEquals(variables.length, new Set(variables).size);
  for (const flag of flags) assertMatch(flag, /^--[a-z]+(?:-[a-z]+)*$/);
  for (const name of variables) assertMatch(name, /^(?:AWS|MCP)_[A-Z_]+$/);
});

Deno.test("every default is a value that the option itself would take", () => {
  const { settings, faults, sources } = new Reading(
    new Map(),
    () => undefined,
  );
  assertEquals([...faults], []);
  assertEquals(sources.get("region"), {
    kind: "default",
    name: "",
    texts: [],
  });
  assertEquals(settings, {
    targetUrl: undefined,
    allowHttp: false,
    sse: false,
    headers: undefined,
    header: [],
    headerFile: undefined,
    clientInfo: true,
    caCert: undefined,
    clientCert: undefined,
    clientKey: undefined,
    region: undefined,
    service: undefined,
    signatureVersion: "v4",
    unsignedPayload: false,
    signHost: undefined,
    profile: [],
    bridge: false,
    readOnly: false,
    receipt: false,
    allowTool: [],
    denyTool: [],
    metadata: [],
    regionMetadata: true,
    keepAliveMs: undefined,
    assumeRole: undefined,
    roleSessionName: "sigv4-proxy",
    externalId: undefined,
    roleDurationMs: 3_600_000,
    sessionPolicy: [],
    sourceIdentity: undefined,
    sessionTag: [],
    writeRole: undefined,
    accountRole: undefined,
    allowAccount: [],
    allowRole: [],
    skipAuth: false,
    listen: undefined,
    listenToken: undefined,
    noListenToken: false,
    listenHost: [],
    timeoutMs: undefined,
    timeoutResetOnProgress: false,
    connectTimeoutMs: 10_000,
    retries: 2,
    maxConcurrency: 64,
    recover: true,
    cookies: true,
    transport: "auto",
    idleTimeoutMs: 900_000,
    maxFrameBytes: 67_108_864,
    maxAnswerBytes: 10_485_760,
    logLevel: "info",
    login: false,
    logFormat: "json",
    record: undefined,
    recordBodies: false,
    recordMaxBytes: 67_108_864,
    help: false,
    version: false,
  });
});

Deno.test("a whole number is read within its limits alone", () => {
  const row: Option = {
    kind: "integer",
    names: ["--retries"],
    range: [0, 10],
    help: "",
  };
  assertEquals(readValue(row, ["10"]), { value: 10 });
  assertEquals(readValue(row, [" 3 "]), { value: 3 });
  assertEquals(readValue(row, []), { value: undefined });
  for (
    const text of ["11", "-1", "1.5", "1e1", "0x1", "ten", "", "9".repeat(400)]
  ) {
    const result = readValue(row, [text]);
    assert("expected" in result, text);
    assertEquals(result.expected, "a whole number from 0 to 10");
  }
});

Deno.test("a list takes every text, and names the one that is not of its form", () => {
  const row: Option = {
    kind: "list",
    names: ["--allow-tool"],
    placeholder: "GLOB",
    form: { pattern: /^[a-z*]+$/, words: "a glob" },
    help: "",
  };
  assertEquals(readValue(row, ["a*", "b"]), { value: ["a*", "b"] });
  assertEquals(readValue(row, ["a", "B!", "c"]), {
    text: "B!",
    expected: "a glob",
  });
});
