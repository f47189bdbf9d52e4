/** Requests that wait for credentials when they are stopped or cancelled. */
import { assertEquals } from "@std/assert";
import type { Credentials } from "../../src/aws/credentials/types.ts";
import { createSignedFetch } from "../../src/aws/signing/signed_fetch.ts";
import { Arrivals } from "../support/arrivals.ts";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { modern } from "../support/stream/modern_message.ts";
import { mcp, request, result, Sessions } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { StreamClient } from "../support/stream/client.ts";
import { StreamWorld } from "../support/stream/world.ts";
import { TEST_CREDENTIALS, TEST_SCOPE } from "../support/aws/test_identity.ts";

/** Credentials that are there at once, until they are kept back. */
class KeptCredentials {
  /** Who asked since then. */
  readonly asked = new Arrivals<string>("request for credentials");
  #kept: Promise<Credentials> | undefined;

  keepBack(): () => void {
    const { promise, resolve } = Promise.withResolvers<Credentials>();
    this.#kept = promise;
    return () => resolve(TEST_CREDENTIALS);
  }

  readonly get = (): Promise<Credentials> => {
    if (this.#kept) this.asked.add("one");
    return this.#kept ?? Promise.resolve(TEST_CREDENTIALS);
  };
}

async function world(credentials: KeptCredentials): Promise<StreamWorld> {
  const sessions = new Sessions();
  const server = await RawServer.start(
    mcp({ call: (message, reply) => reply.json(result(message)) }, sessions),
  );
  const fetch = createSignedFetch({
    ...TEST_SCOPE,
    origin: server.url,
    credentials,
  });
  const client = new StreamClient({ url: server.url, fetch });
  return new StreamWorld(server, client, sessions);
}

for (const [era, params] of [["legacy", {}], ["modern", modern()]] as const) {
  Deno.test(`at a stop a request of the ${era} era that waits for credentials has not run`, async () => {
    const credentials = new KeptCredentials();
    await using w = await world(credentials);
    if (era === "legacy") await w.initialize();
    credentials.keepBack();
    w.client.request(1, "call", params);
    await credentials.asked.at(0);
    w.client.stop();
    const [{ json: { error } }] = await w.client.close();
    assertEquals([error.message, error.data.mayHaveRun], [
      "the proxy is stopping, and there were no credentials yet",
      false,
    ]);
  });

  Deno.test(`a request of the ${era} era that is cancelled while it waits for credentials is never sent`, async () => {
    const credentials = new KeptCredentials();
    await using w = await world(credentials);
    if (era === "legacy") await w.initialize();
    const give = credentials.keepBack();
    w.client.request(1, "call", params);
    await credentials.asked.at(0);
    w.client.notify("notifications/cancelled", { requestId: 1 });
    w.client.request(2, "m", params);
    // The cancellation was read before.
    await credentials.asked.at(1);
    give();
    await w.client.answer(2);
    assertEquals(await w.client.close(), []);
    assertEquals(w.posted.filter((name) => /call|cancel/.test(name)), []);
  });
}

Deno.test("at a stop of the HTTP server a request that waits for credentials has not run", async () => {
  const credentials = new KeptCredentials();
  await using target = await RawServer.start(mcp({}));
  using fetch = createSignedFetch({
    ...TEST_SCOPE,
    origin: target.url,
    credentials,
  });
  await using proxy = await HttpProxy.start({
    target: target.url,
    fetch,
    drainMs: 1,
  });
  credentials.keepBack();
  const posted = proxy.post(request("tools/call", 1));
  await credentials.asked.at(0);
  proxy.stop();
  const { error } = await (await posted).json();
  assertEquals([error.message, error.data.mayHaveRun], [
    "the proxy is stopping, and there were no credentials yet",
    false,
  ]);
  assertEquals(target.requests.length, 0);
});

Deno.test("at a stop an initialize over HTTP+SSE whose stream waits for credentials is told of them", async () => {
  const credentials = new KeptCredentials();
  credentials.keepBack();
  await using server = await RawServer.start(mcp({}));
  using fetch = createSignedFetch({
    ...TEST_SCOPE,
    origin: server.url,
    credentials,
  });
  const { url } = server;
  await using client = new StreamClient({ url, fetch, transport: "sse" });
  client.request(1, "initialize", {});
  await credentials.asked.at(0);
  client.stop();
  const { json: { error } } = await client.answer(1);
  assertEquals([error.message, error.data.mayHaveRun], [
    "the proxy is stopping, and there were no credentials yet",
    false,
  ]);
});
