import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { runConfig } from "../../../src/commands/client/config.ts";
import type { ClientName } from "../../../src/config/commands.ts";
import type { Program } from "../../../src/commands/context.ts";
import { CommandWorld, PROGRAM, TARGET } from "../command_world.ts";
import { COMPILED } from "./zed_entry.ts";
import type { Outcome } from "../../support/program/outcome.ts";

const HOST = "https://abc123.execute-api.eu-west-1.amazonaws.com";
const SIGNED = ["--service=a", "--region=b"];

/** A client's file, which `config --write` is run upon. */
class ClientWorld implements AsyncDisposable {
  readonly home: CommandWorld;
  readonly path: string;
  readonly #client: ClientName;

  private constructor(home: CommandWorld, client: ClientName) {
    this.home = home;
    this.path = home.path("client/file");
    this.#client = client;
  }

  static async make(
    client: ClientName,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<ClientWorld> {
    return new ClientWorld(await CommandWorld.make(variables), client);
  }

  /** Runs `config --write` and expects that it does what it is asked. */
  async write(
    args: readonly string[],
    program: Program = PROGRAM,
  ): Promise<Outcome> {
    const outcome = await this.#run(args, program);
    assertEquals(outcome.code, 0, outcome.stderr);
    return outcome;
  }

  /** Runs it and expects that the file stays; gives what it says of that. */
  async refusal(args: readonly string[]): Promise<string> {
    const before = await this.text();
    const { code, stdout, stderr } = await this.#run(args, PROGRAM);
    assertEquals([code, stdout], [1, ""], stderr);
    assertEquals(await this.text(), before);
    return stderr;
  }

  #run(args: readonly string[], program: Program): Promise<Outcome> {
    const own = [this.#client, "--write", "--file", this.path];
    const changes = { program, os: "linux" } as const;
    return this.home.run(runConfig, [...own, ...args], changes);
  }

  text(): Promise<string> {
    return Deno.readTextFile(this.path);
  }

  async put(text: string): Promise<void> {
    await this.home.write("client/file", text);
  }

  /** The entries in it, by their names. */
  async entries() {
    const file = parseYaml(await this.text());
    return file.mcpServers ?? file.servers ?? file.extensions;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.home[Symbol.asyncDispose]();
  }
}

for (
  const [what, first, second, name, free] of [
    [
      "another stage",
      [`${HOST}/dev/mcp`],
      [`${HOST}/prod/mcp`],
      "abc123",
      "abc123-prod",
    ],
    [
      "another port",
      ["http://localhost:8080/mcp", ...SIGNED],
      ["http://localhost:8081/mcp", ...SIGNED],
      "sigv4-proxy",
      "sigv4-proxy-8081",
    ],
    [
      "another query",
      [`${HOST}/mcp?x=1`],
      [`${HOST}/mcp?x=2`],
      "abc123",
      "abc123-2",
    ],
    [
      "another profile",
      [TARGET, "--profile", "one"],
      [TARGET, "--profile", "two"],
      "abc123",
      "abc123-two",
    ],
    [
      "no profile",
      [TARGET, "--profile", "one"],
      [TARGET],
      "abc123",
      "abc123-prod",
    ],
  ] as const
) {
  Deno.test(`an entry is not replaced by that of ${what}, and another name is offered`, async () => {
    await using world = await ClientWorld.make("cursor");
    await world.write(first);
    const said = await world.refusal(second);
    assertStringIncludes(said, `there is another "${name}" in it: add --repl`);
    assertStringIncludes(said, `(--name ${free})`);
    await world.refusal([...second, "--name", name]);

    await world.write([...second, "--name", free]);
    assertEquals(Object.keys(await world.entries()), [name, free]);
  });
}

Deno.test("--replace puts the entry of another target in the place of one", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.write([`${HOST}/dev/mcp`]);
  const { stdout } = await world.write([TARGET, "--replace"]);
  assertStringIncludes(stdout, 'updated "abc123"');
  assertEquals((await world.text()).includes("/dev/mcp"), false);
});

Deno.test("what an entry has is not lost unless --replace is given, and is named without its values", async () => {
  await using world = await ClientWorld.make("cursor", { AWS_PROFILE: "one" });
  const rules = ["--read-only", "--deny-tool=delete_*", "--deny-tool=drop_*"];
  await world.write([
    `${HOST}/dev/mcp?key=a-secret`,
    ...rules,
    "--no-recover",
    "--header=X-Key:a-secret",
    "--timeout=30s",
  ]);
  const options = [TARGET, "--deny-tool=drop_*", "--profile=two"];
  const said = await world.refusal(options);
  assertStringIncludes(
    said,
    'there is another "abc123" in it: add --replace, and it loses what only ' +
      "it has (another URL, --header, --no-recover, --read-only, " +
      "--deny-tool, --timeout, AWS_PROFILE), or name this one otherwise",
  );
  for (const value of ["a-secret", "delete_*"]) {
    assertEquals(said.includes(value), false);
  }
  const { stderr } = await world.write([...options, "--replace"]);
  assertStringIncludes(
    stderr,
    "the entry before had another URL, --header, --no-recover, ",
  );
  const { abc123: { args } } = await world.entries();
  assertEquals(
    args.slice(args.indexOf(TARGET) + 1),
    ["--deny-tool", "drop_*", "--profile", "two"],
  );
});

Deno.test("an entry that only gets more loses nothing by --replace", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.write([TARGET]);
  const said = await world.refusal([TARGET, "--read-only"]);
  assertStringIncludes(said, "add --replace, and it loses nothing, or name");
  const { stderr } = await world.write([TARGET, "--read-only", "--replace"]);
  assertEquals(stderr.includes("the entry before had"), false);
});

for (const client of ["cline", "kiro"] as const) {
  Deno.test(`${client} keeps a server turned off when its entry is brought up to date`, async () => {
    await using world = await ClientWorld.make(client);
    await world.write([TARGET]);
    const text = await world.text();
    await world.put(text.replace('"disabled": false', '"disabled": true'));
    await world.write([TARGET, "--read-only", "--replace"]);
    const { abc123 } = await world.entries();
    assertEquals([abc123.disabled, abc123.args.at(-1)], [true, "--read-only"]);
  });
}

Deno.test("goose keeps its switch, its time and its name when an entry is brought up to date", async () => {
  await using world = await ClientWorld.make("goose");
  await world.write([TARGET]);
  const text = await world.text();
  await world.put(
    text.replace("enabled: true", "enabled: false")
      .replace("timeout: 300", "timeout: 900")
      .replace("name: abc123", "name: mine"),
  );
  await world.write([TARGET, "--read-only", "--replace"]);
  const { abc123 } = await world.entries();
  assertEquals(
    [abc123.enabled, abc123.timeout, abc123.name, abc123.args.at(-1)],
    [false, 900, "mine", "--read-only"],
  );
});

for (const client of ["cursor", "goose"] as const) {
  Deno.test(`${client}: the profile of a variable goes when another is named by a flag, and other variables stay`, async () => {
    await using world = await ClientWorld.make(client, { AWS_PROFILE: "one" });
    await world.write([TARGET]);
    const text = await world.text();
    await world.put(
      client === "goose"
        ? text.replace("AWS_PROFILE: one", "AWS_PROFILE: one\n      EXTRA: 1")
        : text.replace('"one"', '"one", "EXTRA": 1'),
    );
    await world.write([TARGET, "--profile=two", "--replace"]);
    const { abc123 } = await world.entries();
    assertEquals(abc123.env ?? abc123.envs, { EXTRA: 1 });
    assertEquals(abc123.args.slice(-2), ["--profile", "two"]);
  });
}

for (const program of [PROGRAM, COMPILED]) {
  Deno.test(`started by ${program.command}, it does nothing the second time`, async () => {
    await using world = await ClientWorld.make("cursor");
    await world.write([TARGET, "--read-only"], program);
    const { stdout } = await world.write([TARGET, "--read-only"], program);
    assertStringIncludes(stdout, "already");
  });
}

for (
  const [words, lost] of [
    [["npx", "-y", "mcp-sigv4-proxy", TARGET], "another command, other arg"],
    [["/path/to/sigv4-proxy", TARGET], "(another command)"],
    [["/usr/bin/deno", "run", "-A", PROGRAM.module, TARGET], "nothing"],
    [["/usr/bin/deno", "run", "-A", "jsr:@x/y", TARGET], "(other arguments)"],
    [
      ["/usr/bin/deno", "run", "--deny-net=a", PROGRAM.module, TARGET],
      "(--deny-",
    ],
    [["docker", "run", "-e", "K=s", "x", TARGET], "command, -e, other arg"],
  ] as const
) {
  Deno.test(`an entry that starts ${words.join(" ")} stays unless --replace is given, and what else is in it stays then, too`, async () => {
    await using world = await ClientWorld.make("cursor");
    const [command, ...args] = words;
    const entry = { command, args, env: { EXTRA: "1" }, timeout: 9 };
    await world.put(JSON.stringify({ mcpServers: { abc123: entry, z: {} } }));
    assertStringIncludes(await world.refusal([TARGET]), lost);
    await world.write([TARGET, "--replace"]);
    const { abc123, z } = await world.entries();
    assertEquals(abc123, {
      ...entry,
      command: PROGRAM.command,
      args: abc123.args,
    });
    assertEquals(abc123.args.slice(-2), [PROGRAM.module, TARGET]);
    assertEquals(z, {});
  });
}

Deno.test("the entry of a remote server stays unless --replace is given, and is gone as a whole then", async () => {
  await using world = await ClientWorld.make("vscode");
  const entry = { type: "http", url: TARGET, headers: { "X-Key": "s3cret" } };
  await world.put(JSON.stringify({ servers: { abc123: entry } }));
  const said = await world.refusal([TARGET]);
  assertStringIncludes(said, "only it has (type, url, X-Key), or");
  assertEquals(said.includes("s3cret"), false);
  await world.write([TARGET, "--replace"]);
  const { abc123 } = await world.entries();
  assertEquals(Object.keys(abc123), ["type", "command", "args"]);
});

Deno.test("beside the copy of a repository's file stands that it is not to be committed, and beside no other", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.write([TARGET]);
  const more = [TARGET, "--replace", "--read-only"];
  const outside = await world.write(more);
  assertStringIncludes(outside.stdout, ".bak");
  assertEquals(outside.stderr.includes("repository"), false);
  await Deno.mkdir(world.home.path(".git"));
  const inside = await world.write([...more, "--bridge"]);
  assertStringIncludes(inside.stderr, "keep the copy (*.bak) out of it");
});

Deno.test("a byte order mark stays before the text of a file", async () => {
  await using client = await ClientWorld.make("cursor");
  await client.put('\uFEFF{ "mcpServers": { "b": { "command": "b" } } }');
  await client.write([TARGET]);
  const bytes = await Deno.readFile(client.path);
  assertEquals([...bytes.slice(0, 4)], [0xef, 0xbb, 0xbf, 0x7b]);
  assertEquals(Object.keys(await client.entries()), ["b", "abc123"]);
});
