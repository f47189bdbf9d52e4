import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { standInsFor } from "../../src/commands/recording.ts";
import { parseArguments } from "../../src/config/arguments.ts";
import { configure } from "../../src/config/config.ts";
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
  assert(keyOf('"a"') !== keyOf('"b"'));
  assert(keyOf("[1]") !== keyOf("[2]"));
});

const WORD = "plantedword";

/** Wherever a client or a target may say something of somebody. */
const SAID: Readonly<Record<string, (shown: StandIns) => string>> = {
  "a result that is a text": (shown) => shown.fromTarget(`"${WORD}"`),
  "a list that is no message": (shown) => shown.fromTarget(`["${WORD}"]`),
  "an object that is no message": (shown) =>
    shown.fromTarget(`{"title":"${WORD}","error":"${WORD}"}`),
  "an event that is no message": (shown) =>
    shown.fromTarget(`data: {"message":"${WORD}"}\n\n`),
  "what a user fills in": (shown) =>
    shown.fromClient(message({ content: OWN })),
  "metadata": (shown) => shown.fromClient(message({ _meta: OWN })),
  "a member's name": (shown) =>
    shown.fromTarget(message({ [`error${WORD}`]: 1 })),
  "an ID that is none": (shown) => shown.fromClient(message({}, OWN)),
  "the fragment of a place": (shown) =>
    shown.header("location", `https://e.example/x#t=${WORD}`),
  "who is asked for in a place": (shown) =>
    shown.header("location", `https://${WORD}@e.example/x`),
  "the path of a place": (shown) =>
    shown.header("location", `https://e.example/${WORD}-0123456789/x`),
  "the path of a session": (shown) =>
    shown.fromTarget(`event: endpoint\ndata: /m/${WORD}-0123456789\n\n`) +
    shown.url(`https://e.example/m/${WORD}-0123456789`),
  "an event of an address beside that": (shown) =>
    shown.fromTarget(
      `event: endpoint\n: ${WORD}\nfoo: /x/${WORD}\ndata: /m\n\n`,
    ),
  "who is refused": (shown) =>
    shown.fromTarget(
      `{"message":"User: arn:aws:sts::123456789012:assumed-role/${WORD}/${WORD}@x.example is not authorized"}`,
      true,
    ),
  "the profiles in an error": (shown) =>
    shown.words(
      `profile "${WORD}": source_profile "${WORD}", got "${WORD}"; no profile "${WORD}" (there are: a, ${WORD}); there are: ${WORD}; x`,
    ),
};

const OWN = Object.fromEntries(
  ["level", "mimeType", "role", "status", "type", "name", "version"]
    .map((name) => [name, WORD]),
);

function message(result: unknown, id: unknown = 1): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result });
}

for (const [place, shownOf] of Object.entries(SAID)) {
  Deno.test(`no word of somebody's is left in ${place}, and what is left stays`, () => {
    const shown = shownOf(standIns());
    assertEquals(/planted|1234567890/.exec(shown), null, shown);
    const again = standIns();
    assertEquals(again.words(again.words(shown)), again.words(shown));
  });
}

/** What says how HTTP and MCP are spoken, as a replay needs it. */
const SHOWN: readonly (readonly [
  what: string,
  shownOf: (shown: StandIns) => string,
  expected: string,
])[] = [
  [
    "an event's lines",
    (shown) =>
      shown.fromTarget("retry: 500\nevent: message\nid: e\ndata: x\n\n"),
    "retry: 500\nevent: message\nid: event-1\ndata: x\n\n",
  ],
  [
    "a line of an event that MCP does not know",
    (shown) => shown.fromTarget(`data: x\n${WORD}: ${WORD}\n: ${WORD}\n\n`),
    "data: x\nxxxxxxxxxxx: xxxxxxxxxxx\n: xxxxxxxxxxx\n\n",
  ],
  [
    "a batch",
    (shown) => shown.fromClient(`[${call({})},${call({})}]`),
    `[${call({})},${call({})}]`,
  ],
  [
    "an error's code and words",
    (shown) =>
      shown.fromTarget(
        `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no access","data":{"n":"${WORD}"}}}`,
      ),
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no access","data":{"key-1":"xxxxxxxxxxx"}}}',
  ],
  [
    "an error that is a text",
    (shown) => shown.fromTarget('{"jsonrpc":"2.0","id":1,"error":"no access"}'),
    '{"jsonrpc":"2.0","id":1,"error":"no access"}',
  ],
  [
    "what belongs together",
    (shown) => shown.fromTarget(message({ nextCursor: WORD, taskId: WORD })),
    message({ nextCursor: "cursor-1", taskId: "task-1" }),
  ],
  [
    "a header of HTTP",
    (shown) => shown.header("retry-after", "7"),
    "7",
  ],
  ["a tool in a header", (shown) => shown.header("mcp-name", "work"), "work"],
  [
    "what is no tool in a header",
    (shown) => shown.header("mcp-name", "a é"),
    "xxx",
  ],
  [
    "where a place is",
    (shown) => shown.header("location", `https://e.example/mcp?a=${WORD}`),
    "https://e.example/mcp?a=value-1",
  ],
];

for (const [what, shownOf, expected] of SHOWN) {
  Deno.test(`a recording has what a replay needs, and no more, of ${what}`, () => {
    assertEquals(shownOf(standIns()), expected);
  });
}

Deno.test("what gives access has its stand-in, and is in no words after that", () => {
  for (const kind of ["session", "cookie", "event", "identity", "token"]) {
    const shown = standIns();
    const value = "opaque-0123456789-value";
    assertEquals(shown.of(kind, value), `${kind}-1`);
    assertEquals(
      shown.words(`no such thing: ${value}`),
      "no such thing: [redacted]",
    );
  }
});

Deno.test("an account is another number, the same one wherever it stands, and a role has its form", () => {
  const shown = standIns();
  const text =
    "User: arn:aws:sts::123456789012:assumed-role/Admin/me is not authorized on arn:aws:lambda:eu-west-1:123456789012:function:f by 210987654321";
  const once = shown.words(text);
  assertEquals(
    once,
    "User: arn:aws:sts::100000000001:assumed-role/role-1/role-2 is not authorized on arn:aws:lambda:eu-west-1:100000000001:function:f by 100000000002",
  );
  assertEquals(standIns().words(once), once);
  const target =
    `https://e.example/runtimes/arn%3Aaws%3Ax%3A%3A123456789012%3Ar`;
  assertStringIncludes(shown.url(target), "%3A100000000001%3A");
});

Deno.test("however many roles calls name, an error names neither the last nor the program's own", async () => {
  const own = Array.from({ length: 300 }, (_, at) => `own.${at}`);
  const args = parseArguments([
    "https://a.execute-api.eu-west-1.amazonaws.com/mcp",
    "--account-role=arn:aws:iam::{account}:role/{role}",
    "--allow-account=1*",
    ...[...own, "team.*"].map((one) => `--allow-role=${one}`),
  ]);
  const { config } = await configure(args, () => undefined);
  const shown = standInsFor(config, new Redactor());
  for (let count = 1; count <= 300; count++) {
    const said = { aws_role: `team.${count}`, aws_account: WORD };
    const params = { name: "t", arguments: said };
    shown.fromClient(JSON.stringify({ id: 1, method: "tools/call", params }));
  }
  const words = shown.words(`${own[0]} and ${own[299]} for team.300`);
  assertEquals(words, "role-1 and role-300 for role-601");
  assertEquals(shown.nameOf("team.1"), undefined);
});

Deno.test("words that tell of a lost session stay, whatever they stand in", () => {
  const texts = [
    "Session not found",
    '"Session not found"',
    '{"error":"Session not found"}',
  ];
  for (const text of texts) assertEquals(standIns().fromTarget(text), text);
});

Deno.test("a secret that stands where words are cut is not seen in part", () => {
  const shown = standIns();
  for (let before = 940; before <= 1_000; before++) {
    const words = shown.words("é".repeat(before - 1) + " " + TOKEN);
    assertEquals(words.includes(TOKEN.slice(0, 8)), false, words);
  }
});

Deno.test("what the target's own path says may be seen, though the target says it", () => {
  const shown = standIns();
  const path = "/servers/abcdef0123456789/mcp";
  shown.keepPath(path);
  shown.header("location", `${path}/`);
  assertEquals(
    shown.url(`https://e.example${path}`),
    `https://e.example${path}`,
  );
});
