/** Its target is killed, or goes to another address. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { within } from "../support/time/deadline.ts";
import { commandLine, type LaunchOptions } from "../support/program/launch.ts";
import { type Line, linesOf } from "../support/lines.ts";
import { INITIALIZED, result } from "../support/raw/mcp.ts";
import { call, errorOf, type Surface, SURFACES } from "./surfaces.ts";

/** A program that serves as a target. */
class TargetProgram implements AsyncDisposable {
  readonly lines: AsyncGenerator<Line, void>;
  readonly #child: Deno.ChildProcess;

  constructor(port?: number) {
    const main = new URL("./small_target_main.ts", import.meta.url);
    const args = port === undefined ? [] : [`${port}`];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-net", "--no-prompt", main.href, ...args],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.lines = linesOf(this.#child.stdout);
  }

  async line(): Promise<string> {
    const { value } = await within(this.lines.next(), "a line of the target");
    return value?.text ?? "";
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {});
    await this.lines.return();
  }
}

for (const [name, start] of Object.entries(SURFACES)) {
  Deno.test(`when the target is killed a call over ${name} is told so, and when it is back the next one is answered`, async () => {
    await using first = new TargetProgram();
    const port = Number(await first.line());
    await using program = await start({
      target: new URL(`http://127.0.0.1:${port}/mcp`),
    });
    const { ask, proxy } = program;
    const hangs = ask({ jsonrpc: "2.0", id: 1, method: "hang" });
    assertEquals(await first.line(), "hangs");
    await first.kill();
    assertEquals(errorOf(await hangs), ["unreachable", true]);
    assertEquals(errorOf(await ask(call(2))), ["unreachable", false]);
    await using second = new TargetProgram(port);
    assertEquals(await second.line(), `${port}`);
    if (name === "the HTTP server") {
      // There the client opens its sessions itself.
      await ask({ jsonrpc: "2.0", id: 0, method: "initialize", params: {} });
    }
    assertNotEquals((await ask(call(3))).result?.pid, undefined);
    if (name === "stdio") assertEquals(proxy.answers(1).length, 1);
  });
}

/** A target at an address, which says that it is there. */
function serveAt(
  hostname: string,
  port: number,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname, port, onListen() {} },
    async (request) => {
      if (request.method !== "POST") return new Response();
      const message = await request.json();
      if (message.id === undefined) return new Response(null, { status: 202 });
      const isFirst = message.method === "initialize";
      return Response.json(
        result(message, isFirst ? INITIALIZED : { hostname }),
      );
    },
  );
}

let asked = 0;

/** Which address answers the program. */
async function whoAnswers({ ask }: Surface): Promise<unknown> {
  for (let tries = 0; tries < 10; tries++) {
    // Safe to send again: the kept connection may be found closed under it.
    const { result } = await ask({
      jsonrpc: "2.0",
      id: ++asked,
      method: "resources/read",
      params: { uri: "a:b" },
    });
    if (result) return result.hostname;
  }
}

/** Whether "localhost" is both 127.0.0.1 and ::1, as on most machines. */
async function isTwofold(): Promise<boolean> {
  try {
    using listener = Deno.listen({ hostname: "::1", port: 0 });
    const { port } = listener.addr;
    (await Deno.connect({ hostname: "localhost", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** How a program can be given names of its own, where it can. */
async function findUnshare(): Promise<readonly string[] | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  for (const flags of ["-m", "-rm"]) {
    const mount = ["mount", "--bind", "/etc/hosts", "/etc/hosts"];
    const command = new Deno.Command("unshare", { args: [flags, ...mount] });
    const { success } = await command.output()
      .catch(() => ({ success: false }));
    if (success) return ["unshare", flags];
  }
}

const UNSHARE = await findUnshare();
const NAME = "moving-target.test";

/** A name that programs know, and that points where a test says. */
class OwnName implements AsyncDisposable {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  static async create(...addresses: readonly string[]): Promise<OwnName> {
    const name = new OwnName(await Deno.makeTempFile());
    await name.point(...addresses);
    return name;
  }

  async point(...addresses: readonly string[]): Promise<void> {
    const lines = addresses.map((address) => `${address} ${NAME}\n`);
    // In place: what is mounted is the file, not its name.
    const text = `${lines.join("")}127.0.0.1 localhost\n`;
    await Deno.writeTextFile(this.#file, text);
  }

  /** How a program is started that knows it. */
  async launch(port: number): Promise<LaunchOptions> {
    const target = new URL(`http://${NAME}:${port}/mcp`);
    const permissions = { net: ["127.0.0.1:0"] };
    await using line = await commandLine({ target, permissions });
    const deno = [
      line.command,
      ...line.args.slice(0, line.args.indexOf("--target-url")),
    ];
    const [unshare, ...flags] = UNSHARE ?? [""];
    const script = 'mount --bind "$0" /etc/hosts && exec "$@"';
    return {
      target,
      args: ["--allow-http"],
      command: [unshare, ...flags, "sh", "-c", script, this.#file, ...deno],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#file);
  }
}

const IS_TWOFOLD = await isTwofold();

for (const [name, start] of Object.entries(SURFACES)) {
  Deno.test({
    name:
      `a target that goes to another address of its name is found there over ${name} (skipped where no name has two)`,
    ignore: !IS_TWOFOLD && UNSHARE === undefined,
    async fn() {
      const second = UNSHARE ? "127.0.0.2" : "::1";
      const first = serveAt("127.0.0.1", 0);
      const { port } = first.addr;
      await using own = UNSHARE && await OwnName.create("127.0.0.1", second);
      const target = new URL(`http://localhost:${port}/mcp`);
      await using program = await start(
        own ? await own.launch(port) : { target },
      );
      assertEquals(await whoAnswers(program), "127.0.0.1");
      await first.shutdown();
      await using _second = serveAt(second, port);
      assertEquals(await whoAnswers(program), second);
    },
  });

  Deno.test({
    name:
      `a name that resolves to another address is resolved anew over ${name} (skipped where no mount can be made)`,
    ignore: UNSHARE === undefined,
    async fn() {
      await using own = await OwnName.create("127.0.0.1");
      const first = serveAt("127.0.0.1", 0);
      const { port } = first.addr;
      await using _second = serveAt("127.0.0.2", port);
      await using program = await start(await own.launch(port));
      assertEquals(await whoAnswers(program), "127.0.0.1");
      await own.point("127.0.0.2");
      await first.shutdown();
      assertEquals(await whoAnswers(program), "127.0.0.2");
    },
  });
}
