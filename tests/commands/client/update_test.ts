import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { runConfig } from "../../../src/commands/client/config.ts";
import type { ClientName } from "../../../src/config/commands.ts";
import type { Program } from "../../../src/commands/context.ts";
import { CommandWorld, type Outcome } from "../command_world.ts";

const HOST = "https://abc123.execute-api.eu-west-1.amazonaws.com";
const TARGET = `${HOST}/prod/mcp`;
const SIGNED = ["--service=a", "--region=b"];
const DENO: Program = {
  command: "/usr/bin/deno",
  module: "jsr:@scope/sigv4-proxy@0.1.0",
};
const COMPILED: Program = {
  command: "/opt/sigv4-proxy-linux-x64",
  module: undefined,
};

/** A client's file, which `config --write` is run upon. */
class ClientWorld implements AsyncDisposable {
  readonly #world: CommandWorld;
  readonly #client: ClientName;
  readonly #path: string;

  private constructor(world: CommandWorld, client: ClientName) {
    this.#world = world;
    this.#client = client;
    this.#path = world.path("client/file");
  }

  static async make(
    client: ClientName,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<ClientWorld> {
    return new ClientWorld(await CommandWorld.make(variables), client);
  }

  /** Runs `config --write`. */
  run(args: readonly string[], program = DENO): Promise<Outcome> {
    const own = [this.#client, "--write", "--file", this.#path];
    return this.#world.run(runConfig, [...own, ...args], {
      program,
      os: "linux",
    });
  }

  /** Runs it and expects that it does what it is asked. */
  async write(args: readonly string[], program = DENO): Promise<Outcome> {
    const outcome = await this.run(args, program);
    assertEquals(outcome.code, 0, outcome.stderr);
    return outcome;
  }

  /** Runs it and expects that the file stays; gives what it says of that. */
  async refusal(args: readonly string[], program = DENO): Promise<string> {
    const before = await this.text();
    const { code, stdout, stderr } = await this.run(args, program);
    assertEquals([code, stdout], [1, ""], stderr);
    assertEquals(await this.text(), before);
    return stderr;
  }

  text(): Promise<string> {
    return Deno.readTextFile(this.#path);
  }

  async put(text: string): Promise<void> {
    await this.#world.write("client/file", text);
  }

  /** Makes the directory above the file's one of a repository. */
  async makeRepository(): Promise<void> {
    await Deno.mkdir(this.#world.path(".git"));
  }

  /** The proxy's flags in an entry, after the target. */
  async flags(name: string): Promise<string[]> {
    const { args } = JSON.parse(await this.text()).mcpServers[name];
    return args.slice(
      args.findIndex((arg: string) => arg.startsWith("http")) + 1,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#world[Symbol.asyncDispose]();
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
    assertStringIncludes(said, `"${name}" in it is the proxy for another `);
    assertStringIncludes(said, free);
    await world.refusal([...second, "--name", name]);

    await world.write([...second, "--name", free]);
    const { mcpServers } = JSON.parse(await world.text());
    assertEquals(Object.keys(mcpServers), [name, free]);
  });
}

Deno.test("--replace puts the entry of another target in the place of one", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.write([`${HOST}/dev/mcp`]);
  const { stdout } = await world.write([TARGET, "--replace"]);
  assertStringIncludes(stdout, 'updated "abc123"');
  assertEquals((await world.text()).includes("/dev/mcp"), false);
});

Deno.test("a flag that an entry has is not lost unless --replace is given, and is named then", async () => {
  await using world = await ClientWorld.make("cursor");
  const rules = ["--read-only", "--deny-tool=delete_*", "--deny-tool=drop_*"];
  await world.write([TARGET, ...rules, "--no-recover", "--timeout=30s"]);
  const said = await world.refusal([TARGET, "--deny-tool=drop_*"]);
  assertStringIncludes(
    said,
    "(--no-recover, --read-only, --deny-tool, --timeout)",
  );
  assertEquals(said.includes("delete_*"), false);

  const changed = [TARGET, ...rules, "--no-recover", "--timeout=90s"];
  await world.write([...changed, "--deny-tool=more"]);
  assertEquals((await world.flags("abc123")).slice(-2), ["--timeout", "90s"]);

  const { stderr } = await world.write([TARGET, "--replace"]);
  assertStringIncludes(stderr, "the entry before had --no-recover, ");
  assertEquals(await world.flags("abc123"), []);
});

Deno.test("a rule in a variable of the entry counts, and a flag that overrules it loses it", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.put(JSON.stringify({
    mcpServers: {
      abc123: {
        command: "deno",
        args: ["run", "--deny-net=10.0.0.1", "-A", DENO.module, TARGET],
        env: { MCP_DENY_TOOL: "delete_*", MCP_READ_ONLY: "true" },
      },
    },
  }));
  const said = await world.refusal([TARGET, "--deny-tool", "drop_*"]);
  assertStringIncludes(said, "not have (--deny-tool): set it again");
  assertStringIncludes(said, "(--deny-net): add --replace");
});

Deno.test("arguments of an entry that are not understood are not lost either", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.put(JSON.stringify({
    mcpServers: {
      abc123: {
        command: "deno",
        args: ["run", "-A", DENO.module, TARGET, "--of-next-year"],
      },
    },
  }));
  const said = await world.refusal([TARGET]);
  assertStringIncludes(said, "arguments that are not understood");
});

for (const client of ["cline", "kiro"] as const) {
  Deno.test(`${client} keeps a server turned off when its entry is brought up to date`, async () => {
    await using world = await ClientWorld.make(client);
    await world.write([TARGET]);
    const text = await world.text();
    await world.put(text.replace('"disabled": false', '"disabled": true'));
    await world.write([TARGET, "--read-only"]);
    const { abc123 } = JSON.parse(await world.text()).mcpServers;
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
  await world.write([TARGET, "--read-only"]);
  const { abc123 } = parseYaml(await world.text()).extensions;
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
    const after = parseYaml(await world.text());
    const { abc123 } = after.mcpServers ?? after.extensions;
    assertEquals(abc123.env ?? abc123.envs, { EXTRA: 1 });
    assertEquals(abc123.args.slice(-2), ["--profile", "two"]);
  });
}

Deno.test("the same profile, by a flag now, is the same server", async () => {
  await using world = await ClientWorld.make("cursor", { AWS_PROFILE: "one" });
  await world.write([TARGET]);
  await world.write([TARGET, "--profile=one"]);
  const { abc123 } = JSON.parse(await world.text()).mcpServers;
  assertEquals(abc123.env, {});
});

Deno.test("a compiled program knows its entry, and does nothing the second time", async () => {
  await using world = await ClientWorld.make("cursor");
  for (const command of [COMPILED.command, "/opt/renamed"]) {
    const program = { command, module: undefined };
    const args = [TARGET, "--name", command.slice(5)];
    await world.write(args, program);
    const { stdout } = await world.write(args, program);
    assertStringIncludes(stdout, "already");
    await world.write([...args, "--read-only"], program);
  }
});

for (
  const [command, ...args] of [
    ["/home/me/bin/sigv4-proxy-macos-arm64"],
    ["C:\\tools\\sigv4-proxy-windows-x64.exe"],
    ["deno", "run", "-A", "/home/me/sigv4-proxy/mod.ts"],
    ["C:\\deno.exe", "run", "C:\\src\\sigv4-proxy\\mod.ts"],
    ["npx", "-y", "deno@2", "run", "-A", "jsr:@scope/sigv4-proxy"],
    ["cmd", "/c", "npx", "deno", "jsr:/@scope/sigv4-proxy@^0.1"],
    ["deno", "run", "-L", "info", "-A", "jsr:@scope/sigv4-proxy"],
    ["deno", "run", "https://jsr.io/@scope/sigv4-proxy/0.0.9/mod.ts"],
  ]
) {
  Deno.test(`an entry that starts ${[command, ...args].join(" ")} is the proxy's, and brought up to date`, async () => {
    await using world = await ClientWorld.make("cursor");
    for (const program of [DENO, COMPILED]) {
      const entry = { command, args: [...args, TARGET], env: { EXTRA: "1" } };
      await world.put(JSON.stringify({ mcpServers: { abc123: entry } }));
      await world.write([TARGET], program);
      const { abc123 } = JSON.parse(await world.text()).mcpServers;
      assertEquals(abc123.command, program.command);
      assertEquals(abc123.env, { EXTRA: "1" });
    }
  });
}

for (
  const [word, command, ...args] of [
    ["sigv4-proxy", "sigv4-proxy"],
    ["/path/to/sigv4-proxy", "/path/to/sigv4-proxy"],
    ["C:\\tools\\sigv4-proxy.exe", "C:\\tools\\sigv4-proxy.exe"],
    [
      "jsr:@other/sigv4-proxy@0.1.0",
      "deno",
      "run",
      "-A",
      "jsr:@other/sigv4-proxy@0.1.0",
    ],
    [
      "https://jsr.io/@other/sigv4-proxy/0.1.0/mod.ts",
      "deno",
      "https://jsr.io/@other/sigv4-proxy/0.1.0/mod.ts",
    ],
    [
      "https://example.com/sigv4-proxy/mod.ts",
      "deno",
      "run",
      "https://example.com/sigv4-proxy/mod.ts",
    ],
  ]
) {
  Deno.test(`an entry that starts ${[command, ...args].join(" ")} may be another program's, and stays unless --replace is given`, async () => {
    await using world = await ClientWorld.make("cursor");
    for (const program of [DENO, COMPILED]) {
      const entry = {
        command,
        args: [...args, "--target-url", TARGET, "--region", "eu-west-1"],
      };
      await world.put(JSON.stringify({ mcpServers: { abc123: entry } }));
      const options = [TARGET, "--region=eu-west-1"];
      const said = await world.refusal(options, program);
      assertStringIncludes(said, `starts '${word}', which may be another`);
      await world.write([...options, "--replace"], program);
      const { abc123 } = JSON.parse(await world.text()).mcpServers;
      assertEquals(abc123.command, program.command);
    }
  });
}

Deno.test({
  name:
    "a name in an entry is the program's if PATH leads from it to that file, and to no other one first",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using files = await CommandWorld.make();
    const program = {
      command: await files.write("opt/sigv4-proxy", ""),
      module: undefined,
    };
    await files.write("other/sigv4-proxy", "");
    await Deno.mkdir(files.path("bin"));
    await Deno.symlink(program.command, files.path("bin/sigv4-proxy"));
    for (
      const [directories, command, isOwn] of [
        [["bin"], "sigv4-proxy", true],
        [["none", "bin", "other"], "sigv4-proxy", true],
        [["other", "bin"], "sigv4-proxy", false],
        [["other"], "sigv4-proxy", false],
        [["other", "bin"], files.path("bin/sigv4-proxy"), true],
        [["other", "bin"], files.path("other/sigv4-proxy"), false],
      ] as const
    ) {
      const PATH = directories.map((name) => files.path(name)).join(":");
      await using world = await ClientWorld.make("cursor", { PATH });
      const entry = { command, args: [TARGET] };
      await world.put(JSON.stringify({ mcpServers: { abc123: entry } }));
      const options = [TARGET, "--read-only"];
      if (isOwn) await world.write(options, program);
      else await world.refusal(options, program);
    }
  },
});

for (
  const [command, ...args] of [
    ["docker", "run", "-i", "ghcr.io/x/sigv4-proxy"],
    ["docker", "run", "-i", "jsr:@scope/sigv4-proxy"],
    ["npx", "mcp-sigv4-proxy"],
    ["npx", "-y", "sigv4-proxy"],
    ["npx", "-y", "@evil/other", "/opt/sigv4-proxy/mod.ts"],
    ["npx", "-y", "@evil/other", "jsr:@scope/sigv4-proxy"],
    ["deno", "run", "-A", "npm:other", "jsr:@scope/sigv4-proxy"],
    ["deno", "task", "start", "/opt/sigv4-proxy/mod.ts"],
    ["/opt/run", "/opt/sigv4-proxy/mod.ts"],
    ["/opt/aws-sigv4-proxy"],
    ["deno", "run", "-A", "/home/me/other/mod.ts"],
  ]
) {
  Deno.test(`an entry that starts ${[command, ...args].join(" ")} is somebody else's, and stays even with --replace`, async () => {
    await using world = await ClientWorld.make("cursor");
    const entry = { command, args: [...args, TARGET] };
    await world.put(JSON.stringify({ mcpServers: { abc123: entry } }));
    for (const program of [DENO, COMPILED]) {
      const said = await world.refusal([TARGET, "--replace"], program);
      assertStringIncludes(said, 'there is another "abc123" in it');
    }
  });
}

Deno.test("flags of Deno's are not asked for again, since config takes none", async () => {
  await using world = await ClientWorld.make("cursor");
  const deno = ["run", "--deny-net=10.0.0.1", "--cert", "ca.pem", "-A"];
  await world.put(JSON.stringify({
    mcpServers: {
      abc123: { command: "deno", args: [...deno, DENO.module, TARGET] },
    },
  }));
  const said = await world.refusal([TARGET]);
  assertStringIncludes(said, "(--deny-net, --cert): add --replace, and then");
  assertEquals(said.includes("set it again"), false);
  const { stderr } = await world.write([TARGET, "--replace"]);
  assertStringIncludes(stderr, "the entry before had --deny-net, --cert");
});

for (
  const [profile, flag] of [
    ["one", "--profile one"],
    ["my own", "--profile 'my own'"],
    ["-odd", "--profile=-odd"],
  ]
) {
  Deno.test(`where an entry has the profile ${profile} and the command none, it says how to name that`, async () => {
    await using world = await ClientWorld.make("cursor");
    await world.write([TARGET, `--profile=${profile}`]);
    const said = await world.refusal([TARGET]);
    assertStringIncludes(said, `another profile: add ${flag}, name`);
    const other = await world.refusal([TARGET, "--profile=two"]);
    assertEquals(other.includes(flag), false);
  });
}

Deno.test("beside the copy of a repository's file stands that it is not to be committed, and beside no other", async () => {
  await using world = await ClientWorld.make("cursor");
  await world.write([TARGET]);
  const outside = await world.write([TARGET, "--read-only"]);
  assertStringIncludes(outside.stdout, ".bak");
  assertEquals(outside.stderr.includes("repository"), false);
  await world.makeRepository();
  const inside = await world.write([TARGET, "--read-only", "--bridge"]);
  assertStringIncludes(inside.stderr, "keep the copy (*.bak) out of it");
});
