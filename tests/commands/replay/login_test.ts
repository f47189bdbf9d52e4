/** `replay` of recordings in which the user was asked to sign in. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";
import { LOGIN_ARGS, LoginWorld } from "../../support/aws/login_world.ts";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";
import { modern } from "../../support/stream/modern_message.ts";
import { type Parsed, question } from "../../program/login/login_calls.ts";

/** What a replay of the program's recording says, once the program has ended. */
async function played(
  proxy: ProxyProcess,
  directory: RecordingDirectory,
): Promise<string> {
  await proxy.closeStdin();
  await proxy.status();
  const { code, text } = await replay(directory.path, "--fast");
  assertEquals(code, 0, text);
  return text;
}

for (const action of ["accept", "decline"]) {
  Deno.test(`a recording of a user who is asked to sign in, and answers ${action}, is played without that`, async () => {
    await using world = await LoginWorld.start();
    await using directory = await RecordingDirectory.make();
    const args = [...LOGIN_ARGS, "--record", directory.path];
    const proxy = await world.programWhoseSessionEnds({ args });
    const called = proxy.request("tools/call", { name: "x" });
    const { id } = await question(proxy);
    await proxy.send({ jsonrpc: "2.0", id, result: { action } });
    if (action === "accept") world.peer.answer = "token";
    await called;
    const text = await played(proxy, directory);
    assertStringIncludes(
      text,
      "not played: messages in which the user was asked to sign in",
    );
  });
}

Deno.test("a recording of a call that comes again once its user has signed in is played without it", async () => {
  await using world = await LoginWorld.start();
  await using directory = await RecordingDirectory.make();
  await world.writeToken();
  const args = [...LOGIN_ARGS, "--record", directory.path];
  const proxy = await world.program({ args });
  const capabilities = { elicitation: { url: {} } };
  const params = modern({ name: "x" }, {
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  });
  const told: Parsed = (await proxy.request("tools/call", params)).value;
  const { requestState } = told.result;
  world.peer.answer = "token";
  await proxy.request("tools/call", {
    ...params,
    inputResponses: { login: { action: "accept" } },
    requestState,
  });
  await proxy.request("tools/call", params);
  const text = await played(proxy, directory);
  assertStringIncludes(
    text,
    "not played: messages in which the user was asked to sign in",
  );
  assertStringIncludes(text, "1 messages in, 1 out");
});
