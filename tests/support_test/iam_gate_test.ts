/** The gate: whom it lets in, how it refuses, what it remembers. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:http";
import {
  signWithAws4,
  toFetch,
  type Unsigned,
} from "../support/sigv4/aws4_signer.ts";
import { forwardTo } from "../support/net/forward_to.ts";
import {
  IamGate,
  type IamGateOptions,
  type RefusalDress,
} from "../support/aws/iam_gate.ts";
import { listenOn } from "../support/net/loopback.ts";

const KEY = { accessKeyId: "AKIDTEST", secretAccessKey: "a-secret-for-tests" };
const SCOPE = { region: "eu-west-1", service: "execute-api" };
const VERIFIER = { ...SCOPE, principals: { AKIDTEST: KEY } };
const ECHO: IamGateOptions = {
  verifier: VERIFIER,
  handler: (request, response) => {
    response.end(`${request.url} ${request.rawBody}`);
  },
};

async function send(
  gate: IamGate,
  request: Partial<Unsigned> = {},
  client?: Deno.HttpClient,
  key = KEY,
): Promise<Response> {
  const signed = signWithAws4(
    { method: "GET", target: "/", host: gate.origin.host, ...request },
    key,
    SCOPE,
  );
  const [url, init] = toFetch(gate.origin, signed);
  return await fetch(url, { ...init, ...(client ? { client } : {}) });
}

Deno.test("a signed request passes with its body, and is recorded as it came", async () => {
  await using gate = await IamGate.start(ECHO);
  const target = "/arn%3Aaws/x?b=%20&a=&a=1";
  const body = new TextEncoder().encode("päyload");
  const response = await send(gate, { method: "POST", target, body });
  assertEquals(response.status, 200);
  const record = await gate.records.at(0);
  assertEquals(await response.text(), `${record.target} päyload`);
  assertEquals(record.method, "POST");
  assertEquals(record.text(), "päyload");
  assertEquals(record.header("host"), gate.origin.host);
  assert(record.verdict.ok);
  assertEquals(record.verdict.principal, "AKIDTEST");
  assertEquals(await record.ended, "finished");
});

Deno.test("a record can be awaited before its request comes", async () => {
  await using gate = await IamGate.start(ECHO);
  const second = gate.records.at(1);
  const tagged = gate.records.find((record) => record.target === "/two");
  await (await send(gate, { target: "/one" })).text();
  await (await send(gate, { target: "/two" })).text();
  assertEquals((await second).target, "/two");
  assertEquals((await tagged).index, 1);
});

Deno.test("a record that never comes fails when its time is over or the gate closes", async () => {
  const gate = await IamGate.start(ECHO);
  await assertRejects(
    () => gate.records.at(0, 1),
    Error,
    "waited 1 ms for request at the gate at index 0 (0 came)",
  );
  const waiting = assertRejects(
    () => gate.records.at(0),
    Error,
    "the gate is closed",
  );
  await gate[Symbol.asyncDispose]();
  await waiting;
});

const DRESSES: [
  RefusalDress,
  header: [string, string | null],
  body: string,
][] = [
  [
    "api-gateway",
    ["x-amzn-errortype", "UnrecognizedClientException"],
    '{"message":"The security token included in the request is invalid."}',
  ],
  [
    "json",
    ["x-amzn-errortype", null],
    '{"__type":"com.amazon.coral.service#UnrecognizedClientException",' +
    '"message":"The security token included in the request is invalid."}',
  ],
  [
    "xml",
    ["content-type", "text/xml"],
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n' +
    "  <Error>\n    <Type>Sender</Type>\n" +
    "    <Code>InvalidClientTokenId</Code>\n    <Message>" +
    "The security token included in the request is invalid.</Message>\n" +
    "  </Error>\n" +
    "  <RequestId>00000000-0000-4000-8000-000000000000</RequestId>\n" +
    "</ErrorResponse>\n",
  ],
  [
    "lambda-url",
    ["x-amzn-errortype", "AccessDeniedException"],
    '{"Message":"Forbidden"}',
  ],
];
for (const [dress, [header, value], body] of DRESSES) {
  Deno.test(`a stranger is refused in the dress of ${dress}`, async () => {
    await using gate = await IamGate.start({ ...ECHO, dress });
    const response = await send(gate, {}, undefined, {
      ...KEY,
      accessKeyId: "AKIDSTRANGER",
    });
    assertEquals(response.status, 403);
    assertEquals(response.headers.get(header), value);
    assertEquals(await response.text(), body);
    assert(!(await gate.records.at(0)).verdict.ok);
  });
}

Deno.test("a policy refuses what is rightly signed", async () => {
  await using gate = await IamGate.start({
    ...ECHO,
    status: 401,
    refuse: ({ target }) =>
      target === "/no" ? { type: "AccessDenied", message: "no" } : undefined,
  });
  const refused = await send(gate, { target: "/no" });
  assertEquals(refused.status, 401);
  assertEquals(await refused.json(), { message: "no" });
  assertEquals(await (await send(gate, { target: "/yes" })).text(), "/yes ");
});

Deno.test("the Date header tells the gate's own clock", async () => {
  await using gate = await IamGate.start({
    ...ECHO,
    verifier: { ...VERIFIER, clock: () => 0 },
  });
  const response = await send(gate);
  assertEquals(response.status, 403);
  assertEquals(response.headers.get("date"), "Thu, 01 Jan 1970 00:00:00 GMT");
  await response.body?.cancel();
});

Deno.test("reused connections bear one number, new ones another", async () => {
  await using gate = await IamGate.start(ECHO);
  using client = Deno.createHttpClient({});
  for (let i = 0; i < 3; i++) await (await send(gate, {}, client)).text();
  using other = Deno.createHttpClient({});
  await (await send(gate, {}, other)).text();
  assertEquals(gate.records.all.map((record) => record.connection), [
    0,
    0,
    0,
    1,
  ]);
  assertEquals(gate.connectionCount, 2);
  const [first, , third, fourth] = gate.records.all;
  assertEquals(first?.remotePort, third?.remotePort);
  assert(first?.remotePort !== fourth?.remotePort);
});

Deno.test("an answer that the client leaves is recorded as cut", async () => {
  await using gate = await IamGate.start({
    ...ECHO,
    handler: (_request, response) => {
      response.writeHead(200);
      response.write("first");
    },
  });
  const response = await send(gate);
  await response.body?.cancel();
  assertEquals(await (await gate.records.at(0)).ended, "cut");
});

Deno.test("a stopped gate refuses connections, a restarted one keeps its port", async () => {
  await using gate = await IamGate.start(ECHO);
  const { href } = gate.origin;
  await gate.stop();
  await assertRejects(() => send(gate), TypeError);
  await gate.start();
  assertEquals(gate.origin.href, href);
  assertEquals(
    await (await send(gate, { target: "/again" })).text(),
    "/again ",
  );
});

Deno.test("closing the gate ends answers that are still open", async () => {
  const gate = await IamGate.start({
    ...ECHO,
    handler: (_request, response) => {
      response.writeHead(200);
      response.write("first");
    },
  });
  const response = await send(gate);
  await gate[Symbol.asyncDispose]();
  await assertRejects(() => response.text(), TypeError);
});

Deno.test("a server behind the gate gets requests and streams its answers", async () => {
  const inner = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => body += chunk).on("end", () => {
      response.writeHead(201, { "x-seen": `${request.method} ${request.url}` });
      response.write(body);
      if (request.url !== "/open") response.end();
    });
  });
  const port = await listenOn(inner);
  await using gate = await IamGate.start({
    ...ECHO,
    handler: forwardTo(new URL(`http://127.0.0.1:${port}`)),
  });
  const body = new TextEncoder().encode("hello");
  const response = await send(gate, { method: "POST", target: "/a?b=1", body });
  assertEquals(response.status, 201);
  assertEquals(response.headers.get("x-seen"), "POST /a?b=1");
  assertEquals(await response.text(), "hello");

  const open = await send(gate, { method: "POST", target: "/open", body });
  const reader = open.body?.getReader();
  assertEquals((await reader?.read())?.value, body);
  await reader?.cancel();
  assertEquals(await (await gate.records.at(1)).ended, "cut");
  inner.close();
  inner.closeAllConnections();
});
