/** The whole program with `--record`. */
import {
  assert,
  assertEquals,
  assertObjectMatch,
  assertStringIncludes,
} from "@std/assert";

import { holdsOnce } from "../support/time/attempts.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp, result, Sessions } from "../support/raw/mcp.ts";
import { type RawHandler, RawServer } from "../support/raw/server.ts";
import { keysOf, type Recording, RecordingDirectory } from "./recording.ts";
import { NO_KEYS, TEST_CREDENTIALS } from "../support/aws/test_identity.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { tempDir } from "../support/temp_dir.ts";

const SAID = "what nobody else may read";
const ARGUMENT = "the argument of somebody";
const HEADER = "header-value-0123456789";

const CALL = {
  name: "greet",
  arguments: { who: ARGUMENT, "a day, a year": 12345 },
};

/** Forgets the session at the second call, and cuts the answer to the fourth. */
function faulty(sessions: Sessions): RawHandler {
  let calls = 0;
  return mcp({
    "tools/call": async (message, reply) => {
      calls++;
      if (calls === 2) {
        sessions.known.clear();
        return await reply.json({ error: "Session not found" }, 404);
      }
      const stream = await reply.sse();
      if (calls === 4) {
        await stream.raw('data: {"jsonrpc":"2.0","id');
        return await stream.cut();
      }
      const content = [{ type: "text", text: SAID }];
      await stream.message(result(message, { content }), `event of ${SAID}`);
      await stream.end();
    },
  }, sessions);
}

/** What is recorded of one session with a target that does all that. */
async function recordFaults(
  ...args: string[]
): Promise<Recording & { mode: number | null; names: string[] }> {
  await using directory = await RecordingDirectory.make();
  await using server = await RawServer.start(faulty(new Sessions()));
  await using proxy = await directory.startHere({
    target: server.url,
    args: ["--retries", "0", "--header", `X-Key: ${HEADER}`, ...args],
  });
  await proxy.initialize();
  for (let call = 0; call < 4; call++) await proxy.request("tools/call", CALL);
  await proxy.closeStdin();
  assertEquals((await proxy.status()).code, 0, proxy.stderr);
  const { mode } = await Deno.stat(directory.path);
  return { ...await directory.read(), mode, names: await directory.names() };
}

Deno.test("a recording has each message, request, answer, retry, recovery and cut in order", async () => {
  const { header, lines, names } = await recordFaults();
  assertObjectMatch(header, { format: 1, mode: "stdio", bodies: false });
  assert(header.options.includes("--retries=0"));
  assertEquals(lines.map(({ seq }) => seq), lines.map((_, index) => index + 1));
  const times = lines.map(({ t }) => t);
  assertEquals(times, times.toSorted((one, other) => one - other));
  // `initialize`, its notification and four calls.
  assertEquals(lines.filter(({ kind }) => kind === "in").length, 6);
  assertEquals(lines.filter(({ kind }) => kind === "out").length, 5);
  assertEquals(lines.filter(({ kind }) => kind === "recovered").length, 1);
  const retried = lines.flatMap((line) =>
    line.kind === "request" && line.try === 2 ? [line] : []
  );
  assertEquals(retried.length, 1);
  assertStringIncludes(retried[0].text ?? "", '"raw-3"');
  const sessions = lines.flatMap((line) =>
    line.kind === "request" ? [line.headers["mcp-session-id"]] : []
  );
  assertEquals(
    new Set(sessions),
    new Set([undefined, "session-1", "session-2"]),
  );
  const cut = lines.findIndex((line) =>
    line.kind === "end" && line.by === "cut"
  );
  assertObjectMatch(lines[cut - 1], { kind: "body", bytes: 26 });
  const refusal = lines.findIndex((line) =>
    line.kind === "response" && line.status === 404
  );
  assertObjectMatch(lines[refusal + 1], {
    text: '{"error":"Session not found"}',
  });
  assertEquals(names, ["recording.jsonl"]);
  assertEquals(lines.at(-1)?.kind, "over");
});

Deno.test("a recording has no secret, no argument and no result, and nobody else may read it", async () => {
  const { text, lines, mode } = await recordFaults();
  for (
    const secret of [
      SAID,
      ARGUMENT,
      HEADER,
      "12345",
      "a day, a year",
      "0123456789abcdef",
      TEST_CREDENTIALS.accessKeyId,
      TEST_CREDENTIALS.secretAccessKey,
      TEST_CREDENTIALS.sessionToken,
    ]
  ) {
    assertEquals(text.includes(secret), false, secret);
  }
  const call = lines.find((line) =>
    line.kind === "in" && line.text?.includes("tools/call")
  );
  assert(call?.kind === "in" && call.text !== undefined);
  assertEquals(JSON.parse(call.text).params, {
    name: "greet",
    arguments: { "key-1": "x".repeat(ARGUMENT.length), "key-2": 11111 },
  });
  if (Deno.build.os !== "windows") assertEquals((mode ?? 0) & 0o777, 0o600);
});

Deno.test("with --record-bodies a recording has arguments and results, and no secret", async () => {
  const { text, header } = await recordFaults("--record-bodies");
  assertEquals(header.bodies, true);
  assertStringIncludes(text, SAID);
  assertStringIncludes(text, ARGUMENT);
  for (const secret of [HEADER, TEST_CREDENTIALS.sessionToken]) {
    assertEquals(text.includes(secret), false, secret);
  }
});

Deno.test("a recording names each identity that signs, and says when it is another", async () => {
  await using directory = await RecordingDirectory.make();
  await using home = await tempDir({
    ".aws/credentials": keysOf("AKIDFIRSTKEY000001"),
  });
  const keys = `${home.path}/.aws/credentials`;
  let calls = 0;
  await using server = await RawServer.start(mcp({
    "tools/call": async (message, reply) => {
      if (++calls > 1) return await reply.json(result(message));
      await Deno.writeTextFile(keys, keysOf("AKIDSECONDKEY00002"));
      await reply.json({ message: "The security token is expired" }, 403, {
        "x-amzn-errortype": "ExpiredTokenException",
      });
    },
  }));
  {
    await using proxy = await directory.startHere({
      target: server.url,
      home: home.path,
      env: NO_KEYS,
    });
    await proxy.initialize();
    assertObjectMatch(Object((await proxy.request("tools/call", CALL)).value), {
      result: {},
    });
    await proxy.closeStdin();
    await proxy.status();
  }
  const { lines, text } = await directory.read();
  const changes = lines.filter(({ kind }) => kind === "identity");
  assertEquals(changes.length, 1);
  assertObjectMatch(changes[0], { identity: "identity-2" });
  assertEquals(text.includes("AKIDSECOND"), false);
});

// A stop leaves 800 ms for it: a machine that is slow takes them.
Deno.test("in HTTP server mode a recording has each client's messages and what they were answered", () =>
  holdsOnce(async () => {
    await using directory = await RecordingDirectory.make();
    await using server = await RawServer.start(mcp({
      "tools/call": (message, reply) =>
        reply.json(
          result(message, { content: [{ type: "text", text: SAID }] }),
        ),
    }));
    await using proxy = await directory.start({
      target: server.url,
      args: ["--listen", "127.0.0.1:0", "--no-listen-token"],
      permissions: { net: ["127.0.0.1:0"] },
    });
    const url = await proxy.logged("url");
    for (const id of [1, 2]) {
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "accept": "application/json, text/event-stream",
        },
        body: JSON.stringify({
          jsonrpc: "2.0",
          id,
          method: "tools/call",
          params: CALL,
        }),
      });
      assertStringIncludes(await answer.text(), SAID);
    }
    proxy.signal("SIGTERM");
    await proxy.status();
    const { header, lines, text } = await directory.read();
    assertEquals(header.mode, "http");
    const said = lines.flatMap((line) =>
      line.kind === "in" || line.kind === "out"
        ? [[line.kind, line.client]]
        : []
    );
    assertEquals(said, [["in", 1], ["out", 1], ["in", 2], ["out", 2]]);
    assertEquals(text.includes(SAID) || text.includes(ARGUMENT), false);
  }));

Deno.test("a recording over its size loses its oldest part, says so, and is one file in the end", async () => {
  await using directory = await RecordingDirectory.make();
  await using server = await RawServer.start(mcp({}));
  await using proxy = await directory.startHere({
    target: server.url,
    args: ["--record-max", "16KiB"],
  });
  await proxy.initialize();
  for (let call = 0; call < 60; call++) {
    await proxy.request("tools/call", CALL);
    if (call % 10 !== 9) continue;
    // What waits is written before more comes.
    await proxy.request("ping");
  }
  await proxy.closeStdin();
  await proxy.status();
  const { lines } = await directory.read();
  const { size } = await Deno.stat(directory.path);
  assert(size <= 16 * 1024, `${size} bytes`);
  assert(lines[0].seq > 1);
  assertEquals(
    lines.map(({ seq }) => seq),
    lines.map((_, index) => lines[0].seq + index),
  );
  assertStringIncludes(proxy.stderr, "the recording is full");
  assertEquals(await directory.names(), ["recording.jsonl"]);
});

Deno.test({
  name:
    "when the disk is full the recording ends with one warning, and calls go on",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using directory = await RecordingDirectory.make();
    await using server = await RawServer.start(mcp({}));
    // A file of this process may have so many blocks, and then writes fail.
    const limited = 'trap \'\' XFSZ; ulimit -f 16; exec "$0" "$@"';
    const mod = new URL("../../mod.ts", import.meta.url).href;
    await using proxy = await directory.start({
      target: server.url,
      command: ["sh", "-c", limited, Deno.execPath(), "run", "-A", mod],
    });
    await proxy.initialize();
    for (let call = 0; call < 60; call++) {
      const { value } = await proxy.request("tools/call", CALL);
      assertObjectMatch(Object(value), { result: {} });
    }
    await proxy.waitForLog(({ text }) => text.includes("recording ends here"));
    await proxy.request("tools/call", CALL);
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);
    const warnings = proxy.stderr.split("recording ends here").length - 1;
    assertEquals(warnings, 1);
  },
});

Deno.test("a program whose recording another one has replaced says so at its end", async () => {
  await using directory = await RecordingDirectory.make();
  await using server = await RawServer.start(mcp({}));
  await using first = await directory.startHere({ target: server.url });
  await first.initialize();
  await using second = await directory.startHere({ target: server.url });
  await second.initialize();
  for (const proxy of [first, second]) {
    await proxy.closeStdin();
    assertEquals((await proxy.status()).code, 0);
  }
  assertStringIncludes(first.stderr, "another file is in its place");
  assertEquals(second.stderr.includes("recording ends here"), false);
});

async function refusalOf(directory: RecordingDirectory): Promise<string> {
  await using proxy = await directory.startHere({
    target: NOBODY,
  });
  assertEquals((await proxy.status()).code, 2);
  return proxy.stderr;
}

Deno.test("a recording that cannot be written is a configuration error", async () => {
  await using directory = await RecordingDirectory.make();
  await Deno.mkdir(directory.path);
  assertStringIncludes(await refusalOf(directory), "is no recording");
  await Deno.remove(directory.path);
  const both = ["/dev/full", "/dev/full.older"];
  for (
    const [path, permissions, told] of [
      [directory.path, {}, "--allow-write="],
      // No flag but --allow-all lets a program have a device.
      ["/dev/full", { read: both, write: both }, "(set --record or MCP_RECORD"],
    ] as const
  ) {
    await using proxy = await ProxyProcess.start({
      target: NOBODY,
      args: ["--record", path],
      permissions,
    });
    assertEquals((await proxy.status()).code, 2);
    assertStringIncludes(proxy.stderr, told);
  }
});

Deno.test("a file that is no recording is never written over, and a recording is", async () => {
  await using directory = await RecordingDirectory.make();
  await Deno.writeTextFile(directory.path, "a letter\n");
  assertStringIncludes(await refusalOf(directory), "is no recording");
  assertEquals(await Deno.readTextFile(directory.path), "a letter\n");
  await Deno.writeTextFile(directory.path, '{"recording":"sigv4-proxy"}\nold');
  await using server = await RawServer.start(mcp({}));
  await using proxy = await directory.start({ target: server.url });
  await proxy.initialize();
  await proxy.closeStdin();
  await proxy.status();
  const { text } = await directory.read();
  assertEquals(text.includes("old"), false);
});
