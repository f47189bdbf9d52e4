/** Whole-program tests: a login that the client's user is asked for. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import {
  LOGIN_ARGS,
  LoginWorld,
  OPENS_PAGES,
} from "../../support/aws/login_world.ts";
import type { McpHandler } from "../../support/raw/mcp.ts";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import { TEST_CREDENTIALS } from "../../support/aws/test_identity.ts";
import { isMethod, type Parsed, question } from "./login_calls.ts";

async function answer(
  proxy: ProxyProcess,
  id: unknown,
  action: string,
): Promise<void> {
  await proxy.send({ jsonrpc: "2.0", id, result: { action } });
}

Deno.test("a call that finds the session over asks the user to open AWS's page, waits, and is sent once the token is there", async () => {
  await using world = await LoginWorld.start();
  const proxy = await world.programWhoseSessionEnds({}, "start");
  const called = proxy.request("tools/call", { name: "x" });
  const { id, params } = await question(proxy);
  assertEquals(params.mode, "url");
  assertEquals(params.url, `${world.peer.url}/device?user_code=WXYZ-0001`);
  assertStringIncludes(params.message, "WXYZ-0001");
  assertStringIncludes(params.message, 'profile "dev"');
  await answer(proxy, id, "accept");
  assert(!world.reached.includes("tools/call"));
  world.peer.answer = "token";
  assertEquals(((await called).value as Parsed).result, {});
  assertEquals(world.reached.filter((name) => name === "tools/call").length, 1);
  const complete = await proxy.frames.find((line) =>
    isMethod(line, "notifications/elicitation/complete")
  );
  assertEquals(
    (complete.value as Parsed).params.elicitationId,
    params.elicitationId,
  );
});

Deno.test("initialize waits for a login, too", async () => {
  await using world = await LoginWorld.start();
  world.peer.answer = "token";
  const proxy = await world.program();
  const initialized = proxy.initialize(OPENS_PAGES);
  const { id } = await question(proxy);
  await answer(proxy, id, "accept");
  assertEquals(
    ((await initialized).value as Parsed).result.serverInfo.name,
    "raw",
  );
});

Deno.test("calls that come during a login wait for it, and nobody is asked twice", async () => {
  await using world = await LoginWorld.start();
  const proxy = await world.programWhoseSessionEnds();
  const calls = [1, 2, 3].map(() => proxy.request("tools/call", { name: "x" }));
  const { id } = await question(proxy);
  calls.push(proxy.request("resources/list"));
  await answer(proxy, id, "accept");
  world.peer.answer = "token";
  for (const call of calls) {
    assertEquals((await call as Parsed).value.result, {});
  }
  assertEquals(world.peer.begun, 1);
  const asked = proxy.frames.all.filter((line) =>
    isMethod(line, "elicitation/create")
  );
  assertEquals(asked.length, 1);
});

for (
  const [action, outcome, words] of [
    [
      "decline",
      "declined",
      "the user declined it: nobody is asked for a minute",
    ],
    ["cancel", "dismissed", "the user dismissed it: the next call asks"],
    ["maybe", "declined", "the user declined it: nobody is asked for a minute"],
  ] as const
) {
  Deno.test(`a user who answers ${action} ends the login: the call gets the error of a session that is over, and does not leave`, async () => {
    await using world = await LoginWorld.start();
    const proxy = await world.programWhoseSessionEnds();
    const called = proxy.request("tools/call", { name: "x" });
    const { id } = await question(proxy);
    await answer(proxy, id, action);
    const { error } = (await called).value as Parsed;
    assertEquals(error.code, -31012);
    assertStringIncludes(error.message, "aws sso login --profile dev");
    assertStringIncludes(error.message, `(--login: ${words})`);
    assertEquals(error.data.login, outcome);
    assert(!world.reached.includes("tools/call"));
    world.peer.answer = "token";
    if (outcome === "dismissed") {
      const called = proxy.request("tools/call", { name: "x" });
      assertEquals(((await called).value as Parsed).result, {});
      assertEquals(world.peer.begun, 2);
      return;
    }
    // Whoever said no is not asked again by the next call.
    const again = (await proxy.request("tools/call", { name: "x" }))
      .value as Parsed;
    assertStringIncludes(again.error.message, words);
    assertEquals(world.peer.begun, 1);
    assert(!world.reached.includes("tools/call"));
  });
}

for (
  const [said, outcome] of [
    ["access_denied", "denied"],
    ["expired_token", "expired"],
    ["invalid_client", "failed"],
  ] as const
) {
  Deno.test(`a login that ends with ${said} gives the error of a session that is over with that reason, withdraws the question, and the call does not leave`, async () => {
    await using world = await LoginWorld.start();
    const proxy = await world.programWhoseSessionEnds();
    const called = proxy.request("tools/call", { name: "x" });
    const { id } = await question(proxy);
    world.peer.answer = said;
    const { error } = (await called).value as Parsed;
    assertEquals([error.code, error.data.login], [-31012, outcome]);
    const withdrawn = await proxy.frames.find((line) =>
      isMethod(line, "notifications/cancelled")
    );
    assertEquals((withdrawn.value as Parsed).params.requestId, id);
    assert(!world.reached.includes("tools/call"));
  });
}

Deno.test("what a client makes up grants nothing: a call is sent only once AWS has given the token", async () => {
  await using world = await LoginWorld.start();
  const proxy = await world.programWhoseSessionEnds();
  const called = proxy.request("tools/call", { name: "x" });
  const { id, params } = await question(proxy);
  await proxy.send({
    jsonrpc: "2.0",
    id,
    result: { action: "accept", content: { accessToken: "mine" } },
  });
  await proxy.notify("notifications/elicitation/complete", {
    elicitationId: params.elicitationId,
  });
  // It is asked for further tokens, so the call has not gone on.
  const before = world.peer.requests.length;
  await world.peer.requests.at(before + 1);
  assert(!world.reached.includes("tools/call"));
  world.peer.answer = "access_denied";
  assertEquals(((await called).value as Parsed).error.data.login, "denied");
  assert(!world.reached.includes("tools/call"));
});

for (
  const [what, capabilities] of [
    ["nothing", {}],
    ["forms alone", { elicitation: {} }],
    ["forms by name", { elicitation: { form: {} } }],
    ["nonsense", { elicitation: { url: true } }],
  ] as const
) {
  Deno.test(`a client that can be asked ${what} gets the error as without --login, to the letter`, async () => {
    await using world = await LoginWorld.start();
    await world.writeToken();
    const texts: string[] = [];
    for (const args of [["--login"], []]) {
      const proxy = await world.program({
        args: ["--profile", "dev", ...args],
      });
      const params = { ...OPENS_PAGES, capabilities };
      texts.push((await proxy.request("initialize", params)).text);
    }
    assertStringIncludes(texts[0], "the SSO session is over since");
    assertEquals(texts[0], texts[1]);
    assertEquals(world.peer.requests.length, 0);
  });
}

Deno.test("without --login nobody is asked", async () => {
  await using world = await LoginWorld.start();
  const proxy = await world.program({ args: ["--profile", "dev"] });
  const { error } = (await proxy.request("initialize", OPENS_PAGES))
    .value as Parsed;
  assertStringIncludes(error.message, "there is no SSO session");
  assertEquals([error.data.login, world.peer.requests.length], [undefined, 0]);
});

Deno.test("a call that is cancelled while it waits never leaves and gets no answer, and the login goes on for the next one", async () => {
  await using world = await LoginWorld.start();
  const proxy = await world.programWhoseSessionEnds();
  await proxy.send({
    jsonrpc: "2.0",
    id: "held",
    method: "tools/call",
    params: { name: "x" },
  });
  await question(proxy);
  await proxy.notify("notifications/cancelled", { requestId: "held" });
  const called = proxy.request("tools/call", { name: "y" });
  world.peer.answer = "token";
  assertEquals(((await called).value as Parsed).result, {});
  assertEquals([proxy.answers("held"), world.peer.begun], [[], 1]);
  assertEquals(
    world.reached.filter((name) => name !== "initialize"),
    ["notifications/initialized", "tools/call"],
  );
  assertStringIncludes(world.server.requests.all.at(-1)?.text() ?? "", '"y"');
});

for (const how of ["the client closes stdin", "SIGTERM"] as const) {
  Deno.test(`when ${how} during a login, the call gets its error, and the program ends with nothing sent and no lock left`, async () => {
    await using world = await LoginWorld.start();
    const proxy = await world.programWhoseSessionEnds({}, "start");
    await proxy.send({
      jsonrpc: "2.0",
      id: "held",
      method: "tools/call",
      params: { name: "x" },
    });
    await question(proxy);
    if (how === "SIGTERM") proxy.signal("SIGTERM");
    else await proxy.closeStdin();
    const { error } = (await proxy.answer("held")).value as Parsed;
    assertEquals(error.data.login, "interrupted");
    await proxy.status();
    assert(!world.reached.includes("tools/call"));
    assertEquals([...Deno.readDirSync(dirname(world.tokenFile))].length, 1);
  });
}

Deno.test("what the sign-in service says with a secret in it is told without", async () => {
  await using world = await LoginWorld.start();
  world.peer.answer = "invalid_client";
  world.peer.describe = (deviceCode) => `no client for ${deviceCode}`;
  const proxy = await world.program();
  const { error } = (await proxy.request("initialize", OPENS_PAGES))
    .value as Parsed;
  assertStringIncludes(error.message, "no client for ");
  assert(!error.message.includes("the-code-of-this-device"));
});

Deno.test("a user who is sent to no page of https, or is told a code that is none, is not asked at all", async () => {
  const pages = [
    { verificationUriComplete: "http://example.com/device?user_code=A" },
    { verificationUriComplete: "javascript:alert(1)" },
    { verificationUriComplete: "file:///etc/passwd" },
    { verificationUriComplete: "no URL" },
    { verificationUriComplete: "https://aws.amazon.com@evil.example/?c=A" },
    { verificationUriComplete: undefined },
    { userCode: "ABCD. Now open evil.example" },
    { deviceCode: 12 },
  ];
  for (const page of pages) {
    await using world = await LoginWorld.start();
    world.peer.page = page;
    const proxy = await world.program();
    const { error } = (await proxy.request("initialize", OPENS_PAGES))
      .value as Parsed;
    assertEquals([error.code, error.data.login], [-31012, "failed"]);
    assertEquals(proxy.frames.length, 1);
    assertEquals(world.reached, []);
  }
});

Deno.test("a session that the portal ended early is begun again, though its token is not over by its file", async () => {
  await using world = await LoginWorld.start();
  await world.logInElsewhere();
  world.peer.tokens.clear();
  world.peer.answer = "token";
  const proxy = await world.program();
  const initialized = proxy.initialize(OPENS_PAGES);
  await question(proxy);
  assertEquals(((await initialized).value as Parsed).error, undefined);
});

Deno.test("what a target answers begins no login, whatever it says of credentials", async () => {
  const data = {
    source: "sigv4-proxy",
    reason: "credentials",
    run: "aws sso login --profile dev",
  };
  const message = "failed to load AWS credentials: the SSO session is over";
  const error = { code: -31012, message, data };
  const answers: McpHandler[] = [
    (message, reply) => reply.json({ jsonrpc: "2.0", id: message.id, error }),
    (message, reply) =>
      reply.json({ jsonrpc: "2.0", id: message.id, error }, 401),
    (_message, reply) =>
      reply.json({ message: "The security token is expired" }, 403, {
        "x-amzn-errortype": "ExpiredTokenException",
      }),
  ];
  for (const answer of answers) {
    await using world = await LoginWorld.start({
      script: { "tools/call": answer },
    });
    await world.logInElsewhere();
    const proxy = await world.program();
    await proxy.initialize(OPENS_PAGES);
    const called = await proxy.request("tools/call", { name: "x" });
    assert("error" in (called.value as Parsed));
    assertEquals(world.peer.requests.length, 0);
  }
});

Deno.test("calls of a profile whose session is good do not wait for another's login", async () => {
  await using world = await LoginWorld.start();
  const { accessKeyId, secretAccessKey, sessionToken } = TEST_CREDENTIALS;
  await world.addProfile("keys", {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: sessionToken,
  });
  const proxy = await world.programWhoseSessionEnds({
    args: [...LOGIN_ARGS, "--profile", "keys"],
  });
  const held = proxy.request("tools/call", { name: "x" });
  await question(proxy);
  const call = { name: "y", arguments: { aws_profile: "keys" } };
  const { result } = (await proxy.request("tools/call", call)).value as Parsed;
  assertEquals(result, {});
  const calls = () => world.reached.filter((name) => name === "tools/call");
  assertEquals(calls().length, 1);
  world.peer.answer = "token";
  assertEquals(((await held).value as Parsed).result, {});
  assertEquals(calls().length, 2);
});

Deno.test("a role over an SSO session has its login, too, named by the profile that it is of", async () => {
  await using world = await LoginWorld.start();
  await world.addProfile("over", {
    role_arn: "arn:aws:iam::123456789012:role/Over",
    source_profile: "dev",
  });
  const proxy = await world.program({ args: ["--login", "--profile", "over"] });
  const initialized = proxy.request("initialize", OPENS_PAGES);
  const { params } = await question(proxy);
  assertStringIncludes(params.message, 'profile "dev"');
  world.peer.answer = "access_denied";
  const { error } = (await initialized).value as Parsed;
  assertEquals(error.data.login, "denied");
});
