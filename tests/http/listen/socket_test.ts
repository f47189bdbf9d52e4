/** The HTTP server at a Unix socket, and addresses that cannot be had. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createServer } from "node:http";
import { ConfigError } from "../../../src/errors.ts";
import { listen } from "../../../src/http/listen.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { HttpProxy, TEST_TOKEN } from "../../support/program/http_proxy.ts";
import { RawClient } from "../../support/raw/client.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { tempDir } from "../../support/temp_dir.ts";
import { PING } from "../../support/raw/mcp.ts";

const ignore = Deno.build.os === "windows";

/** The status of a POST over a socket, with these header lines. */
async function post(path: string, ...lines: string[]): Promise<number> {
  using client = await RawClient.connect(path);
  await client.sendPost("/mcp", lines, PING);
  return (await client.head()).status;
}

/** A test at a path for a socket, in a directory that goes at the end. */
const atSocket = (use: (path: string) => Promise<void>) => ({
  ignore,
  async fn() {
    await using temp = await tempDir();
    await use(`${temp.path}/proxy.sock`);
  },
});

Deno.test({
  name:
    "a Unix socket serves under any Host, is its owner's alone, and goes with the server",
  ...atSocket(async (path) => {
    {
      await using _first = await HttpProxy.before({}, { listen: { path } });
      const { mode } = await Deno.stat(path);
      assertEquals((mode ?? 0) & 0o777, 0o600);
      const bearer = `Authorization: Bearer ${TEST_TOKEN}`;
      assertEquals(await post(path, "Host: whatever", bearer), 200);
      assertEquals(await post(path, "Host: whatever"), 401);
      assertEquals(
        await post(path, "Host: evil", "Origin: http://evil", bearer),
        403,
      );
    }
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
  }),
});

Deno.test({
  name: "a Unix socket is its owner's alone from the moment when it is there",
  ...atSocket(async (path) => {
    const before = Deno.umask();
    const server = createServer();
    let mode: number | null = null;
    // The first to hear of it, before whoever waits for it to listen.
    server.once("listening", () => mode = Deno.statSync(path).mode);
    await listen(server, { path }, OPTION_NAMES);
    assertEquals((mode ?? 0) & 0o777, 0o600);
    assertEquals(Deno.umask(), before);
    server.close();
  }),
});

Deno.test({
  name: "a Unix socket needs no token when none is wanted",
  ...atSocket(async (path) => {
    await using _first = await HttpProxy.before({}, {
      listen: { path },
      token: false,
    });
    assertEquals(await post(path, "Host: localhost"), 200);
  }),
});

Deno.test({
  name: "a socket that a killed program left behind is replaced",
  ...atSocket(async (path) => {
    const killed = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });
         Deno.kill(Deno.pid, "SIGKILL");`,
      ],
    });
    await killed.output();
    assertEquals((await Deno.lstat(path)).isSocket, true);
    await using _first = await HttpProxy.before({}, {
      listen: { path },
      token: false,
    });
    assertEquals(await post(path, "Host: localhost"), 200);
  }),
});

Deno.test({
  name:
    "a socket in use, a file that is none, and a missing directory are configuration errors",
  ...atSocket(async (path) => {
    const fails = async (path: string, why: string) => {
      const error = await assertRejects(
        () => HttpProxy.start({ target: NOBODY, listen: { path } }),
        ConfigError,
      );
      assertStringIncludes(error.message, `unix:${path}: `);
      assertStringIncludes(error.message, why);
      assertStringIncludes(error.message, "(set listen)");
    };
    {
      await using _first = await HttpProxy.start({
        target: NOBODY,
        listen: { path },
      });
      await fails(path, "already in use");
      assertEquals(await post(path, "Host: localhost"), 401);
    }
    const file = `${path}.txt`;
    await Deno.writeTextFile(file, "not a socket");
    await fails(file, "what is there is no socket");
    assertEquals(await Deno.readTextFile(file), "not a socket");
    await fails(`${path}.missing/proxy.sock`, "no such file or directory");
  }),
});

Deno.test("a port in use, and a host that is not here, are configuration errors", async () => {
  await using proxy = await HttpProxy.start({ target: NOBODY });
  const { port } = proxy;
  for (
    const [hostname, name] of [
      ["127.0.0.1", `127.0.0.1:${port}`],
      ["192.0.2.1", `192.0.2.1:${port}`],
    ]
  ) {
    const error = await assertRejects(
      () => HttpProxy.start({ target: NOBODY, listen: { hostname, port } }),
      ConfigError,
    );
    assertStringIncludes(error.message, name);
    assertStringIncludes(error.message, "(set listen)");
  }
});
