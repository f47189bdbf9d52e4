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
import { COMPILED, zedEntry } from "./zed_entry.ts";

const CHECKOUT = "/home/u/a checkout/mod.ts";
const INSTALLED = { command: "/usr/bin/deno", module: JSR_PACKAGE };
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
    const program = { command: deno, module: CHECKOUT };
    const { words, stdout, stderr } = await zedEntry(
      world,
      [TARGET],
      { program, os },
    );
    const start = [...launch, "-y", "deno@2", "run", "--no-prompt"];
    assertEquals(words.slice(0, start.length), start);
    assertEquals(words.slice(-2), [CHECKOUT, TARGET]);
    assertEquals(stdout.includes("_npx"), false);
    assertStringIncludes(stderr, "npm may empty");
  });

  Deno.test(`where npx runs what is published on ${os}, and no Deno is installed, the entry starts the npm package`, async () => {
    await using world = await CommandWorld.make();
    const module = JSR_PACKAGE;
    const another = "/usr/lib/node_modules/@deno/linux-x64-glibc/deno";
    for (
      const program of [
        { command: deno, module },
        { command: deno, module, npmPackage: NPM_PACKAGE },
        { command: another, module, npmPackage: NPM_PACKAGE },
      ]
    ) {
      const args = [TARGET, "--read-only"];
      const { words, stderr } = await zedEntry(world, args, { program, os });
      assertEquals(words, [...launch, "-y", NPM_PACKAGE, ...args]);
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
    ["linux", { HOME: "/h", XDG_CACHE_HOME: "c" }, "/h/.cache/deno"],
    ["linux", { HOME: "h", XDG_CACHE_HOME: "./c" }, undefined],
    ["windows", { LOCALAPPDATA: "local" }, undefined],
  ] as const
) {
  Deno.test(`on ${os} with ${JSON.stringify(variables)} Deno keeps the versions of packages in ${lock ?? "no file"}, and takes up no project that the client is in`, async () => {
    await using world = await CommandWorld.make();
    const start = async (module: string) => {
      const { words } = await zedEntry(
        world,
        [TARGET, "--profile=x", "--file=/f"],
        {
          program: { command: "/usr/bin/deno", module },
          os,
          env: (name) => new Map(Object.entries(variables)).get(name),
        },
      );
      return words.slice(2, words.indexOf("--no-prompt"));
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
      { program: INSTALLED, os: "linux" },
    );
    assertEquals(code, 0, stderr);
    const { container = "mcpServers" } = CLIENTS[name];
    // YAML, too, reads as such.
    const entry = parse(await Deno.readTextFile(file))[container].abc123;
    const words = [entry.command ?? entry.cmd, ...entry.args];
    assertEquals(words, ["npx", "-y", NPM_PACKAGE, TARGET]);
  });
}

Deno.test("--launch deno starts the Deno on PATH with what is published, where the npm package or a compiled program runs", async () => {
  await using world = await CommandWorld.make();
  const deno = await world.write("bin/deno", "");
  const env = (name: string) =>
    name === "PATH" ? world.path("bin") : world.env(name);
  for (
    const program of [{ ...INSTALLED, npmPackage: NPM_PACKAGE }, COMPILED]
  ) {
    const args = ["--launch=deno", TARGET];
    const changes = { program, os: "linux" } as const;
    const { words } = await zedEntry(world, args, { ...changes, env });
    assertEquals(words.slice(0, 2), [deno, "run"]);
    assertEquals(words.slice(-2), [JSR_PACKAGE, TARGET]);
    const none = await zedEntry(world, args, changes);
    assertEquals(none.words[0], "deno");
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
  const args = ["--launch", "npx", `${TARGET}?a=1&b=2`];
  const { stderr } = await zedEntry(world, args, { os: "windows" });
  assertStringIncludes(stderr, "the shell of Windows");
});

Deno.test("a Deno that is installed is started by its path, whatever its path is like", async () => {
  await using world = await CommandWorld.make();
  for (
    const command of [
      "/usr/lib/node_modules/deno/deno",
      "/home/u/my_npx/deno",
      "C:\\Users\\u\\.deno\\bin\\deno.exe",
    ]
  ) {
    const program = { command, module: JSR_PACKAGE };
    const { words, stderr } = await zedEntry(world, [TARGET], { program });
    assertEquals(words.slice(0, 2), [command, "run"]);
    assertEquals(stderr.includes("npx"), false);
  }
});

Deno.test(
  "a Deno that PATH has by a link is started by the link, which outlives an upgrade",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using world = await CommandWorld.make();
    const real = await world.write("Cellar/deno/2.9.6/bin/deno", "");
    const other = await world.write("other/deno", "");
    const compiled = await world.write("opt/sigv4-proxy-linux-x64", "");
    const link = world.path("bin/deno");
    const compiledLink = world.path("bin/sigv4-proxy");
    await Deno.mkdir(world.path("bin"));
    await Deno.symlink(real, link);
    await Deno.symlink(compiled, compiledLink);
    const [bin, cellar, others] = ["bin", "Cellar/deno/2.9.6/bin", "other"]
      .map((name) => world.path(name));
    const deno = { command: real, module: JSR_PACKAGE };
    for (
      const [PATH, program, command] of [
        [`${others}:${cellar}:${bin}`, deno, link],
        [`${others}:${cellar}`, deno, real],
        ["bin:", deno, real],
        [others, { ...deno, command: other }, other],
        [bin, { command: compiled, module: undefined }, compiledLink],
      ] as [PATH: string, program: Program, command: string][]
    ) {
      const { words, stderr } = await zedEntry(world, [TARGET], {
        program,
        env: (name) => name === "PATH" ? PATH : world.env(name),
      });
      assertEquals(
        [words[0], stderr.includes("path of one version")],
        [command, command === real],
      );
    }
  },
);

Deno.test("the shared files are named by their whole paths, wherever the client starts the proxy", async () => {
  await using world = await CommandWorld.make({
    AWS_CONFIG_FILE: "cfg",
    AWS_SHARED_CREDENTIALS_FILE: "~/keys",
  });
  const program = INSTALLED;
  const { words, env } = await zedEntry(world, [TARGET], { program });
  const [config, credentials] = [resolve("cfg"), world.path("keys")];
  assertEquals(env, {
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: credentials,
  });
  const read = words.find((word) => word.startsWith("--allow-read="));
  assertEquals(read, `--allow-read=${config},${credentials}`);
});

Deno.test("what the client has to be given, and what its file shows, is told", async () => {
  await using world = await CommandWorld.make({
    TEAM_TOKEN: "a-secret",
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "third-secret",
  });
  const args = [`${TARGET}?key=another-secret`, "--header=X: ${TEAM_TOKEN}"];
  const { stderr } = await zedEntry(world, args);
  for (
    const words of [
      "TEAM_TOKEN is left out: set it where the client is started",
      "the query of the target URL stands in the entry, in plain text",
      "the keys of this environment are not written anywhere",
    ]
  ) assertStringIncludes(stderr, words);
  assertEquals(stderr.includes("secret"), false);
});
