/** When a failure proves that the target did not run a call. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type H2Reply, H2Server } from "./h2_server.ts";
import { INITIALIZED, result } from "../../support/raw/mcp.ts";
import { StreamClient } from "../../support/stream/client.ts";

const REFUSED_STREAM = 7;
const NO_ERROR = 0;
const INTERNAL_ERROR = 2;
const ENHANCE_YOUR_CALM = 11;

/** Calls a tool of a target that meets the first call in some way. */
async function called(meet: (reply: H2Reply) => Promise<void>) {
  let sent = 0;
  let ran = 0;
  await using server = new H2Server(async (body, reply) => {
    const message = JSON.parse(body);
    if (message.method !== "tools/call") {
      return await reply.json(result(message, INITIALIZED));
    }
    if (sent++ === 0) return await meet(reply);
    ran++;
    await reply.json(result(message, { said: "ok" }));
  });
  using http = Deno.createHttpClient({ caCerts: [server.root] });
  await using client = new StreamClient({
    url: server.url,
    fetch: (input, init) => fetch(input, { ...init, client: http }),
  });
  client.request("init", "initialize", { protocolVersion: "2025-11-25" });
  await client.answer("init");
  client.request(3, "tools/call", { name: "order" });
  return { json: (await client.answer(3)).json, sent, ran };
}

const UNPROCESSED: Record<string, (reply: H2Reply) => Promise<void>> = {
  "REFUSED_STREAM": (reply) => reply.reset(REFUSED_STREAM),
  "GOAWAY below its stream": (reply) =>
    reply.goAway(reply.stream - 2, NO_ERROR),
  "GOAWAY below its stream, and the end of the connection": async (reply) => {
    await reply.goAway(reply.stream - 2, NO_ERROR);
    reply.close();
  },
  "GOAWAY for its load, below its stream": (reply) =>
    reply.goAway(reply.stream - 2, ENHANCE_YOUR_CALM),
};

for (const [what, meet] of Object.entries(UNPROCESSED)) {
  Deno.test(`a call that met ${what} is sent again, and run once`, async () => {
    const { json, sent, ran } = await called(meet);
    assertEquals([json.result, sent, ran], [{ said: "ok" }, 2, 1]);
  });
}

const UNKNOWN: Record<string, (reply: H2Reply) => Promise<void>> = {
  "another reset of its stream": (reply) => reply.reset(INTERNAL_ERROR),
  "GOAWAY that counts its stream": async (reply) => {
    await reply.goAway(reply.stream, NO_ERROR);
    reply.close();
  },
  "GOAWAY that counts all streams": async (reply) => {
    await reply.goAway(0x7fffffff, NO_ERROR);
    reply.close();
  },
  "an error of the connection after its stream": async (reply) => {
    await reply.goAway(reply.stream, INTERNAL_ERROR);
    reply.close();
  },
};

for (const [what, meet] of Object.entries(UNKNOWN)) {
  Deno.test(`a call that met ${what} may have run, and is not sent again`, async () => {
    const { json, sent } = await called(meet);
    assertEquals([json.error.data.reason, sent], ["unreachable", 1]);
    assertEquals(json.error.data.mayHaveRun, true);
    assertStringIncludes(json.error.message, "the request may have run");
  });
}
