/**
 * A hostile target's tools, and calls that name an account. What is said of each
 * is worked out anew from what `JSON.parse` finds: with which identity a call
 * goes, and what it then says; nothing goes with one that is not allowed.
 */

import { INITIALIZED } from "../support/raw/mcp.ts";
import type { Random } from "../support/random.ts";
import { FUZZ_SESSION, FuzzWorld, isOwn, wrong } from "./fuzzer.ts";
import { anyJson, objectOf } from "./json_text.ts";

const ALLOWED = ["111122223333", "4444*"];
const ALLOWED_ROLES = ["reader", "mcp-*"];
const NAMES = ["aws_account", "aws_role"] as const;
const WHO = "x-who";

const ACCOUNTS = [
  '"111122223333"',
  '"111122223333"',
  '"444455556666"',
  '"444455556666"',
  '"999999999999"',
  '"*"',
  '"1111*"',
  '"111122223333/../4"',
  '"\\u0031\\u003111122223333"',
  '"１１１１２２２２３３３３"',
  '" 111122223333"',
  '"111122223333\\n"',
  "111122223333",
  "null",
  "{}",
  '["111122223333"]',
  '""',
];
const ROLES = [
  '"reader"',
  '"mcp-a"',
  '"admin"',
  '"mcp-a/b"',
  '"*"',
  "null",
  "1",
];
const TOOL_NAMES = [
  '"t"',
  '"t"',
  '"u"',
  '"__proto__"',
  "7",
  "null",
  '"\\u0074"',
  "{}",
];

// deno-lint-ignore no-explicit-any
type Value = any;

function schema(random: Random): string {
  if (random.chance(0.15)) return anyJson(random);
  const members: [string, string][] = [["type", '"object"']];
  if (random.chance(0.7)) {
    const properties: [string, string][] = [["q", '{"type":"string"}']];
    if (random.chance(0.25)) {
      properties.push([random.pick(NAMES), anyJson(random, 4)]);
    }
    const odd = random.chance(0.1);
    members.push([
      "properties",
      odd ? anyJson(random, 4) : objectOf(random, properties),
    ]);
    if (random.chance(0.05)) members.push(["properties", anyJson(random, 4)]);
  }
  if (random.chance(0.2)) members.push(["required", '["aws_account"]']);
  return objectOf(random, members);
}

function tool(random: Random): string {
  if (random.chance(0.05)) return anyJson(random);
  const members: [string, string][] = [["name", random.pick(TOOL_NAMES)]];
  if (random.chance(0.9)) members.push(["inputSchema", schema(random)]);
  if (random.chance(0.1)) members.push(["x", anyJson(random, 3)]);
  return objectOf(random, members);
}

function args(random: Random): string {
  if (random.chance(0.05)) return anyJson(random);
  const members: [string, string][] = [["q", anyJson(random, 4)]];
  if (random.chance(0.8)) {
    members.push(["aws_account", random.pick(ACCOUNTS)]);
  }
  if (random.chance(0.7)) members.push(["aws_role", random.pick(ROLES)]);
  if (random.chance(0.15)) {
    members.push(["aws_account", random.pick(ACCOUNTS)]);
  }
  if (random.chance(0.05)) members.push(["AWS_ACCOUNT", '"999999999999"']);
  return objectOf(random, members);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Notes which tools have such an argument themselves, by a second reading. */
function noteOwners(tools: unknown, owners: Set<string>): void {
  for (const tool of Array.isArray(tools) ? tools : []) {
    if (!isRecord(tool)) continue;
    const { inputSchema } = tool;
    const properties = isRecord(inputSchema) ? inputSchema.properties : {};
    const name = "name" in tool ? String(tool.name) : "";
    const isOwner = isRecord(properties) &&
      NAMES.some((one) => Object.hasOwn(properties, one));
    if (isOwner) owners.add(name);
    else owners.delete(name);
  }
}

/** Who a call goes with: "" for the proxy's own, nothing where it is refused. */
function whoFor(given: unknown, isOwner: boolean): string | undefined {
  if (isOwner || !isRecord(given)) return "";
  const { aws_account: account = null, aws_role: role = null } = given;
  if (account === null && role === null) return "";
  const isAccount = typeof account === "string" &&
    /^(?:111122223333|4444[0-9]{8})$/.test(account) && account.length === 12;
  const isRole = typeof role === "string" && /^(?:reader|mcp-a)$/.test(role);
  return isAccount && isRole ? `${account}/${role}` : undefined;
}

/** Tries lists of tools, and calls of them. */
export async function fuzzAccounts(
  random: Random,
  cases: number,
): Promise<void> {
  let tools = "[]";
  const sent: { who: string; message: Value }[] = [];
  const target = (body: string, init: RequestInit): Response => {
    const message = body === "" ? {} : JSON.parse(body);
    const { id, method } = message;
    if (id === undefined) return new Response(null, { status: 202 });
    if (method === "tools/call") {
      sent.push({ who: new Headers(init.headers).get(WHO) ?? "", message });
    }
    const result = method === "initialize"
      ? JSON.stringify(INITIALIZED)
      : method === "tools/list"
      ? `{"tools":${tools}}`
      : "{}";
    return new Response(
      `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`,
      {
        headers: {
          "content-type": "application/json",
          "mcp-session-id": FUZZ_SESSION,
        },
      },
    );
  };
  await using world = new FuzzWorld(target, {
    accounts: {
      allow: ALLOWED,
      allowRole: ALLOWED_ROLES,
      open: (account, role) => {
        const send: typeof fetch = async (_input, init = {}) => {
          const headers = new Headers(init.headers);
          headers.set(WHO, `${account}/${role}`);
          const { body } = init;
          const text = body instanceof Blob ? await body.text() : "";
          return target(text, { ...init, headers });
        };
        return Object.assign(send, { [Symbol.dispose]: () => {} });
      },
    },
  });
  const { client } = world;
  await client.initialize();
  const owners = new Set<string>();
  for (let number = 0; number < cases; number++) {
    if (number % 4 === 0) {
      tools = random.chance(0.03)
        ? anyJson(random)
        : `[${
          Array.from({ length: random.below(4) }, () => tool(random)).join(",")
        }]`;
      client.request(`list-${number}`, "tools/list", {});
      const { json } = await client.answer(`list-${number}`);
      if (json.error && !isOwn(json)) wrong("the list is lost", tools);
      noteOwners(JSON.parse(tools), owners);
    }
    const given = args(random);
    const name = random.pick(TOOL_NAMES);
    const id = `call-${number}`;
    sent.length = 0;
    client.send(
      `{"jsonrpc":"2.0","id":"${id}","method":"tools/call","params":` +
        `{"name":${name},"arguments":${given}}}`,
    );
    const { json, text } = await client.answer(id);
    const isOwner = owners.has(String(JSON.parse(name)));
    const parsed = JSON.parse(given);
    const who = whoFor(parsed, isOwner);
    const what = { tools, name, given, answer: text, sent };
    if (who === undefined) {
      if (sent.length > 0) wrong("a call was sent that is not allowed", what);
      if (json.error?.data?.reason !== "blocked") wrong("not refused", what);
      continue;
    }
    if (sent.length !== 1 || sent[0].who !== who) {
      wrong(`it was to go once with ${who || "its own"}`, what);
    }
    const passed = sent[0].message.params.arguments;
    if (isOwner || !isRecord(parsed)) continue;
    if (NAMES.some((one) => isRecord(passed) && Object.hasOwn(passed, one))) {
      wrong("the target is told of the choice", what);
    }
    if (JSON.stringify(passed?.q) !== JSON.stringify(parsed.q)) {
      wrong("another argument is changed", what);
    }
    world.checkUnseen(isOwn(json) ? [text] : []);
  }
}
