import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { resolve } from "node:path";
import { parse } from "yaml";
import { CLIENTS } from "../../../src/commands/client/clients.ts";
import { CLIENT_NAMES } from "../../../src/config/commands.ts";
import { runConfig } from "../../../src/commands/client/config.ts";
import type { Program } from "../../../src/commands/context.ts";
import { ConfigError } from "../../../src/errors.ts";
import { JSR_PACKAGE, NPM_NAME, VERSION } from "../../../src/version.ts";
import { CommandWorld, TARGET } from "../command_world.ts";

const CHECKOUT = "/home/u/a checkout/mod.ts";

const NPM_PACKAGE = `${NPM_NAME}@${VERSION}`;

for (
  const [os, deno, launch] of [
    ["linux", "/home/u/.npm/_npx/0a1b/node_modules/deno/deno", ["npx"]],
    ["darwin", "/Users/u/.npm/_npx/0a1b/node_modules/deno/deno", ["npx"]],
    [
      "windows",
      "C:\\Users\\u\\AppData\\Local\\npm-cache\\_npx\\0a1b\\node_modules\\deno\\deno.exe",
      ["cmd", "/c", "npx"],
    ],
  ] as const
) {
  Deno.test(`where npx runs a checkout on ${os}, the entry starts npx and not a file that npm may remove`, async () => {
    await using world = await CommandWorld.make();
    const { stdout, stderr } = await world.run(runConfig, ["zed", TARGET], {
      program: { command: deno, module: CHECKOUT },
      os,
    });
    const { command, args } = JSON.parse(stdout).context_servers.abc123;
    const words = [command, ...args];
    assertEquals(words.slice(0, launch.length + 4), [
      ...launch,
      "-y",
      "deno@2",
      "run",
      "--no-prompt",
    ]);
    assertEquals(words.slice(-2), [CHECKOUT, TARGET]);
    assertEquals(stdout.includes("_npx"), false);
    assertStringIncludes(stderr, "npm may empty");
  });

  Deno.test(`where npx runs what is published on ${os}, and no Deno is installed, the entry starts the npm package`, async () => {
    await using world = await CommandWorld.make();
    for (
      const program of [
        { command: deno, module: JSR_PACKAGE },
        { command: deno, module: JSR_PACKAGE, npmPackage: NPM_PACKAGE },
        {
          command: "/usr/lib/node_modules/@deno/linux-x64-glibc/deno",
          module: JSR_PACKAGE,
          npmPackage: NPM_PACKAGE,
        },
      ]
    ) {
      const args = ["zed", TARGET, "--read-only"];
      const { stdout, stderr } = await world.run(runConfig, args, {
        program,
        os,
      });
      const entry = JSON.parse(stdout).context_servers.abc123;
      assertEquals([entry.command, ...entry.args], [
        ...launch,
        "-y",
        NPM_PACKAGE,
        TARGET,
        "--read-only",
      ]);
      assertStringIncludes(stderr, "on its PATH");
    }
  });
}

for (
  const [os, variables, lock] of [
    ["linux", { HOME: "/h" }, "/h/.cache/deno"],
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "/c" }, "/c/deno"],
    ["darwin", { HOME: "/h" }, "/h/Library/Caches/deno"],
    ["windows", { LOCALAPPDATA: "/local" }, "/local/deno"],
    ["linux", { HOME: "/h", DENO_DIR: "/d" }, "/d"],
    ["windows", { HOME: "/h" }, undefined],
  ] as const
) {
  Deno.test(`on ${os} with ${JSON.stringify(variables)} Deno keeps the versions of packages in ${lock ?? "no file"}, and takes up no project that the client is in`, async () => {
    await using world = await CommandWorld.make();
    const start = async (module: string) => {
      const { stdout } = await world.run(
        runConfig,
        ["zed", TARGET, "--profile=x", "--file=/f"],
        {
          program: { command: "/usr/bin/deno", module },
          os,
          env: (name) => new Map(Object.entries(variables)).get(name),
        },
      );
      const { args } = JSON.parse(stdout).context_servers.abc123;
      return args.slice(1, args.indexOf("--no-prompt"));
    };
    assertEquals(await start(JSR_PACKAGE), [
      "--no-config",
      ...lock === undefined ? [] : [`--lock=${lock}/sigv4-proxy.lock`],
    ]);
    // A checkout has a configuration and a lock file of its own.
    assertEquals(await start(CHECKOUT), []);
  });
}

for (const name of CLIENT_NAMES) {
  Deno.test(`--launch npx writes an entry for ${name} that starts the npm package`, async () => {
    await using world = await CommandWorld.make();
    const file = world.path("entry");
    const { code, stderr } = await world.run(
      runConfig,
      [name, "--launch", "npx", "--write", "--file", file, TARGET],
      {
        program: { command: "/usr/bin/deno", module: JSR_PACKAGE },
        os: "linux",
      },
    );
    assertEquals(code, 0, stderr);
    const text = await Deno.readTextFile(file);
    const { container = "mcpServers" } = CLIENTS[name];
    // YAML, too, reads as such.
    const entry = parse(text)[container].abc123;
    assertEquals([entry.command ?? entry.cmd, ...entry.args], [
      "npx",
      "-y",
      NPM_PACKAGE,
      TARGET,
    ]);
  });
}

Deno.test("--launch deno starts the Deno on PATH with what is published, where the npm package or a compiled program runs", async () => {
  await using world = await CommandWorld.make();
  const deno = await world.write("bin/deno", "");
  const env = (name: string) =>
    name === "PATH" ? world.path("bin") : world.env(name);
  for (
    const program of [
      { command: "/opt/deno", module: JSR_PACKAGE, npmPackage: NPM_PACKAGE },
      { command: "/opt/sigv4-proxy", module: undefined },
    ]
  ) {
    const args = ["zed", "--launch=deno", TARGET];
    const changes = { program, os: "linux" } as const;
    const found = await world.run(runConfig, args, { ...changes, env });
    const entry = JSON.parse(found.stdout).context_servers.abc123;
    assertEquals([entry.command, entry.args[0]], [deno, "run"]);
    assertEquals(entry.args.slice(-2), [JSR_PACKAGE, TARGET]);
    const none = await world.run(runConfig, args, changes);
    assertEquals(
      JSON.parse(none.stdout).context_servers.abc123.command,
      "deno",
    );
    assertStringIncludes(none.stderr, "no Deno on this PATH");
  }
});

Deno.test("there is no third way to launch it", async () => {
  await using world = await CommandWorld.make();
  await assertRejects(
    () => world.run(runConfig, ["zed", "--launch", "bunx", TARGET]),
    ConfigError,
    '--launch must be npx or deno, got "bunx"',
  );
});

Deno.test("what the shell of Windows would read itself is told", async () => {
  await using world = await CommandWorld.make();
  const url = `${TARGET}?a=1&b=2`;
  const { stderr } = await world.run(
    runConfig,
    ["zed", "--launch", "npx", url],
    { os: "windows" },
  );
  assertStringIncludes(stderr, "the shell of Windows");
});

Deno.test("a Deno that is installed is started by its path, whatever its path is like", async () => {
  await using world = await CommandWorld.make();
  for (
    const deno of [
      "/usr/lib/node_modules/deno/deno",
      "/home/u/my_npx/deno",
      "C:\\Users\\u\\.deno\\bin\\deno.exe",
    ]
  ) {
    const { stdout, stderr } = await world.run(runConfig, ["zed", TARGET], {
      program: { command: deno, module: JSR_PACKAGE },
    });
    const { command, args } = JSON.parse(stdout).context_servers.abc123;
    assertEquals([command, args[0]], [deno, "run"]);
    assertEquals(stderr.includes("npx"), false);
  }
});

Deno.test({
  name:
    "a Deno that PATH has by a link is started by the link, which outlives an upgrade",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using world = await CommandWorld.make();
    const real = await world.write("Cellar/deno/2.9.6/bin/deno", "");
    const other = await world.write("other/deno", "");
    await Deno.mkdir(world.path("bin"));
    await Deno.symlink(real, world.path("bin/deno"));
    const path = [other.slice(0, -5), real.slice(0, -5), world.path("bin")];
    const start = async (PATH: string, program: Program) => {
      const { stdout, stderr } = await world.run(
        runConfig,
        ["zed", TARGET],
        {
          program,
          env: (name) => name === "PATH" ? PATH : world.env(name),
        },
      );
      const { command } = JSON.parse(stdout).context_servers.abc123;
      return { command, isNoted: stderr.includes("path of one version") };
    };
    const program = { command: real, module: JSR_PACKAGE };
    const link = world.path("bin/deno");
    assertEquals(
      await start(path.join(":"), program),
      { command: link, isNoted: false },
    );
    assertEquals(
      await start(path.slice(0, 2).join(":"), program),
      { command: real, isNoted: true },
    );
    assertEquals(
      await start("bin:", program),
      { command: real, isNoted: true },
    );
    assertEquals(
      await start(other.slice(0, -5), { command: other, module: JSR_PACKAGE }),
      { command: other, isNoted: false },
    );

    const compiled = await world.write("opt/sigv4-proxy-linux-x64", "");
    await Deno.symlink(compiled, world.path("bin/sigv4-proxy"));
    assertEquals(
      await start(world.path("bin"), { command: compiled, module: undefined }),
      { command: world.path("bin/sigv4-proxy"), isNoted: false },
    );
  },
});

Deno.test("the shared files are named by their whole paths, wherever the client starts the proxy", async () => {
  await using world = await CommandWorld.make({
    AWS_CONFIG_FILE: "cfg",
    AWS_SHARED_CREDENTIALS_FILE: "~/keys",
  });
  const { stdout } = await world.run(runConfig, ["zed", TARGET], {
    program: { command: "/usr/bin/deno", module: JSR_PACKAGE },
  });
  const { args, env } = JSON.parse(stdout).context_servers.abc123;
  const files = [resolve("cfg"), world.path("keys")];
  assertEquals(env, {
    AWS_CONFIG_FILE: files[0],
    AWS_SHARED_CREDENTIALS_FILE: files[1],
  });
  assertEquals(
    args.find((arg: string) => arg.startsWith("--allow-read=")),
    `--allow-read=${files.join(",")}`,
  );
});

Deno.test("what the client has to be given, and what its file shows, is told", async () => {
  await using world = await CommandWorld.make({ TEAM_TOKEN: "a-secret" });
  const { stderr } = await world.run(runConfig, [
    "zed",
    `${TARGET}?key=another-secret`,
    "--header",
    "X-Team: ${TEAM_TOKEN}",
  ]);
  for (
    const words of [
      "TEAM_TOKEN is left out: set it where the client is started",
      "the query of the target URL stands in the entry, in plain text",
    ]
  ) {
    assertStringIncludes(stderr, words);
  }
  assertEquals(stderr.includes("secret"), false);
});
