/**
 * Credentials from a program: `credential_process` of a profile.
 *
 * The program is run as the AWS CLI runs it, without a shell. That keeps the
 * permission to what is run (`--allow-run=/opt/bin/tool`): to allow a shell
 * would be to allow everything. A pipe or a variable in the command needs
 * `sh -c '…'`, there as here.
 *
 * @module
 */

import { demand, type Search, sourceFailed } from "./credential_search.ts";
import type { Credentials } from "./credentials.ts";
import { shellSplit, windowsSplit } from "./shell_split.ts";

/** How long the program may take. */
const LIMIT_MS = 60_000;

/** How much of what the program says of its failure is repeated. */
const MAX_COMPLAINT = 500;

/**
 * Runs the program and reads its answer.
 *
 * @param search What the search shares.
 * @param source What to call the source in errors.
 * @param command The command line, as the profile has it.
 * @param limitMs How long the program may take.
 * @returns The credentials that it printed.
 * @throws {CredentialsError} It could not be run, failed or printed nonsense.
 */
export async function runCredentialProcess(
  search: Search,
  source: string,
  command: string,
  limitMs: number = LIMIT_MS,
): Promise<Credentials> {
  const [program, ...args] = wordsOf(search, source, command);
  if (program === undefined || program === "") {
    throw sourceFailed(search, source, "credential_process is empty");
  }
  demand(search, source, [{
    kind: "run",
    value: program,
    why: "run the profile's credential_process",
  }]);
  const output = await run(search, source, program, { args, limitMs });
  if (!output.success) {
    // Redacted before it is cut, or half a secret would pass.
    const said = search.redactor.redact(
      new TextDecoder().decode(output.stderr).trim(),
    );
    const end = output.signal ?? `exit code ${output.code}`;
    throw sourceFailed(
      search,
      source,
      `credential_process ${program} ended with ${end}${
        said === "" ? "" : `: ${shorten(said)}`
      }`,
    );
  }
  return parseAnswer(search, source, program, output.stdout);
}

function wordsOf(search: Search, source: string, command: string): string[] {
  try {
    return splitCommand(command);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw sourceFailed(
      search,
      source,
      `credential_process cannot be split into words: ${why}`,
    );
  }
}

async function run(
  search: Search,
  source: string,
  program: string,
  { args, limitMs }: { args: string[]; limitMs: number },
): Promise<Output> {
  const fail = (what: string) =>
    sourceFailed(search, source, `credential_process ${program} ${what}`);
  try {
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return await outputOf(child, limitMs);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such program"
      : error instanceof Error
      ? error.message
      : String(error);
    throw fail(`could not be run: ${reason}`);
  }
}

/** What a program printed, and how it ended. */
interface Output extends Deno.CommandStatus {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** What a program started of its own may hold its pipes open: it is let go. */
async function outputOf(
  child: Deno.ChildProcess,
  limitMs: number,
): Promise<Output> {
  const readers = [child.stdout.getReader(), child.stderr.getReader()];
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    for (const reader of readers) reader.cancel().catch(() => {});
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }, limitMs);
  try {
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      readAll(readers[0]),
      readAll(readers[1]),
    ]);
    if (isOver) throw new Error("it took too long");
    return { ...status, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return await new Blob(chunks).bytes();
    chunks.push(new Uint8Array(value));
  }
}

function parseAnswer(
  search: Search,
  source: string,
  program: string,
  stdout: Uint8Array,
): Credentials {
  const fail = (what: string) =>
    sourceFailed(search, source, `credential_process ${program} ${what}`);
  let answer: unknown;
  try {
    answer = JSON.parse(new TextDecoder().decode(stdout));
  } catch {
    throw fail("did not print JSON");
  }
  const text = (name: string): string | undefined => {
    if (typeof answer !== "object" || answer === null) return undefined;
    const value: unknown = Reflect.get(answer, name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const accessKeyId = text("AccessKeyId");
  const secretAccessKey = text("SecretAccessKey");
  const sessionToken = text("SessionToken");
  search.redactor.addCredential(secretAccessKey);
  search.redactor.addCredential(sessionToken);
  const version: unknown = typeof answer === "object" && answer !== null
    ? Reflect.get(answer, "Version")
    : undefined;
  if (version !== 1) throw fail('did not print "Version": 1');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw fail("printed no AccessKeyId or no SecretAccessKey");
  }
  const until = text("Expiration");
  if (until === undefined) {
    return { accessKeyId, secretAccessKey, sessionToken };
  }
  const expiration = new Date(until);
  if (Number.isNaN(expiration.getTime())) {
    throw fail("printed an Expiration that is no ISO 8601 time");
  }
  if (expiration.getTime() <= search.now()) {
    throw fail(`printed credentials that expired at ${until}`);
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

/**
 * Splits a command line as the AWS CLI does.
 *
 * @throws {SyntaxError} A quotation is not closed.
 */
export function splitCommand(command: string): string[] {
  return Deno.build.os === "windows"
    ? windowsSplit(command)
    : shellSplit(command);
}

function shorten(text: string): string {
  return text.length <= MAX_COMPLAINT
    ? text
    : `${text.slice(0, MAX_COMPLAINT)}…`;
}
