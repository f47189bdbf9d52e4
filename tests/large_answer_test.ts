import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mcp, type McpHandler } from "./support/raw_mcp.ts";
import { RawServer } from "./support/raw_server.ts";
import { ProxyProcess } from "./support/proxy_process.ts";
import { commandLine } from "./support/launch.ts";
import { StreamClient } from "./support/stream_client.ts";

const MIB = 1024 * 1024;
const RAISED = 512 * MIB;

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
  await using proxy = await ProxyProcess.start({
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

Deno.test("a large answer over the raised limit ends its line, and the error follows", async () => {
  await using server = await RawServer.start(mcp({ m: large(20) }));
  await using proxy = await ProxyProcess.start({
    target: server.url,
    args: ["--max-answer", "15MiB"],
  });
  await proxy.send({ jsonrpc: "2.0", id: 1, method: "m" });
  assertEquals((await proxy.next()).value, undefined);
  assertStringIncludes((await proxy.next()).text, "--max-answer");
});

Deno.test({
  name: "an answer of 256 MiB raises peak memory by less than 32 MiB",
  // The kernel's own account of the peak is in /proc.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = await RawServer.start(mcp({ m: large(256) }));
    await using line = await commandLine({
      target: server.url,
      args: ["--max-answer", "512MiB"],
    });
    const child = new Deno.Command(line.command, {
      args: line.args,
      env: line.env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
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
    assert(received > 256 * MIB);
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
