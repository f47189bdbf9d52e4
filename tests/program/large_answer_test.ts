import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { ProxyError } from "../../src/errors.ts";
import { largeAnswer } from "../../src/mcp/transport/answers/json_answer.ts";
import type { RequestId } from "../../src/mcp/wire/message.ts";
import { joinBytes } from "../../src/mcp/wire/bytes.ts";
import { OPTION_NAMES } from "../../src/naming.ts";
import { mcp, type McpHandler } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { commandLine, spawn } from "../support/program/launch.ts";
import { StreamClient } from "../support/stream/client.ts";

const MIB = 1024 * 1024;
const RAISED = 512 * MIB;
const ID: RequestId = { source: "1", key: "n:1" };

/** An answer whose result is `parts` MiB of text, sent MiB by MiB. */
function large(
  parts: number,
  options: {
    before?: string;
    after?: (stream: { cut(): Promise<void> }) => Promise<void>;
    newline?: string;
  } = {},
): McpHandler {
  const { newline = "" } = options;
  const mebibyte = "x".repeat(MIB - newline.length);
  return async (message, reply) => {
    const stream = await reply.stream(200, {
      "content-type": "application/json",
    });
    const before = options.before ??
      `{"jsonrpc":"2.0",${newline}"id":${JSON.stringify(message.id)},`;
    await stream.raw(`${before}"result":{"parts":[`);
    for (let part = 0; part < parts; part++) {
      await stream.raw(`${part === 0 ? "" : ","}${newline}"${mebibyte}"`);
    }
    if (options.after) return await options.after(stream);
    await stream.raw("]}}");
    await stream.end();
  };
}

Deno.test("where the limit is raised, a large answer passes whole, its newlines as spaces", async () => {
  await using server = await RawServer.start(mcp({
    m: large(20, { newline: "\n" }),
  }));
  await using client = new StreamClient({
    url: server.url,
    maxAnswerBytes: RAISED,
  });
  client.request(1, "m");
  client.request(2, "other");
  const { json } = await client.answer(1);
  assertEquals(json.result.parts.length, 20);
  assertEquals(
    client.frames.filter((frame) => frame.json.id === 1).length,
    1,
  );
});

Deno.test("where the limit is raised, a large answer under another spelling of the ID is delivered under the client's own", async () => {
  await using server = await RawServer.start(mcp({
    m: large(20, { before: '{"jsonrpc":"2.0","id":"1",' }),
  }));
  await using client = new StreamClient({
    url: server.url,
    maxAnswerBytes: RAISED,
  });
  client.request(1, "m");
  assertEquals((await client.answer(1)).json.result.parts.length, 20);
});

Deno.test("at the usual limit a large answer is frame-too-large", async () => {
  await using server = await RawServer.start(mcp({ m: large(11) }));
  await using client = new StreamClient({ url: server.url });
  client.request(1, "m");
  assertEquals((await client.next()).json.error.code, -31016);
});

Deno.test("a large answer that breaks ends its line, and the error for its ID follows", async () => {
  await using server = await RawServer.start(mcp({
    m: large(12, { after: (stream) => stream.cut() }),
  }));
  await using proxy = await ProxyProcess.startHere({
    target: server.url,
    args: ["--max-answer", "512MiB"],
  });
  await proxy.send({ jsonrpc: "2.0", id: 1, method: "m" });
  const broken = await proxy.next();
  assertEquals(broken.value, undefined);
  assertStringIncludes(broken.text.slice(0, 40), '"id":1');
  const { value } = await proxy.next();
  assertEquals(Reflect.get(value as object, "id"), 1);
  assertStringIncludes(JSON.stringify(value), "stream-cut");
  const { value: after } = await proxy.request("other");
  assertStringIncludes(JSON.stringify(after), "result");
});

Deno.test("a large body that is no answer to the request is never forwarded", async () => {
  for (const before of ["[{", '{"id":77,', '{"method":"n",']) {
    await using server = await RawServer.start(mcp({
      m: large(10, { before }),
    }));
    await using client = new StreamClient({
      url: server.url,
      maxAnswerBytes: RAISED,
    });
    client.request(1, "m");
    assertEquals((await client.next()).json.error.data.reason, "bad-answer");
  }
});

/** What passes of a body, piece by piece, as the answer to request 1. */
async function passed(body: string, pieceBytes: number) {
  const bytes = new TextEncoder().encode(body);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    pieces.push(bytes.slice(at, at + pieceBytes));
  }
  const head = { bytes: joinBytes(pieces.splice(0, 2)), isComplete: false };
  const rest = { next: () => Promise.resolve(pieces.shift()) };
  let text = "";
  let fault: unknown;
  try {
    const limits = {
      maxAnswerBytes: RAISED,
      names: OPTION_NAMES,
      id: ID,
      take: () => true,
    };
    for await (const piece of largeAnswer(head, rest, limits)) {
      text += new TextDecoder().decode(piece);
    }
  } catch (error) {
    fault = error instanceof ProxyError ? error.reason : error;
  }
  return { text, fault };
}

Deno.test("a large answer that is right passes to the letter, however it is cut", async () => {
  const long = JSON.stringify('\\"[{'.repeat(500));
  const body =
    `{"jsonrpc":"2.0","result":{"a":[${long},{"b":[1e-5,null]}]},"id":1}\n `;
  for (const pieceBytes of [1, 2, 3, 7, 100, 10_000]) {
    const { text, fault } = await passed(body, pieceBytes);
    assertEquals([JSON.parse(text), fault], [JSON.parse(body), undefined]);
  }
});

const LONG = `"result":"${"x".repeat(3000)}"`;
for (
  const [what, body] of [
    ["is cut off", `{"jsonrpc":"2.0","id":1,${LONG}`],
    ["has another ID after its result", `{"jsonrpc":"2.0",${LONG},"id":77}`],
    ["has no ID", `{"jsonrpc":"2.0",${LONG}}`],
    ["has no jsonrpc member", `{"id":1,${LONG}}`],
    ["has a method", `{"jsonrpc":"2.0","id":1,${LONG},"method":"m"}`],
    ["has an error, too", `{"jsonrpc":"2.0","id":1,${LONG},"error":{}}`],
    ["goes on after its end", `{"jsonrpc":"2.0","id":1,${LONG}} {"a":1}`],
    ["is no JSON inside", `{"jsonrpc":"2.0","id":1,"a":[<html>],${LONG}}`],
    ["mixes its brackets", `{"jsonrpc":"2.0","id":1,"a":[1},${LONG}]}`],
  ]
) {
  Deno.test(`a large answer that ${what} is bad, and what passed of it cannot be read`, async () => {
    for (const pieceBytes of [1, 7, 1000, 10_000]) {
      const { text, fault } = await passed(`${body}\n`, pieceBytes);
      assertEquals(fault, "bad-answer", `pieces of ${pieceBytes}`);
      let isReadable = true;
      try {
        JSON.parse(text);
      } catch {
        isReadable = false;
      }
      assertEquals(isReadable, false);
    }
  });
}

Deno.test("a large answer that stalls fails without waiting for the rest", async () => {
  const gate = Promise.withResolvers<undefined>();
  const head = {
    bytes: new TextEncoder().encode('{"jsonrpc":"2.0","id":1,'),
    isComplete: false,
  };
  const pieces = largeAnswer(head, { next: () => gate.promise }, {
    maxAnswerBytes: RAISED,
    names: OPTION_NAMES,
    id: ID,
    take: () => true,
    stallLimitMs: 1,
  });
  const error = await assertRejects(
    () => Array.fromAsync(pieces),
    ProxyError,
    "stalled for 1 ms",
  );
  assertEquals(error.reason, "stream-cut");
});

Deno.test("a large answer over the raised limit ends its line, and the error follows", async () => {
  await using server = await RawServer.start(mcp({ m: large(20) }));
  await using proxy = await ProxyProcess.startHere({
    target: server.url,
    args: ["--max-answer", "15MiB"],
  });
  await proxy.send({ jsonrpc: "2.0", id: 1, method: "m" });
  assertEquals((await proxy.next()).value, undefined);
  assertStringIncludes((await proxy.next()).text, "--max-answer");
});

Deno.test({
  name: "an answer of 128 MiB raises peak memory by less than 32 MiB",
  // The kernel's own account of the peak is in /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await RawServer.start(mcp({ m: large(128) }));
    await using line = await commandLine({
      target: server.url,
      args: ["--max-answer", "512MiB"],
    });
    const child = spawn(line, "null");
    const writer = child.stdin.getWriter();
    const send = (message: unknown) =>
      writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
    // What any call needs.
    await send({ jsonrpc: "2.0", id: 0, method: "other" });
    const chunks = child.stdout[Symbol.asyncIterator]();
    await chunks.next();
    const before = await peakBytes(child.pid);
    await send({ jsonrpc: "2.0", id: 1, method: "m" });
    let received = 0;
    for (;;) {
      const { value } = await chunks.next();
      received += value?.length ?? 0;
      if (!value || value.at(-1) === 0x0a) break;
    }
    const after = await peakBytes(child.pid);
    await writer.close();
    await child.status;
    assert(received > 128 * MIB);
    const raised = Math.round((after - before) / MIB);
    assert(raised < 32, `peak memory rose by ${raised} MiB`);
  },
});

/** The most memory that a process has held so far. */
async function peakBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kibibytes) * 1024;
}
