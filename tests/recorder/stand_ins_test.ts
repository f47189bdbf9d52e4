import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { messageKey } from "../../src/recorder/message_key.ts";
import { StandIns } from "../../src/recorder/stand_ins.ts";
import { Redactor } from "../../src/redact/redact.ts";

const TOKEN = "token-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789";

function standIns(bodies = false): StandIns {
  const redactor = new Redactor();
  redactor.addCredential(TOKEN);
  return new StandIns(redactor.redact, bodies);
}

function call(args: unknown): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 7,
    method: "tools/call",
    params: { name: "work", arguments: args },
  });
}

Deno.test("a stand-in of a message is its own stand-in", () => {
  const once = standIns();
  const shown = once.fromClient(
    call({ name: ["é", -12.5, true, null], "b c": 1 }),
  );
  assertEquals(JSON.parse(shown), {
    jsonrpc: "2.0",
    id: 7,
    method: "tools/call",
    params: {
      name: "work",
      arguments: { name: ["x", -11.1, true, null], "key-1": 1 },
    },
  });
  assertEquals(standIns().fromClient(shown), shown);
  assertEquals(once.of("session", once.of("session", "abc")), "session-1");
});

Deno.test("a message keeps its digits, its order and what is there twice", () => {
  const text =
    '{"jsonrpc":"2.0","id":12345678901234567890,"id":1.50e3,"method":"m","params":{"2":[{}],"1":[]}}';
  assertEquals(
    standIns().fromClient(text),
    text.replace('"2"', '"key-1"').replace('"1"', '"key-2"'),
  );
  assertEquals(standIns(true).fromClient(text), text);
});

Deno.test("a name of a member stays if it is MCP's or in the schema of a tool", () => {
  const shown = standIns();
  const tools = {
    jsonrpc: "2.0",
    id: 1,
    result: {
      tools: [{
        name: "work",
        inputSchema: { type: "object", properties: { city: {} } },
      }],
    },
  };
  assertEquals(
    JSON.parse(shown.fromTarget(JSON.stringify(tools))),
    tools,
  );
  const { params } = JSON.parse(
    shown.fromClient(call({ city: "Rome", "sk_live_planted": true })),
  );
  assertEquals(params.arguments, { city: "xxxx", "key-1": true });
});

Deno.test("what is nested deeply is left out, and nothing is thrown", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const text = standIns().fromClient(
    `{"jsonrpc":"2.0","id":1,"params":${deep}}`,
  );
  assertStringIncludes(text, "[null]");
  assert(text.length < 1_000);
});

Deno.test("no place in a long text lets a secret pass that stands there", () => {
  const kept = standIns(true);
  for (let at = 8_100; at < 8_260; at++) {
    const text = `${"a ".repeat(at / 2)}${TOKEN} ${"b".repeat(9_000)}`;
    assertEquals(kept.fromClient(call({ text })).includes("token-01"), false);
  }
  for (let at = 8_180; at < 8_192; at++) {
    const unbroken = `${"a".repeat(at)}${TOKEN}${"a".repeat(200)}`;
    assertEquals(kept.fromClient(call({ unbroken })).includes("6789"), false);
  }
});

Deno.test("what is no message of a client's has no word left", () => {
  const shown = standIns().fromClient('{"message":"a secret","n":42}');
  assertEquals(JSON.parse(shown), { message: "xxxxxxxx", "key-1": 11 });
  assertEquals(standIns().fromClient("a secret"), "xxxxxxxx");
});

Deno.test("no word of the target's is left in an event, whatever its lines are", () => {
  const lines = ["a secret", "secret: a secret", ": a secret", '"a secret"}'];
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = ["id: 1", "data", ...lines, "", ""].join(end);
    const shown = standIns().fromTarget(text);
    assertEquals(shown.includes("secret"), false, shown);
    assertEquals(
      shown.split(end).slice(0, 3),
      ["id: event-1", "data", "xxxxxxxx"],
    );
  }
});

Deno.test("a message is known by its ID to the last digit, however it is spelt", () => {
  const keyOf = (id: string): string =>
    messageKey(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`).key;
  assert(keyOf("12345678901234567890") !== keyOf("12345678901234567891"));
  assertEquals(keyOf('"a\\u0062c"'), keyOf('"abc"'));
  assertEquals(keyOf("1.0"), keyOf("1"));
  assert(keyOf("1") !== keyOf('"1"'));
});
