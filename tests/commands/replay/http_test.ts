/** Recordings of HTTP server mode, played by the same program and by others. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "../../../src/time.ts";
import type { Recording } from "../../recorder/recording.ts";
import { mcp, result, Sessions } from "../../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../../support/raw/server.ts";
import { RecordingDirectory, replay } from "../../recorder/recording.ts";

const TOKEN = "a-token-of-clients-0123456789";

/** Sends HTTP requests as clients do. */
class Client {
  readonly #url: string;
  readonly #session: Record<string, string> = {};

  constructor(url: string) {
    this.#url = url;
  }

  request(
    method: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    return fetch(this.#url, {
      method,
      signal,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        accept: "application/json, text/event-stream",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...this.#session,
        ...headers,
      },
      body: body === undefined || body instanceof Uint8Array
        ? body && Uint8Array.from(body)
        : JSON.stringify(body),
    });
  }

  async initialize(): Promise<void> {
    const answer = await this.request("POST", {
      jsonrpc: "2.0",
      id: 0,
      method: "initialize",
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      },
    });
    await answer.text();
    this.#session["mcp-session-id"] = answer.headers.get("mcp-session-id") ??
      "";
  }

  async call(name: string): Promise<string> {
    const answer = await this.request("POST", {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name, arguments: { on: "a thing" } },
    });
    return await answer.text().catch(() => "broken off");
  }
}

/** A target with sessions, JSON, events, refusals and streams that stand. */
function target() {
  let calls = 0;
  const target = mcp({
    "tools/call": async (message, reply) => {
      const { name } = message.params;
      if (name === "hang") return await reply.hang();
      if (name === "drop") return await reply.cut();
      if (name === "accept") return await reply.status(202);
      const text = `this is the answer ${++calls}`;
      const content = [{ type: "text", text: text.repeat(calls) }];
      if (name === "fail") return await reply.json({ message: "no" }, 503);
      if (!/^(?:cut|stream)$/.test(name)) {
        return await reply.json(result(message, { content }));
      }
      const stream = await reply.sse({}, { chunkBytes: 7 });
      if (name === "cut") return await stream.cut();
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/message",
        params: { level: "info", data: text },
      });
      await stream.message(result(message, { content }));
      await stream.end();
    },
    GET: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.message({
        jsonrpc: "2.0",
        method: "notifications/tools/list_changed",
      });
      await stream.closed;
    },
    DELETE: (_message, reply) => reply.status(200),
  }, new Sessions());
  const handler: RawHandler = async (request, reply) => {
    const isBroken = request.body.includes(0xff);
    await (isBroken ? reply.status(400) : target(request, reply));
  };
  return handler;
}

/** Whether a recording has the end of the last answer. */
function isWritten(text: string): boolean {
  const [, client] = /"client":(\d+),"method":"DELETE"/.exec(text) ?? [];
  return text.includes(`"kind":"closed","client":${client},`);
}

/** A recording of two clients that do all there is. */
async function record(
  directory: RecordingDirectory,
  ...args: string[]
): Promise<Recording> {
  await using server = await RawServer.start(target());
  await using proxy = await directory.startHere({
    target: server.url,
    args: ["--listen", "127.0.0.1:0", "--listen-token", TOKEN, ...args],
    permissions: { net: ["127.0.0.1:0"] },
  });
  const { value } = await proxy.waitForLog(({ value }) =>
    typeof value === "object" && value !== null && "url" in value
  );
  const url = String(Object(value).url);
  const [one, other] = [new Client(url), new Client(url)];
  const refused = await one.request("POST", {}, { authorization: "Bearer no" });
  assertEquals(refused.status, 401);
  await refused.text();
  await Promise.all([one.call("cut"), one.call("accept"), one.call("drop")]);
  await Promise.all([one.initialize(), other.initialize()]);
  const standing = await one.request("GET");
  const reader = standing.body?.getReader();
  await reader?.read();
  await Promise.all([one.call("work"), other.call("work"), one.call("stream")]);
  await other.call("fail");
  // Node gives its values as an array.
  const odd = { "set-cookie": "a=1" };
  await (await one.request("POST", "no message", odd)).text();
  const noText = Uint8Array.of(0x22, 0xff, 0xc3, 0xa9, 0xff, 0xff, 0x22);
  await (await one.request("POST", noText)).text();
  const leaving = new AbortController();
  const call = { jsonrpc: "2.0", id: 9, method: "tools/call" };
  const hanging = one.request(
    "POST",
    { ...call, params: { name: "hang" } },
    {},
    leaving.signal,
  );
  await server.requests.find(({ body }) =>
    new TextDecoder().decode(body).includes('"hang"')
  );
  leaving.abort();
  await hanging.catch(() => {});
  await (await other.request("DELETE")).text();
  // A stop leaves little time for what waits.
  while (!isWritten(await Deno.readTextFile(directory.path))) await delay(20);
  proxy.signal("SIGTERM");
  await proxy.status();
  await reader?.cancel().catch(() => {});
  return await directory.read();
}

Deno.test("a recording of two clients over HTTP is played without a difference", async () => {
  await using directory = await RecordingDirectory.make();
  const { lines } = await record(directory);
  const closed = lines.flatMap((line) =>
    line.kind === "closed" ? [line.by] : []
  );
  assertEquals(new Set(closed), new Set(["proxy", "cut", "client", "stop"]));
  const told = lines.filter(({ kind }) => kind === "out").map((line) =>
    "text" in line ? line.text : ""
  );
  assert(told.some((text) => text?.includes('"no"')), "an error has its words");
  for (const way of [["--fast"], []]) {
    const { code, text } = await replay(directory.path, ...way);
    assertEquals(code, 0, text);
    assertStringIncludes(
      text,
      "HTTP requests that were refused or too long to be kept: 1",
    );
    assertStringIncludes(
      text,
      "HTTP requests that were not answered to the end: 1",
    );
    assertStringIncludes(text, "as it was:");
  }
});

Deno.test("a program that answers clients over HTTP otherwise than then is told", async () => {
  await using directory = await RecordingDirectory.make();
  await record(directory);
  const recorded = await Deno.readTextFile(directory.path);
  const changes = [
    ['"--read-only=false"', '"--deny-tool=work"', "differs: client "],
    [
      /"kind":"closed","client":2,"status":200/,
      '"kind":"closed","client":2,"status":404',
      "differs: end 1: status: then 404, today 200",
    ],
    // The first is what the target said.
    [
      String.raw`\"level\":\"info\"`,
      String.raw`\"level\":\"alert\"`,
      "today event: message",
    ],
  ] as const;
  // Some wait for what does not come.
  await Promise.all(changes.map(async ([from, to, differs]) => {
    await using directory = await RecordingDirectory.make();
    const other = recorded.replace(from, to);
    assert(other !== recorded, "something is changed");
    await Deno.writeTextFile(directory.path, other);
    const { code, text } = await replay(directory.path, "--fast");
    assertEquals(code, 1, text);
    assertStringIncludes(text, differs);
  }));
});

Deno.test("a client's head that HTTP does not take is played without what it does not take", async () => {
  await using directory = await RecordingDirectory.make();
  await record(directory);
  const recorded = await Deno.readTextFile(directory.path);
  const other = recorded.replace(
    /("kind":"in".*?"headers":\{)/,
    '$1"x\\r\\n":"y","x-other":"a\\u0000…",',
  );
  assert(other !== recorded, "something is changed");
  await Deno.writeTextFile(directory.path, other);
  const { code, text } = await replay(directory.path, "--fast");
  assertEquals(code, 0, text);
});
