/**
 * How long the command of the npm package takes to its first answer, beside
 * `mod.ts` under the flags that policy prints: in turns, and the best of each,
 * since nothing but other work makes a start longer than it has to be.
 */

import {
  commandLine,
  type LaunchOptions,
  spawn,
} from "../support/program/launch.ts";
import { linesOf } from "../support/lines.ts";
import { npmLaunch, removeNpmPackage } from "../npm/npm_package.ts";
import { NOBODY } from "../support/net/nobody.ts";

const ROUNDS = Number(Deno.env.get("BENCH_ROUNDS") ?? 20);

/** Nothing has to be there: that it is not is an answer, too. */
const target = { url: NOBODY };
const PING = new TextEncoder().encode(
  '{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
);

/** From the start to the first line on stdout, in milliseconds. */
async function firstAnswer(options: LaunchOptions): Promise<number> {
  await using line = await commandLine(options);
  const from = performance.now();
  const child = spawn(line, "null");
  const stdin = child.stdin.getWriter();
  await stdin.write(PING);
  const lines = linesOf(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  const elapsedMs = performance.now() - from;
  await stdin.close();
  while (!(await lines.next()).done);
  await child.status;
  return elapsedMs;
}

// Both may keep compiled code, as they do for a user.
const cache = await Deno.makeTempDir();
const command = await npmLaunch(target, { env: { DENO_DIR: cache } });
try {
  const mod: number[] = [];
  const npm: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    mod.push(await firstAnswer({ target: target.url }));
    npm.push(await firstAnswer(command));
  }
  const [best, bestOfNpm] = [Math.min(...mod), Math.min(...npm)];
  console.log(
    `first answer, best of ${ROUNDS}: mod.ts ${best.toFixed(0)} ms, the npm ` +
      `package ${bestOfNpm.toFixed(0)} ms, ratio ${
        (bestOfNpm / best).toFixed(2)
      } (goal 1.5)`,
  );
} finally {
  await removeNpmPackage();
  await Deno.remove(cache, { recursive: true });
}
