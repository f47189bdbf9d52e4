/**
 * Credentials from a program: `credential_process` of a profile.
 *
 * The program is run as the AWS CLI runs it, without a shell. That keeps the
 * permission to what is run (`--allow-run=/opt/bin/tool`): to allow a shell
 * would be to allow everything. A pipe or a variable in the command needs
 * `sh -c '…'`, there as here.
 */

import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { toBytes } from "@std/streams/to-bytes";
import { messageOf } from "../../../errors.ts";
import { parseRecord, textIn } from "../../../json.ts";
import { maskProgramOutput } from "../../../redact/program_output.ts";
import { type Need, notGranted } from "../../../permissions.ts";
import type { Search } from "../search.ts";
import { demandSendable, type KeyNames } from "../text.ts";
import { type Credentials, hideCredentials } from "../types.ts";
import { followParents } from "../../shared_files/paths.ts";
import { shellSplit, windowsSplit } from "../../shared_files/shell_split.ts";
import { whenOver } from "../../../time.ts";
import { keysIn, untilTheirEnd } from "./keys.ts";

const WHY = "run the profile's credential_process";

const LIMIT_MS = 60_000;

/** What the keys are called that it prints. */
const KEYS: KeyNames = ["AccessKeyId", "SecretAccessKey", "SessionToken"];

/** More than this is no credentials. */
const MAX_OUTPUT_BYTES = 64 * 1024;

export async function runCredentialProcess(
  search: Search,
  command: string,
  limitMs: number = LIMIT_MS,
): Promise<Credentials> {
  const { word, args, fault } = parseCommand(command);
  if (fault !== undefined) throw search.failed(fault);
  const program = followParents(word);
  search.demand(processNeeds(command));
  const name = `credential_process ${program}`;
  const fail = (what: string) => search.failed(`${name} ${what}`);
  const isGroup = mayKillGroup();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: isGroup,
    }).spawn();
  } catch (error) {
    const isNotFound = error instanceof Deno.errors.NotFound;
    const why = isNotFound ? whyNotFound(program) : messageOf(error);
    throw fail(`could not be run: ${why}`);
  }
  const output = await outputOf(child, isGroup, limitMs).catch((error) => {
    throw fail(`was ended: ${messageOf(error)}`);
  });
  if (output.success) return parseAnswer(search, name, output.stdout);
  const end = output.signal ?? `exit code ${output.code}`;
  // Its stderr may hold any secret (`set -x`), and an error goes to a model.
  // UTF-16 has a NUL in each letter, which would hide it from the redactor.
  const said = search.redactor.redact(
    new TextDecoder().decode(output.stderr.filter((byte) => byte !== 0)),
  );
  search.log.debug(`${name} ended with ${end}`, {
    stderr: maskProgramOutput(said),
  });
  throw fail(`ended with ${end}; what it wrote to stderr is in the debug log`);
}

/** The permissions for that: none for what cannot be run. */
export function processNeeds(command: string): Need[] {
  const { word, fault } = parseCommand(command);
  if (fault !== undefined) return [];
  return [{ kind: "run", value: followParents(word), why: WHY }];
}

function parseCommand(
  command: string,
): { word: string; args: string[]; fault?: string } {
  const split = Deno.build.os === "windows" ? windowsSplit : shellSplit;
  try {
    const [word = "", ...args] = split(command);
    const fault = word === ""
      ? "credential_process is empty"
      // What is set there may be a secret: it is not shown.
      : /^[^/\\]*=/.test(word)
      ? "credential_process begins with a variable, which only a shell sets: " +
        "name a shell (sh -c)"
      : undefined;
    return { word, args, fault };
  } catch (error) {
    const what = "credential_process cannot be split into words";
    return { word: "", args: [], fault: `${what}: ${messageOf(error)}` };
  }
}

/** A script without the program of its first line is not found, either. */
function whyNotFound(program: string): string {
  const mayLook = program.includes("/") &&
    notGranted([{ kind: "read", value: program, why: WHY }]).length === 0;
  const { existsSync } = process.getBuiltinModule("node:fs");
  return mayLook && existsSync(program)
    ? "the program that its first line (#!) names is not there"
    : "there is no such program";
}

function parseAnswer(
  search: Search,
  name: string,
  stdout: Uint8Array,
): Credentials {
  const fail = (what: string) => search.failed(`${name} ${what}`);
  const answer = parseRecord(new TextDecoder().decode(stdout));
  if (answer === undefined) throw fail("did not print JSON");
  const [id, secret, token] = KEYS;
  hideCredentials(search.redactor, {
    secretAccessKey: textIn(answer, secret),
    sessionToken: textIn(answer, token),
  });
  if (answer.Version !== 1) throw fail('did not print "Version": 1');
  const keys = keysIn(answer, KEYS);
  if (keys === undefined) throw fail(`printed no ${id} or no ${secret}`);
  const [ofId, ofSecret, ofToken] = KEYS.map((key) => `${key} of ${name}`);
  demandSendable(search, keys, [ofId, ofSecret, ofToken]);
  const until = answer.Expiration;
  return untilTheirEnd(search, keys, until, {
    wrong: `${name} printed an Expiration that is no ISO 8601 time`,
    over: () => `${name} printed credentials that expired at ${until}`,
  });
}

/** How much of stderr is kept; the rest is read and dropped. */
const STDERR_BYTES = 4 * 1024;

/**
 * Waits for what a program prints: within a time and a size, at either limit
 * it is killed, and never longer than this process lives.
 *
 * @returns How it ended, and the beginning of what it wrote to stderr, which
 * may hold secrets.
 */
async function outputOf(
  child: Deno.ChildProcess,
  isGroup: boolean,
  limitMs: number,
) {
  const kill = (): void => killChild(child, isGroup);
  // `Deno.exit` waits for no one: the program would outlive this process.
  globalThis.addEventListener("unload", kill);
  const over = new AbortController();
  const isOver = () => over.abort(new Error("it took too long"));
  using _limit = whenOver(limitMs, isOver);
  // What the program itself started may hold its pipes open: they are let go.
  const { signal } = over;
  const limited = new LimitedBytesTransformStream(MAX_OUTPUT_BYTES, {
    error: true,
  });
  try {
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      toBytes(child.stdout.pipeThrough(limited, { signal })),
      toBytes(child.stderr.pipeThrough(beginningOf(STDERR_BYTES), { signal })),
    ]);
    return { ...status, stdout, stderr };
  } catch (error) {
    kill();
    over.abort(error);
    await child.status;
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`it printed more than ${MAX_OUTPUT_BYTES} bytes`);
  } finally {
    globalThis.removeEventListener("unload", kill);
  }
}

/** Lets the beginning of a stream through, and drops the rest. */
function beginningOf(
  maxBytes: number,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let left = maxBytes;
  return new TransformStream({
    transform(chunk, controller) {
      if (left > 0) controller.enqueue(chunk.subarray(0, left));
      left -= chunk.length;
    },
  });
}

/**
 * Whether what the program starts can be killed with it: as a group of its own,
 * which takes the permission to run anything. On a terminal it stays in this
 * process's group, where it may ask something and Ctrl-C reaches it.
 */
function mayKillGroup(): boolean {
  return Deno.build.os !== "windows" && !Deno.stdin.isTerminal() &&
    Deno.permissions.querySync({ name: "run" }).state === "granted";
}

function killChild(child: Deno.ChildProcess, isGroup: boolean): void {
  try {
    if (isGroup) Deno.kill(-child.pid, "SIGKILL");
    else child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
}
