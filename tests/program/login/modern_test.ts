/** Whole-program tests of `--login` before a client of 2026-07-28. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LOGIN_ARGS, LoginWorld } from "../../support/aws/login_world.ts";
import { modern } from "../../support/stream/modern_message.ts";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import { type McpHandler, result } from "../../support/raw/mcp.ts";
import type { Line } from "../../support/lines.ts";

// deno-lint-ignore no-explicit-any
type Parsed = any;

const META = {
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { url: {} } },
};

/** Parameters of a client that opens pages. */
function opening(params: Record<string, unknown>): Record<string, unknown> {
  return modern(params, META);
}

const CALL = { name: "get_item", arguments: { n: 12 } };

/** A program before a modern client, whose session is over. */
async function ended(
  world: LoginWorld,
  args: readonly string[] = [],
): Promise<ProxyProcess> {
  await world.writeToken();
  return await world.program({ args: [...LOGIN_ARGS, ...args] });
}

/** What a client is told to ask, and to say when it comes again. */
function inputIn({ value }: Line): { state: string; url: string } {
  const { resultType, inputRequests, requestState } = (value as Parsed).result;
  assertEquals(resultType, "input_required");
  const { method, params } = inputRequests.login;
  assertEquals([method, params.mode], ["elicitation/create", "url"]);
  return { state: requestState, url: params.url };
}

function again(state: string, action: string): Record<string, unknown> {
  const inputResponses = { login: { action } };
  return opening({ ...CALL, inputResponses, requestState: state });
}

/** The bodies of the calls that reached the target. */
function calls(world: LoginWorld): Parsed[] {
  return world.server.requests.all.map((request) => JSON.parse(request.text()))
    .filter(({ method }) => method === "tools/call");
}

for (
  const [method, params] of [
    ["tools/call", CALL],
    ["prompts/get", { name: "p" }],
    ["resources/read", { uri: "test://r" }],
  ] as const
) {
  Deno.test(`${method} that finds the session over is told to ask, and its retry is sent as the call was, once the token is there`, async () => {
    await using world = await LoginWorld.start();
    const proxy = await ended(world);
    const { state, url } = inputIn(
      await proxy.request(method, opening(params)),
    );
    assertEquals(url, `${world.peer.url}/device?user_code=WXYZ-0001`);
    const retried = proxy.request(
      method,
      opening({
        ...params,
        inputResponses: { login: { action: "accept" } },
        requestState: state,
      }),
    );
    const before = world.peer.requests.length;
    await world.peer.requests.at(before + 1);
    assertEquals(world.server.requests.length, 0);
    world.peer.answer = "token";
    assertEquals(((await retried).value as Parsed).result, {});
    assertEquals(world.server.requests.length, 1);
    const sent = JSON.parse(world.server.requests.all[0].text());
    assertEquals(sent.params, opening(params));
  });
}

for (
  const [action, outcome] of [
    ["decline", "declined"],
    ["cancel", "dismissed"],
  ]
) {
  Deno.test(`a retry that says ${action} ends the login, and nothing leaves`, async () => {
    await using world = await LoginWorld.start();
    const proxy = await ended(world);
    const first = proxy.request("tools/call", opening(CALL));
    const { state } = inputIn(await first);
    const other = proxy.request("tools/list", opening({}));
    const retried = proxy.request("tools/call", again(state, action));
    const { error } = (await retried).value as Parsed;
    assertEquals([error.code, error.data.login], [-31012, outcome]);
    // It waited, or came when it was over.
    assertEquals(((await other).value as Parsed).error.code, -31012);
    assertEquals([world.server.requests.length, world.peer.begun], [0, 1]);
  });
}

Deno.test("of calls that come at once one is told to ask, and the others wait", async () => {
  await using world = await LoginWorld.start();
  const proxy = await ended(world);
  for (const id of [1, 2, 3]) {
    const params = opening({ ...CALL, arguments: { id } });
    await proxy.send({ jsonrpc: "2.0", id, method: "tools/call", params });
  }
  const asked = await proxy.next();
  const { state } = inputIn(asked);
  world.peer.answer = "token";
  const told = (asked.value as Parsed).id;
  const others = [1, 2, 3].filter((id) => id !== told);
  for (const id of others) {
    assertEquals(((await proxy.answer(id)).value as Parsed).result, {});
  }
  assertEquals(calls(world).length, 2);
  const retried = await proxy.request("tools/call", again(state, "accept"));
  assertEquals((retried.value as Parsed).result, {});
  assertEquals([calls(world).length, world.peer.begun], [3, 1]);
});

Deno.test("a retry that comes when the token is there is sent at once, and one that comes twice is two calls", async () => {
  await using world = await LoginWorld.start();
  const proxy = await ended(world);
  const { state } = inputIn(await proxy.request("tools/call", opening(CALL)));
  await world.logInElsewhere();
  world.peer.answer = "token";
  for (const count of [1, 2]) {
    const { value } = await proxy.request("tools/call", again(state, "accept"));
    assertEquals((value as Parsed).result, {});
    assertEquals(calls(world).length, count);
    assertEquals(calls(world).at(-1).params, opening(CALL));
  }
});

Deno.test("a state that the client makes up, or that is the target's, is the target's to judge, and begins nothing", async () => {
  await using world = await LoginWorld.start();
  await world.logInElsewhere();
  const proxy = await world.program();
  const params = again("the-target's-own", "decline");
  await proxy.request("tools/call", params);
  assertEquals(calls(world)[0].params, params);
  await world.writeToken();
  const made = crypto.randomUUID();
  const asked = await proxy.request("tools/call", again(made, "accept"));
  assert(inputIn(asked).state !== made);
  assertEquals(calls(world).length, 1);
});

Deno.test("a call with an answer of the target's own keeps it over a login", async () => {
  await using world = await LoginWorld.start();
  const proxy = await ended(world);
  const asked = opening({
    ...CALL,
    inputResponses: { name: { action: "accept" } },
  });
  const { state } = inputIn(await proxy.request("tools/call", asked));
  // The client makes its call again with what it was asked last alone.
  const retried = proxy.request("tools/call", again(state, "accept"));
  world.peer.answer = "token";
  await retried;
  assertEquals(calls(world)[0].params, asked);
});

for (
  const [what, method, params] of [
    ["whose result cannot ask for input", "tools/list", opening({})],
    ["of a client that shows no pages", "tools/call", modern(CALL)],
    [
      "of a client that shows forms alone",
      "tools/call",
      modern(CALL, {
        "io.modelcontextprotocol/clientCapabilities": { elicitation: {} },
      }),
    ],
  ] as const
) {
  Deno.test(`a request ${what} gets the error of a session that is over`, async () => {
    await using world = await LoginWorld.start();
    const proxy = await ended(world);
    const { error } = (await proxy.request(method, params)).value as Parsed;
    assertEquals([error.code, error.data.login], [-31012, undefined]);
    assertStringIncludes(error.message, "aws sso login --profile dev");
    assertEquals(world.peer.requests.length + world.server.requests.length, 0);
  });
}

Deno.test("a call that is cancelled before the page is there is not told to ask, and ends the login", async () => {
  await using world = await LoginWorld.start();
  const gate = Promise.withResolvers<void>();
  world.peer.gate = gate.promise;
  const proxy = await ended(world);
  await proxy.send({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: opening(CALL),
  });
  await world.peer.requests.at(0);
  await proxy.notify("notifications/cancelled", { requestId: 1 });
  await proxy.waitForLog(({ text }) => text.includes("nobody waits for it"));
  gate.resolve();
  await world.logInElsewhere();
  await proxy.request("tools/call", opening(CALL));
  assertEquals(proxy.answers(1), []);
  assertEquals(calls(world).length, 1);
});

const list: McpHandler = (message, reply) =>
  reply.json(result(message, {
    resultType: "complete",
    tools: [{
      name: "get_item",
      inputSchema: { type: "object" },
      annotations: { readOnlyHint: true },
    }],
  }));

for (const action of ["accept", "decline"]) {
  Deno.test(`with --read-only a call waits for the list of tools, and that for the login: ${action}`, async () => {
    await using world = await LoginWorld.start({
      script: { "tools/list": list },
    });
    const proxy = await ended(world, ["--read-only"]);
    const both = [1, 2].map(() => proxy.request("tools/call", opening(CALL)));
    const { state } = inputIn(await both[0]);
    const retried = proxy.request("tools/call", again(state, action));
    if (action === "accept") world.peer.answer = "token";
    const answers = await Promise.all([retried, both[1]]);
    assertEquals(world.peer.begun, 1);
    for (const { value } of answers) {
      const { result, error } = value as Parsed;
      if (action === "accept") assertEquals(result, {});
      else assertStringIncludes(error.message, "the user declined it");
    }
    assertEquals(calls(world).length, action === "accept" ? 2 : 0);
    assertEquals(proxy.frames.length, 3);
  });
}

Deno.test("with --read-only a call for an account, whose tools are not known yet, is told to ask", async () => {
  await using world = await LoginWorld.start({
    script: { "tools/list": list },
  });
  await world.logInElsewhere();
  const role = "arn:aws:iam::{account}:role/ReadOnly";
  const proxy = await world.program({
    args: [
      ...LOGIN_ARGS,
      "--read-only",
      `--account-role=${role}`,
      "--allow-account=111111111111",
    ],
  });
  await proxy.request("tools/list", opening({}));
  await world.writeToken();
  const called = proxy.request(
    "tools/call",
    opening({ ...CALL, arguments: { aws_account: "111111111111" } }),
  );
  assertStringIncludes(inputIn(await called).url, "user_code=");
  assertEquals(calls(world), []);
});
