/** What the HTTP server has to be allowed. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Arrivals } from "../../support/arrivals.ts";
import { within } from "../../support/deadline.ts";
import { type Line, linesOf } from "../../support/lines.ts";
import { RawClient } from "../../support/raw_client.ts";
import { mcp } from "../../support/raw_mcp.ts";
import { RawServer } from "../../support/raw_server.ts";

const ignore = Deno.build.os === "windows";
const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

/** An HTTP server in a process of its own. */
class FrontProcess implements AsyncDisposable {
  readonly lines = new Arrivals<Line>("line of the front");
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;

  constructor(flags: readonly string[], args: readonly string[]) {
    const entry = import.meta.resolve("../../support/http_front_main.ts");
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--frozen",
        "--cached-only",
        ...flags,
        entry,
        ...args,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = this.#readLines();
  }

  async #readLines(): Promise<void> {
    const log = new Response(this.#child.stderr).text();
    for await (const line of linesOf(this.#child.stdout)) this.lines.add(line);
    this.lines.end(`the front has ended: ${await log}`);
  }

  /** The port, once it listens. */
  async port(): Promise<number> {
    const { text } = await this.lines.find(({ text }) =>
      text.includes("listening")
    );
    return Number(new URL(JSON.parse(text).url).port);
  }

  /** Stops it, as a supervisor does. */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    return await this.ended();
  }

  /** Its exit code. */
  async ended(): Promise<number> {
    const { code } = await within(this.#child.status, "the end of the front");
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await within(Promise.all([this.#child.status, this.#read]), "its end");
  }
}

Deno.test({
  name:
    "on loopback it needs its port and the target, and the directory of its token",
  ignore,
  async fn() {
    const directory = await Deno.makeTempDir();
    await using target = await RawServer.start(mcp({}));
    {
      await using front = new FrontProcess([
        `--allow-net=127.0.0.1:0,${target.url.host}`,
        `--allow-write=${directory}`,
        `--allow-read=${directory}`,
      ], [target.url.href, "127.0.0.1:0", directory]);
      const port = await front.port();
      const { text } = await front.lines.find(({ text }) =>
        text.includes("tokenFile")
      );
      const token = await Deno.readTextFile(JSON.parse(text).tokenFile);
      const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: PING,
      });
      assertEquals((await answer.json()).id, 1);
      assertEquals(await front.stop(), 0);
    }
    // The token's file is gone.
    await Deno.remove(directory);
  },
});

Deno.test({
  name: "at a Unix socket it needs its path, to read, to write and to listen",
  ignore,
  async fn() {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/front.sock`;
    await using target = await RawServer.start(mcp({}));
    {
      await using front = new FrontProcess([
        `--allow-net=unix:${path},${target.url.host}`,
        `--allow-read=${path}`,
        `--allow-write=${path}`,
      ], [target.url.href, `unix:${path}`]);
      await front.lines.find(({ text }) => text.includes("listening"));
      using client = await RawClient.connect(path);
      await client.sendPost("/mcp", ["Host: localhost"], PING);
      assertEquals((await client.head()).status, 200);
      assertEquals(await front.stop(), 0);
    }
    await Deno.remove(directory);
  },
});

Deno.test({
  name: "without the permission to listen it says which flag it wants",
  ignore,
  async fn() {
    const directory = await Deno.makeTempDir();
    const target = "http://127.0.0.1:1/mcp";
    const path = `${directory}/front.sock`;
    for (
      const [flags, listen, wanted] of [
        [[], "127.0.0.1:0", "--allow-net=127.0.0.1:0"],
        [[], `unix:${path}`, "--allow-read"],
        [[`--allow-read=${path}`], `unix:${path}`, "--allow-write"],
      ] as const
    ) {
      await using front = new FrontProcess(flags, [target, listen]);
      const { text } = await front.lines.at(0);
      assertStringIncludes(text, wanted);
      assertEquals(await front.ended(), 2);
    }
    await using front = new FrontProcess(["--allow-net=127.0.0.1:0"], [
      target,
      "127.0.0.1:0",
      directory,
    ]);
    const { text } = await front.lines.at(0);
    assertStringIncludes(text, "--allow-write");
    // What Deno forbids is not tried elsewhere.
    assertStringIncludes(text, `a file in ${directory}`);
    assertEquals(await front.ended(), 2);
    await Deno.remove(directory);
  },
});
