/**
 * The program under attack over stdio: it answers afterwards, and ends when it
 * is told to. Like all programs that tests launch
 * it has a heap of 256 MiB, or less, so that a smaller attack is enough;
 * messages_test.ts has the largest messages.
 */
import { assert, assertEquals } from "@std/assert";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import {
  INITIALIZED,
  mcp,
  type McpHandler,
  result,
} from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { NO_KEYS, TEST_CREDENTIALS } from "../support/aws/test_identity.ts";
import { NOBODY } from "../support/net/nobody.ts";
import { tempDir } from "../support/temp_dir.ts";

const MIB = 1024 * 1024;

const JSON_TYPE = { "content-type": "application/json" };

async function gzipped(text: string): Promise<Uint8Array> {
  const zip = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return await new Response(zip).bytes();
}

/** An attack over stdio: what the target does, and what the client does. */
interface StdioAttack {
  readonly target?: Readonly<Record<string, McpHandler>>;
  readonly args?: readonly string[];
  readonly heapMib?: number;
  /** The only profile's settings; `~` is HOME. */
  readonly profile?: (home: string) => string;
  readonly client: (proxy: ProxyProcess) => Promise<void>;
}

/** Sends one call, and sees that it gets one answer. */
const callM = async (proxy: ProxyProcess): Promise<void> => {
  await proxy.request("m");
};

const flood = (text: string, bytes: number): McpHandler => async (_, reply) => {
  const stream = await reply.sse();
  await stream.raw(text.repeat(bytes / text.length));
  await stream.end();
};

const unzipped = (begin: string): McpHandler => async (_, reply) => {
  const body = await gzipped(begin + "x".repeat(64 * MIB));
  const headers = {
    "content-type": "text/event-stream",
    "content-encoding": "gzip",
  };
  const stream = await reply.stream(200, headers);
  await stream.raw(body);
  await stream.end();
};

const { secretAccessKey, sessionToken } = TEST_CREDENTIALS;

const ECHOED = [secretAccessKey, sessionToken];

/** How a target may spell what it echoes. */
const SPELLINGS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => encodeURIComponent(text),
  (text) => encodeURIComponent(encodeURIComponent(text)),
  (text) => JSON.stringify(text.replaceAll("/", "\\/")),
  (text) => [...text].reverse().join(""),
  (text) => new TextEncoder().encode(text).toHex(),
  (text) => new TextEncoder().encode(text).toBase64(),
];

const STDIO: Readonly<Record<string, StdioAttack>> = {
  "H1: a credential_process that traces itself, prints without end and fails": {
    profile: (home) => `credential_process = sh ${home}/trace.sh`,
    client: async (proxy) => {
      const { text } = await proxy.request("ping");
      assert(!`${text}${proxy.stderr}`.includes("wJalrXUtnFEMI"), text);
    },
  },
  "H3: a session ID and an error of backslashes": {
    target: {
      initialize: (message, reply) =>
        reply.json(result(message, INITIALIZED), 200, {
          "mcp-session-id": "\\".repeat(23) + "Q" + "\\".repeat(8),
        }),
      m: (_, reply) => reply.status(500, {}, `Q ${"\\".repeat(MIB)}`),
    },
    client: callM,
  },
  "H6: an answer of 9.5 MiB of brackets": {
    target: {
      m: (_, reply) => reply.status(200, JSON_TYPE, "[".repeat(9.5 * MIB)),
    },
    client: callM,
  },
  "H7: 16 MiB of bare carriage returns": {
    target: { m: flood("\r", 16 * MIB) },
    client: callM,
  },
  "H7: 16 MiB of lines that end in a carriage return": {
    target: { m: flood("data: x\r", 16 * MIB) },
    client: callM,
  },
  "H8: 64 MiB without a line end out of gzip": {
    heapMib: 64,
    target: { m: unzipped("x") },
    client: callM,
  },
  "H8: 64 MiB of one event out of gzip": {
    heapMib: 64,
    target: { m: unzipped("data: ") },
    client: callM,
  },
  "H14: errors that echo the secret key and the session token in other spellings":
    {
      target: {
        m: ({ params }, reply) =>
          reply.status(500, {}, `${SPELLINGS[params.n](params.secret)} `),
      },
      client: async (proxy) => {
        for (const secret of ECHOED) {
          for (const [n, spelt] of SPELLINGS.entries()) {
            const { text } = await proxy.request("m", { n, secret });
            assert(text.includes("[redacted]"), text);
            const all = `${text}${proxy.stderr}`;
            assert(!all.includes(secret), all);
            assert(!all.includes(spelt(secret)), all);
          }
        }
      },
    },
  "H15: tools of ever new names of 9 MiB": {
    args: ["--deny-tool=none"],
    heapMib: 64,
    target: {
      "tools/list": (message, reply) => {
        const name = crypto.randomUUID() + "n".repeat(9 * MIB);
        const tools = `[{"name":"${name}","inputSchema":{"type":"object"}}]`;
        const id = JSON.stringify(message.id);
        return reply.status(
          200,
          JSON_TYPE,
          `{"jsonrpc":"2.0","id":${id},"result":{"tools":${tools}}}`,
        );
      },
    },
    client: async (proxy) => {
      for (let n = 0; n < 6; n++) await proxy.request("tools/list");
    },
  },
  "H16: a credential_process that prints without end": {
    profile: () => "credential_process = yes",
    client: async (proxy) => {
      const { text } = await proxy.request("ping");
      assert(text.includes('"error"'), text);
    },
  },
  "H17: a protocol version that is no header": {
    target: {
      initialize: (message, reply) =>
        reply.json(
          result(message, {
            ...INITIALIZED,
            protocolVersion: "\u2603\r\nx: y",
          }),
        ),
    },
    client: async (proxy) => {
      const { text } = await proxy.initialize();
      assert(!text.includes("TypeError"), text);
    },
  },
  "H19: one ID twice in a batch, and very many in another": {
    client: async (proxy) => {
      await proxy.send(
        '[{"jsonrpc":"2.0","id":1,"method":"m"},{"jsonrpc":"2.0","id":1,"method":"m"}]',
      );
      await proxy.next();
      const many = '{"jsonrpc":"2.0","id":1,"method":"m"},'.repeat(200_000);
      await proxy.send(`[${many}1]`);
      await proxy.next();
    },
  },
};

for (const [what, attack] of Object.entries(STDIO)) {
  Deno.test({
    name: `the program survives ${what}`,
    // Windows has neither the signal nor these programs.
    ignore: Deno.build.os === "windows",
    async fn() {
      const { target = {}, args, profile, heapMib, client } = attack;
      await using temp = await tempDir();
      const home = temp.path;
      await using server = await RawServer.start(mcp(target));
      if (profile) await writeProfile(home, profile(home));
      await using proxy = await ProxyProcess.start({
        target: server.url,
        args,
        home,
        denoFlags: heapMib === undefined
          ? []
          : [`--v8-flags=--max-old-space-size=${heapMib}`],
        env: {
          MCP_LOG_LEVEL: "info",
          ...profile && NO_KEYS,
        },
        permissions: { run: ["sh", "yes"] },
      });
      await client(proxy);
      await proxy.request("ping");
      proxy.signal("SIGTERM");
      assertEquals((await proxy.status()).code, 0, proxy.stderr.slice(-500));
    },
  });
}

Deno.test({
  name:
    "the program survives H9: of 16,500 small calls to a target that does not answer 116 are overloaded at once, and none is answered twice",
  ignore: Deno.build.os === "windows",
  async fn() {
    const script = mcp({ m: (_, reply) => reply.hang() });
    await using server = await RawServer.start(script);
    await using proxy = await ProxyProcess.start({
      target: server.url,
      env: { MCP_LOG_LEVEL: "info" },
    });
    const count = 16_500;
    const refused = count - 16_384;
    const calls = Array.from(
      { length: count },
      (_, id) => `{"jsonrpc":"2.0","id":${id},"method":"m"}\n`,
    );
    await proxy.write(calls.join(""));
    await proxy.frames.at(refused - 1);
    proxy.signal("SIGTERM");
    assertEquals((await proxy.status()).code, 0, proxy.stderr.slice(-500));
    const answers = proxy.frames.all;
    const first = answers.slice(0, refused).map(({ errorCode }) => errorCode);
    assertEquals(new Set(first), new Set([-31020]));
    const ids = new Set(answers.map((answer) => answer.field("id")));
    assertEquals(ids.size, answers.length);
  },
});

async function writeProfile(home: string, line: string): Promise<void> {
  await Deno.mkdir(`${home}/.aws`);
  await Deno.writeTextFile(`${home}/.aws/config`, `[default]\n${line}\n`);
  await Deno.writeTextFile(
    `${home}/trace.sh`,
    "set -x\nSECRET=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n" +
      "head -c 50000000 /dev/zero >&2\nexit 1\n",
  );
}

Deno.test("the program does not start after H11: Deno forbids it to read that tools are denied", async () => {
  await using proxy = await ProxyProcess.start({
    target: NOBODY,
    permissionFlags: ["--no-prompt", "--allow-env=AWS_*", "--allow-net"],
    env: { MCP_READ_ONLY: "true", MCP_DENY_TOOL: "*" },
  });
  assertEquals((await proxy.status()).code, 2);
  assertEquals(proxy.frames.all, []);
  assert(proxy.stderr.includes("--allow-env=MCP_*,"), proxy.stderr);
});

Deno.test({
  name:
    "the program survives H12: a directory for its token in which others may put a link",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using temp = await tempDir();
    const home = temp.path;
    const open = `${home}/open`;
    await Deno.mkdir(open);
    await Deno.chmod(open, 0o777);
    await using proxy = await ProxyProcess.start({
      target: NOBODY,
      home,
      env: {
        MCP_LISTEN: "127.0.0.1:0",
        MCP_LOG_LEVEL: "info",
        XDG_RUNTIME_DIR: open,
        TMPDIR: home,
      },
      permissions: {
        net: ["127.0.0.1:0"],
        env: ["XDG_RUNTIME_DIR"],
        read: [home],
        write: [home],
      },
    });
    const file = await proxy.logged("tokenFile");
    assert(file.startsWith(`${home}/sigv4-proxy-`), file);
    assertEquals(((await Deno.lstat(file)).mode ?? 0) & 0o777, 0o600);
    assertEquals([...Deno.readDirSync(open)], []);
    proxy.signal("SIGTERM");
    assertEquals((await proxy.status()).code, 0, proxy.stderr.slice(-500));
  },
});
