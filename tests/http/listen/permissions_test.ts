/** What the HTTP server has to be allowed. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ProxyProcess } from "../../support/program/proxy_process.ts";
import { RawClient } from "../../support/raw/client.ts";
import { mcp, PING } from "../../support/raw/mcp.ts";
import { RawServer } from "../../support/raw/server.ts";
import { NOBODY } from "../../support/net/nobody.ts";
import { tempDir } from "../../support/temp_dir.ts";

const ignore = Deno.build.os === "windows";

/** An HTTP server in a process of its own. */
function start(
  target: URL,
  bareArgs: readonly string[],
  ...flags: readonly string[]
): Promise<ProxyProcess> {
  return ProxyProcess.start({
    target,
    entry: import.meta.resolve("./http_proxy_main.ts"),
    bareArgs: [target.href, ...bareArgs],
    permissionFlags: ["--no-prompt", ...flags],
  });
}

/** Its exit code, once it is stopped as a supervisor does. */
async function stopped(proxy: ProxyProcess): Promise<number> {
  proxy.signal("SIGTERM");
  return (await proxy.status()).code;
}

Deno.test({
  name:
    "on loopback it needs its port and the target, and the directory of its token",
  ignore,
  async fn() {
    await using temp = await tempDir();
    const directory = temp.path;
    await using target = await RawServer.start(mcp({}));
    {
      await using proxy = await start(
        target.url,
        ["127.0.0.1:0", directory],
        `--allow-net=127.0.0.1:0,${target.url.host}`,
        `--allow-write=${directory}`,
        `--allow-read=${directory}`,
      );
      const token = await Deno.readTextFile(await proxy.logged("tokenFile"));
      const answer = await fetch(await proxy.logged("url"), {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: PING,
      });
      assertEquals((await answer.json()).id, 1);
      assertEquals(await stopped(proxy), 0);
    }
    // The token's file is gone.
    assertEquals([...Deno.readDirSync(directory)], []);
  },
});

Deno.test({
  name: "at a Unix socket it needs its path, to read, to write and to listen",
  ignore,
  async fn() {
    await using temp = await tempDir();
    const path = `${temp.path}/proxy.sock`;
    await using target = await RawServer.start(mcp({}));
    {
      await using proxy = await start(
        target.url,
        [`unix:${path}`],
        `--allow-net=unix:${path},${target.url.host}`,
        `--allow-read=${path}`,
        `--allow-write=${path}`,
      );
      using client = await RawClient.connect(await proxy.logged("path"));
      await client.sendPost("/mcp", ["Host: localhost"], PING);
      assertEquals((await client.head()).status, 200);
      assertEquals(await stopped(proxy), 0);
    }
    assertEquals([...Deno.readDirSync(temp.path)], []);
  },
});

Deno.test({
  name: "without the permission to listen it says which flag it wants",
  ignore,
  async fn() {
    await using temp = await tempDir();
    const directory = temp.path;
    const path = `${directory}/proxy.sock`;
    for (
      const [args, flags, ...wanted] of [
        [["127.0.0.1:0"], [], "--allow-net=127.0.0.1:0"],
        [[`unix:${path}`], [], "--allow-read"],
        [[`unix:${path}`], [`--allow-read=${path}`], "--allow-write"],
        // What Deno forbids is not tried elsewhere.
        [
          ["127.0.0.1:0", directory],
          ["--allow-net=127.0.0.1:0"],
          "--allow-write",
          `a file in ${directory}`,
        ],
      ] as const
    ) {
      await using proxy = await start(NOBODY, args, ...flags);
      assertEquals((await proxy.status()).code, 2);
      for (const part of wanted) assertStringIncludes(proxy.stderr, part);
    }
    assertEquals([...Deno.readDirSync(directory)], []);
  },
});
