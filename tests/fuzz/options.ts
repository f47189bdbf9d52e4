/**
 * Command lines and variables that nobody would write. They are read, or refused
 * by a configuration error that shows no secret.
 */

import { parseCommand } from "../../src/config/config.ts";
import { flagsOf, variablesOf } from "../../src/config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../src/config/options.ts";
import { ConfigError } from "../../src/errors.ts";
import type { Random } from "../support/random.ts";
import { wrong } from "./fuzzer.ts";
import { anyJson, broken, objectOf } from "./json_text.ts";

const SECRET = "option+secret/that-nobody-is-shown";
const URLS = [
  "https://mcp.example/mcp",
  "https://abc123.execute-api.us-east-1.amazonaws.com/mcp",
  "http://127.0.0.1:8080/mcp",
  "http://mcp.example/",
  "https://[::1]:99999/",
  "https://user:pass@mcp.example/",
  "ftp://mcp.example/",
  "https://",
  "//mcp.example",
];
const VALUES = [
  ...URLS,
  "",
  " ",
  "-",
  "--",
  "0",
  "-1",
  "1e9",
  "10s",
  "1h30m",
  "99999999999h",
  "NaN",
  "true",
  "false",
  "TRUE",
  "v4a",
  "us-east-1",
  "us-east-1,us-west-2",
  "64MiB",
  "1EiB",
  "debug",
  "*",
  "a,b,,c",
  "a=b",
  "=b",
  "__proto__",
  "__proto__=x",
  "X-Name: value",
  "X-Name: ${AWS_SECRET}",
  "X-Name: ${",
  "${A}${B}",
  "Host: x",
  "X-Bad\r\n: x",
  "é\u0000\u202e",
  "127.0.0.1:0",
  "[::1]:8080",
  "unix:/run/x.sock",
  "unix:relative",
  "/no/such/file",
  "arn:aws:iam::123456789012:role/agent",
  "arn:aws:iam::{account}:role/agent",
  "arn:aws:iam::{account}:role/mcp/{role}",
  "arn:aws:iam::{role}:role/{account}",
  "arn:aws:iam::{account}:role/{account}{role}{role}",
  "arn:aws:iam::{account}:user/{role}",
  "arn:aws:iam::12345:role/x",
  "arn:aws:iam::123456789012:role/",
  "arn:aws:iam::aws:policy/ReadOnlyAccess",
  "read-only",
  "111122223333",
  "1111*",
  "111122223333,4444?",
  "*".repeat(300),
  "team=data",
  "team=",
  "aws:team=data",
  `${"k".repeat(129)}=v`,
  `team=${"v".repeat(257)}`,
  "team=a\u0000b",
  "ada@example.com",
  "ada lovelace",
  "session name",
  "15m",
  "13h",
  "x".repeat(5000),
];
const OTHERS = [
  "doctor",
  "policy",
  "config",
  "completions",
  "help",
  "--",
  "-h",
];

const FLAGS = OPTION_KEYS.flatMap((key) => flagsOf(OPTIONS[key]));
const VARIABLES = OPTION_KEYS.flatMap((key) => variablesOf(OPTIONS[key]));

/** A flag as it is, or nearly. */
function flag(random: Random): string {
  const flag = random.pick(FLAGS);
  const kind = random.below(10);
  if (kind === 0) return flag.replace("--", "--no-");
  if (kind === 1) return flag.slice(0, -1);
  if (kind === 2) return flag.toUpperCase();
  return flag;
}

/** What a file may hold that an option names. */
function content(random: Random): Uint8Array {
  const policy = objectOf(random, [
    ["Version", random.pick(['"2012-10-17"', '"2008-10-17"', "1"])],
    [
      "Statement",
      random.chance(0.5) ? anyJson(random) : '[{"Effect":"Allow"}]',
    ],
  ]);
  const text = random.pick([
    policy,
    anyJson(random),
    "111122223333\n# a comment\n4444*\n",
    "X-Name: value\nX-Name\n: x\r\n",
    "x".repeat(3_000),
    "",
  ]);
  const bytes = new TextEncoder().encode(text);
  return random.chance(0.3) ? broken(random, bytes) : bytes;
}

function args(random: Random, file: string): string[] {
  const args: string[] = random.chance(0.8) ? [random.pick(URLS)] : [];
  for (let left = random.below(6); left > 0; left--) {
    const value = random.chance(0.1) ? file : random.pick(VALUES);
    const kind = random.below(4);
    if (kind === 0) args.push(`${flag(random)}=${value}`);
    else if (kind === 1) args.push(flag(random), value);
    else if (kind === 2) args.push(flag(random));
    else args.push(random.pick([value, ...OTHERS]));
  }
  if (random.chance(0.3)) args.push(`--header=X-Key: ${SECRET}`);
  return args;
}

/** Tries command lines. */
export async function fuzzOptions(
  random: Random,
  cases: number,
): Promise<void> {
  const file = await Deno.makeTempFile();
  try {
    for (let left = cases; left > 0; left--) await tryOne(random, file);
  } finally {
    await Deno.remove(file);
  }
}

async function tryOne(random: Random, file: string): Promise<void> {
  if (random.chance(0.2)) await Deno.writeFile(file, content(random));
  const line = args(random, file);
  const variables = new Map([["AWS_SECRET", SECRET]]);
  for (let more = random.below(4); more > 0; more--) {
    variables.set(random.pick(VARIABLES), random.pick(VALUES));
  }
  if (random.chance(0.1)) variables.set("MCP_LISTEN_TOKEN", SECRET);
  const given = { line, variables: Object.fromEntries(variables) };
  try {
    await parseCommand(line, (name) => variables.get(name), {
      profileRegion: () => Promise.resolve(undefined),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) wrong(`it failed: ${error}`, given);
    if (error.faults.length === 0) wrong("it says nothing", given);
    if (error.message.includes(SECRET)) wrong("a secret is shown", given);
  }
}
