/**
 * One login at a time for all programs of a machine: a file beside the token
 * that says who logs in, and since when.
 *
 * The lock itself is the operating system's, which takes it back from a program
 * that has ended. So a file that was left behind locks nobody out. One that is
 * held past its time, by a program that stands still, counts no more.
 */

import { parseRecord } from "../../../json.ts";
import { limitedFile } from "../../../limited_text.ts";
import { isSameFile } from "../../../same_file.ts";
import { delay } from "../../../time.ts";
import { type Need, notGranted } from "../../../permissions.ts";

/** How often whoever waits looks whether the token is there. */
const LOOK_MS = 500;

/** Where nothing can be locked, everyone has the lock. */
const NO_LOCK: AsyncDisposable = {
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Waits for the lock; `undefined` if another one has done the work meanwhile. */
export async function lockUnless(
  isDone: () => Promise<boolean>,
  tokenFile: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<AsyncDisposable | undefined> {
  for (;;) {
    const lock = await tryLock(tokenFile, limitMs);
    if (await isDone()) {
      await lock?.[Symbol.asyncDispose]();
      return undefined;
    }
    if (lock !== undefined) return lock;
    await delay(LOOK_MS, signal);
  }
}

/** Whether it could be had: others will wait, and the token can be written. */
export async function canLock(tokenFile: string): Promise<boolean> {
  await using lock = await tryLock(tokenFile, 0);
  return lock !== NO_LOCK;
}

async function tryLock(
  tokenFile: string,
  limitMs: number,
): Promise<AsyncDisposable | undefined> {
  const { dirname } = process.getBuiltinModule("node:path");
  const value = dirname(tokenFile);
  const needs = (["read", "write"] as const).map((kind): Need => (
    { kind, value, why: "let one program at a time log in" }
  ));
  if (notGranted(needs).length > 0) return NO_LOCK;
  try {
    await Deno.mkdir(value, { recursive: true, mode: 0o700 });
    const path = tokenFile.replace(/\.json$/, ".login.lock");
    return await tryOpen(path, limitMs);
  } catch {
    // A disk that is not written to, or that knows no locks.
    return NO_LOCK;
  }
}

async function tryOpen(
  path: string,
  limitMs: number,
): Promise<AsyncDisposable | undefined> {
  using opened = new DisposableStack();
  const options = { read: true, write: true, create: true, mode: 0o600 };
  const file = opened.use(await Deno.open(path, options));
  if (!await file.tryLock(true)) {
    return await isOutdated(path, limitMs) ? NO_LOCK : undefined;
  }
  const there = await Deno.lstat(path).catch(() => undefined);
  // What a link leads to is not this program's to write over.
  if (there?.isSymlink) return NO_LOCK;
  // Whoever had it before may have taken the file away.
  if (!there || !isSameFile(there, await file.stat())) return undefined;
  const since = new Date();
  const until = new Date(since.getTime() + limitMs);
  const text = JSON.stringify({ pid: Deno.pid, since, until });
  await file.truncate();
  await file.write(new TextEncoder().encode(text));
  const held = opened.move();
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      await Deno.remove(path).catch(() => {});
      held.dispose();
    },
  };
}

/** Whether a lock that is held has been held for longer than it may. */
async function isOutdated(path: string, limitMs: number): Promise<boolean> {
  const text = await limitedFile(path).catch(() => "");
  const { until = "" } = parseRecord(text) ?? {};
  // One that has just been taken away is not outdated.
  const { mtime } = await Deno.stat(path).catch(() => ({ mtime: null }));
  const since = mtime?.getTime() ?? Date.now();
  // What is no time of ours may be another program's.
  return (Date.parse(`${until}`) || since + limitMs) < Date.now();
}
