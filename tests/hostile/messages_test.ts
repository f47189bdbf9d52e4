/** Messages that cost more to read than they are long, and a small heap. */
import { assert, assertEquals } from "@std/assert";
import { within } from "../support/time/deadline.ts";
import { commandLine, spawn } from "../support/program/launch.ts";
import { mcp } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";

const MIB = 1024 * 1024;

const nested = (open: string, close: string, bytes: number) => {
  const levels = Math.floor(bytes / (open.length + close.length));
  return `${open.repeat(levels)}1${close.repeat(levels)}`;
};

/** Texts of about a size, cheap to send. */
const VALUES: Readonly<Record<string, (bytes: number) => string>> = {
  "nested arrays": (bytes) => nested("[", "]", bytes),
  "nested objects": (bytes) => nested('{"a":', "}", bytes),
  "an array of numbers": (bytes) => `[${"1,".repeat(bytes / 2)}1]`,
  "an array of empty objects": (bytes) => `[${"{},".repeat(bytes / 3)}{}]`,
  "an object of many members": (bytes) =>
    `{${'"a":1,'.repeat(bytes / 6)}"b":2}`,
  "one string": (bytes) => `"${"x".repeat(bytes)}"`,
};

/** A program whose frames are counted, not parsed. */
async function start(
  target: URL,
  args: readonly string[] = [],
  heapMib = 256,
) {
  const line = await commandLine({
    target,
    args,
    env: { MCP_LOG_LEVEL: "info" },
    denoFlags: [`--v8-flags=--max-old-space-size=${heapMib}`],
  });
  const child = spawn(line, "null");
  const writer = child.stdin.getWriter();
  const chunks = child.stdout[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return {
    peakMib: () => memoryMib(child.pid, "VmHWM"),
    residentMib: () => memoryMib(child.pid, "VmRSS"),
    /** Lets the peak begin anew. */
    resetPeak: async () => {
      if (Deno.build.os !== "linux") return;
      await Deno.writeTextFile(`/proc/${child.pid}/clear_refs`, "5");
    },
    send: async (text: string) => {
      await writer.write(encoder.encode(text));
      await writer.write(encoder.encode("\n"));
    },
    /** How long the next line is, and how it begins. */
    next: async (): Promise<{ length: number; head: string }> => {
      let length = 0;
      let head = "";
      for (;;) {
        const { value } = await within(chunks.next(), "a line", 60_000);
        if (!value) throw new Error("the program has ended");
        if (head.length < 300) head += new TextDecoder().decode(value);
        length += value.length;
        if (value.at(-1) === 0x0a) return { length, head: head.slice(0, 300) };
      }
    },
    [Symbol.asyncDispose]: async () => {
      await writer.close().catch(() => {});
      await chunks.return?.();
      child.kill("SIGTERM");
      await child.status;
      await line[Symbol.asyncDispose]();
    },
  };
}

async function memoryMib(pid: number, what: string): Promise<number> {
  if (Deno.build.os !== "linux") return 0;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kibibytes] = new RegExp(`^${what}:\\s+(\\d+) kB$`, "m")
    .exec(status) ?? [];
  return Number(kibibytes) / 1024;
}

/** How often it is measured: now and then the heap grows by itself meanwhile. */
const TRIES = 4;

/** What Deno itself takes beside twice a frame: it copies each Blob. */
const ROOM_MIB = 12;

Deno.test("an answer of 9.4 MiB takes no more than twice its size, as a body, in chunks or as an event, and a frame of 30 MiB hardly more", async () => {
  const text = `{"jsonrpc":"2.0","id":3,"result":{"x":"${
    "x".repeat(9.4 * MIB | 0)
  }"}}`;
  await using server = await RawServer.start(mcp({
    whole: (_message, reply) =>
      reply.status(200, { "content-type": "application/json" }, text),
    chunks: async (_message, reply) => {
      const headers = { "content-type": "application/json" };
      const stream = await reply.stream(200, headers);
      for (let at = 0; at < text.length; at += 16 * 1024) {
        await stream.raw(text.slice(at, at + 16 * 1024));
      }
      await stream.end();
    },
    event: async (_message, reply) => {
      const stream = await reply.sse();
      await stream.raw(`data: ${text}\n\n`);
      await stream.end();
    },
  }));
  const frame =
    `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","arguments":{"x":"${
      "x".repeat(30 * MIB)
    }"}}}`;
  const messages: readonly (readonly [string, number])[] = [
    ...["whole", "chunks", "event"].map((method) =>
      [`{"jsonrpc":"2.0","id":3,"method":"${method}"}`, 2 * 9.4] as const
    ),
    [frame, 2 * 30 + ROOM_MIB],
  ];
  for (const [message, allowedMib] of messages) {
    let raised = Infinity;
    for (let n = 0; n < TRIES && raised > allowedMib; n++) {
      raised = Math.min(raised, await raisedMib(server.url, message));
    }
    const what = message.slice(0, 50);
    assert(raised <= allowedMib, `${what}: ${raised} MiB of ${allowedMib}`);
  }
});

/** By how much a message raises the peak of a program that has warmed up. */
async function raisedMib(target: URL, message: string): Promise<number> {
  await using program = await start(target);
  for (let n = 0; n < 200; n++) {
    await program.send(`{"jsonrpc":"2.0","id":${n},"method":"ping"}`);
    await program.next();
  }
  const before = await program.residentMib();
  await program.resetPeak();
  await program.send(message);
  await program.next();
  return await program.peakMib() - before;
}

// A quarter of what may pass in a quarter of the heap takes a quarter of the
// time; of answers and of frames one kind is as large as it may be.
for (const [what, value] of Object.entries(VALUES)) {
  const [answerMib, heapMib, limitMib] = what === "one string"
    ? [9.4, 256, 120]
    : [2.4, 64, 60];
  Deno.test(`answers of ${answerMib} MiB with ${what} pass a heap of ${heapMib} MiB, as bodies, as events, and past a tool policy`, async () => {
    const text = `{"jsonrpc":"2.0","id":3,"result":{"x":${
      value(answerMib * MIB | 0)
    }},"error":null}`;
    await using server = await RawServer.start(mcp({
      body: (_message, reply) =>
        reply.status(200, { "content-type": "application/json" }, text),
      event: async (_message, reply) => {
        const stream = await reply.sse();
        await stream.raw(`data: ${text}\n\n`);
        await stream.end();
      },
      broken: (_message, reply) =>
        reply.status(
          200,
          { "content-type": "application/json" },
          text.slice(0, -1),
        ),
    }));
    await using program = await start(
      server.url,
      ["--deny-tool", "x"],
      heapMib,
    );
    await program.send('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    await program.next();
    const before = await program.peakMib();
    for (const method of ["body", "event"]) {
      await program.send(`{"jsonrpc":"2.0","id":3,"method":"${method}"}`);
      const { length } = await program.next();
      assert(length > (answerMib - 0.4) * MIB, `${length}`);
    }
    await program.send('{"jsonrpc":"2.0","id":3,"method":"broken"}');
    assert((await program.next()).head.includes("-31011"));
    const raised = await program.peakMib() - before;
    assert(raised < limitMib, `${raised} MiB`);
  });
}

/** Each but the string would take more than the heap, were it parsed. */
const FRAMES: Readonly<Record<string, readonly [mib: number, heap: number]>> = {
  "nested arrays": [5, 64],
  "nested objects": [8, 64],
  "an array of numbers": [15, 64],
  "an array of empty objects": [5, 64],
  "an object of many members": [5, 64],
  "one string": [60, 256],
};

for (const [what, value] of Object.entries(VALUES)) {
  const [frameMib, heapMib] = FRAMES[what];
  Deno.test(`a frame of ${frameMib} MiB with ${what} passes a heap of ${heapMib} MiB, and one that is no JSON is refused`, async () => {
    await using server = await RawServer.start(async (request, reply) => {
      const length = request.body.length;
      await reply.json({ jsonrpc: "2.0", id: 3, result: { length } });
    });
    const text =
      `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","arguments":{"x":${
        value(frameMib * MIB)
      }}}}`;
    await using program = await start(server.url, [], heapMib);
    await program.send(text);
    const { head } = await program.next();
    assertEquals(JSON.parse(head).result?.length, text.length, head);
    await program.send(`${text}]`);
    assert((await program.next()).head.includes("-32700"));
    assertEquals(server.requests.length, 1);
  });
}

const MEMBERS = Array.from({ length: 200_000 }, (_, n) => `"k${n}":{}`).join();

for (const args of [["--deny-tool=bad*"], []]) {
  Deno.test(`a list of tools among 200,000 other members passes a heap of 64 MiB, or is refused (${args})`, async () => {
    await using server = await RawServer.start(mcp({
      "tools/list": ({ id }, reply) =>
        reply.status(
          200,
          { "content-type": "application/json" },
          `{"jsonrpc":"2.0","id":${id},"result":{${MEMBERS},"tools":[]}}`,
        ),
    }));
    await using program = await start(server.url, args, 64);
    await program.send('{"jsonrpc":"2.0","id":3,"method":"tools/list"}');
    const { head, length } = await program.next();
    if (args.length === 0) assert(length > MEMBERS.length, head);
    else assert(head.includes("it has too many members"), head);
  });
}

Deno.test("a call of 600,000 members passes a heap of 64 MiB, with metadata put in, and with a tool policy is refused", async () => {
  await using server = await RawServer.start(async (request, reply) => {
    const hasMeta = request.text().includes('"_meta":{"a":"b"}');
    await reply.json({ jsonrpc: "2.0", id: 3, result: { hasMeta } });
  });
  const members = `{${MEMBERS},${MEMBERS},${MEMBERS},"name":"bad1"}`;
  const call =
    `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":${members}}`;
  await using plain = await start(server.url, ["--metadata=a=b"], 64);
  await plain.send(call);
  assert((await plain.next()).head.includes('"hasMeta":true'));
  await using gated = await start(server.url, ["--deny-tool=bad*"], 64);
  await gated.send(call);
  assert((await gated.next()).head.includes("too many members"));
});

Deno.test("a call of 5 MiB that is sent once more is sent whole, with metadata and without", async () => {
  for (const args of [[], ["--metadata=a=b"], ["--bridge"]]) {
    const lengths: number[] = [];
    await using server = await RawServer.start(async (request, reply) => {
      if (!request.text().includes('"tools/call"')) return await reply.json({});
      lengths.push(request.body.length);
      const { length } = lengths;
      if (length > 1) {
        return await reply.json({ jsonrpc: "2.0", id: 3, result: { length } });
      }
      await reply.status(503, { "retry-after": "0" }, "");
    });
    await using program = await start(server.url, args);
    await program.send(
      `{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","arguments":{"x":"${
        "x".repeat(5 * MIB)
      }"}}}`,
    );
    const { head } = await program.next();
    assertEquals(JSON.parse(head).result?.length, 2, head);
    assertEquals(lengths[0], lengths[1]);
    assert(lengths[0] > 5 * MIB);
  }
});
