#!/usr/bin/env node
/*
 * The command of the npm package: starts the program on the Deno that npm has
 * installed beside it, with the permissions for this very target. Plain
 * CommonJS, which Node starts fastest.
 */
"use strict";

const { spawn, spawnSync } = require("node:child_process");
const { accessSync, chmodSync, constants } = require("node:fs");
const { createRequire } = require("node:module");
const { constants: { signals } } = require("node:os");
const { dirname, join } = require("node:path");
const process = require("node:process");
const { isatty } = require("node:tty");
const { name, version } = require("./package.json");

const isWindows = process.platform === "win32";
const system = `${process.platform}-${process.arch}`;

/** All that is run is in this package: no registry, no file of a project. */
const RUN = ["run", "--cached-only", "--no-lock", "--no-config"];

/** What finding the permissions takes: it looks, and sends nothing. */
const ASKING = [
  "--no-prompt",
  "--allow-env",
  "--allow-read",
  // It looks up the name of an address to listen at.
  "--allow-net",
  "--allow-sys=homedir",
];

function denoPath() {
  const libc = process.platform === "linux" ? "-glibc" : "";
  // It is the dependency of a dependency, which not every installer hoists.
  const besideDeno = createRequire(require.resolve("deno/package.json"));
  const manifest = besideDeno.resolve(`@deno/${system}${libc}/package.json`);
  const path = join(dirname(manifest), isWindows ? "deno.exe" : "deno");
  try {
    accessSync(path, constants.X_OK);
  } catch {
    // What unpacks an archive may leave out who may run what.
    chmodSync(path, 0o755);
  }
  return path;
}

function isMusl() {
  return process.platform === "linux" &&
    !process.report.getReport().header.glibcVersionRuntime;
}

/** Ends the process where there is no Deno to start. */
function giveUp(error) {
  const instead =
    "install Deno (https://deno.com) and run deno run -A jsr:@scope/sigv4-proxy";
  const [reason] = error.message.split("\n");
  const why = isMusl()
    ? "npm has no Deno for Linux without glibc, such as Alpine: take an image " +
      `with glibc, such as node:24-slim, or ${instead}`
    : /^(?:linux|darwin|win32)-(?:x64|arm64)$/.test(system)
    ? `the Deno that npm installs for ${system} cannot be started: install the ` +
      `package again, with its optional dependencies (${reason})`
    : `npm has no Deno for ${system}: ${instead}`;
  process.stderr.write(`${name}: ${why}\n`);
  process.exit(1);
}

/** Ends this process as the program has ended. */
function endAs(code, signal) {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Should the signal be one that this process outlives.
  setTimeout(() => process.exit(128 + signals[signal]), 1_000);
}

/** The permissions of this very run. */
function permissionsFor(deno, args, env) {
  const program = join(__dirname, "lib", "permissions.js");
  const answer = spawnSync(deno, [...RUN, ...ASKING, program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  if (answer.error !== undefined) giveUp(answer.error);
  if (answer.status !== 0) process.exit(1);
  return JSON.parse(answer.stdout);
}

function main() {
  let deno;
  try {
    deno = denoPath();
  } catch (error) {
    giveUp(error);
  }
  const args = process.argv.slice(2);
  const env = {
    ...process.env,
    DENO_NO_UPDATE_CHECK: "1",
    MCP_NPM_PACKAGE: `${name}@${version}`,
  };
  const permissions = permissionsFor(deno, args, env);
  const program = join(__dirname, "lib", "mod.js");
  const child = spawn(deno, [...RUN, ...permissions, program, ...args], {
    stdio: "inherit",
    env,
  });
  child.on("error", giveUp);
  child.on("exit", endAs);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // What a terminal or a console of Windows sends, it sends to the program
      // as well.
      const isSentToAll = isWindows || signal === "SIGINT" && isatty(0);
      if (!isSentToAll) child.kill(signal);
    });
  }
}

main();
