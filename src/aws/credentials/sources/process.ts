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

import { maskProgramOutput } from "../../../redact/program_output.ts";
import { type Need, notGranted } from "../../../permissions.ts";
import { demand, type Search, sourceFailed } from "../search.ts";
import { demandSendable } from "../text.ts";
import type { Credentials } from "../types.ts";
import { followParents } from "../../shared_files/paths.ts";
import {
  ProgramEndedError,
  type ProgramOutput,
  runProgram,
} from "./program_run.ts";
import { shellSplit, windowsSplit } from "../../shared_files/shell_split.ts";
import { parseTimestamp } from "./timestamp.ts";

const WHY = "run the profile's credential_process";

/** How long the program may take. */
const LIMIT_MS = 60_000;

/** More than this is no credentials. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/**
 * Runs the program and reads its answer.
 *
 * @param command The command line, as the profile has it.
 * @param limitMs How long the program may take.
 * @returns The credentials that it printed.
 * @throws {CredentialsError} It could not be run, failed or printed nonsense.
 */
export async function runCredentialProcess(
  search: Search,
  command: string,
  limitMs: number = LIMIT_MS,
): Promise<Credentials> {
  const [word, ...args] = wordsOf(search, command);
  if (word === undefined || word === "") {
    throw sourceFailed(search, "credential_process is empty");
  }
  // What is set there may be a secret.
  if (isAssignment(word)) {
    throw sourceFailed(
      search,
      "credential_process begins with a variable, which only a shell sets: " +
        "name a shell (sh -c)",
    );
  }
  const program = followParents(word);
  demand(search, processNeeds(command));
  const output = await run(search, program, { args, limitMs });
  if (!output.success) {
    const end = output.signal ?? `exit code ${output.code}`;
    // Its stderr may hold any secret (`set -x`), and an error goes to a model.
    // UTF-16 has a NUL in each letter, which would hide it from the redactor.
    const said = search.redactor.redact(
      new TextDecoder().decode(output.stderr.filter((byte) => byte !== 0)),
    );
    search.log.debug(`credential_process ${program} ended with ${end}`, {
      stderr: maskProgramOutput(said),
    });
    throw sourceFailed(
      search,
      `credential_process ${program} ended with ${end}; what it wrote to ` +
        "stderr is in the debug log",
    );
  }
  return parseAnswer(search, program, output.stdout);
}

/** The permissions for that: none for what cannot be run. */
export function processNeeds(command: string): Need[] {
  try {
    const [word = ""] = splitCommand(command);
    if (word === "" || isAssignment(word)) return [];
    return [{ kind: "run", value: followParents(word), why: WHY }];
  } catch {
    return [];
  }
}

function isAssignment(word: string): boolean {
  return /^[^/\\]*=/.test(word);
}

function wordsOf(search: Search, command: string): string[] {
  try {
    return splitCommand(command);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw sourceFailed(
      search,
      `credential_process cannot be split into words: ${why}`,
    );
  }
}

async function run(
  search: Search,
  program: string,
  { args, limitMs }: { args: string[]; limitMs: number },
): Promise<ProgramOutput> {
  try {
    return await runProgram(program, args, {
      maxBytes: MAX_OUTPUT_BYTES,
      timeoutMs: limitMs,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const outcome = error instanceof ProgramEndedError
      ? `was ended: ${message}`
      : error instanceof Deno.errors.NotFound
      ? `could not be run: ${whyNotFound(program)}`
      : `could not be run: ${message}`;
    throw sourceFailed(
      search,
      `credential_process ${program} ${outcome}`,
    );
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

function parseRecord(
  stdout: Uint8Array,
): ReadonlyMap<string, unknown> | undefined {
  try {
    const answer: unknown = JSON.parse(new TextDecoder().decode(stdout));
    return new Map(Object.entries(Object(answer)));
  } catch {
    return undefined;
  }
}

function parseAnswer(
  search: Search,
  program: string,
  stdout: Uint8Array,
): Credentials {
  const fail = (what: string) =>
    sourceFailed(search, `credential_process ${program} ${what}`);
  const answer = parseRecord(stdout);
  if (answer === undefined) throw fail("did not print JSON");
  const text = (name: string): string | undefined => {
    const value = answer.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const accessKeyId = text("AccessKeyId");
  const secretAccessKey = text("SecretAccessKey");
  const sessionToken = text("SessionToken");
  search.redactor.addCredential(secretAccessKey);
  search.redactor.addCredential(sessionToken);
  if (answer.get("Version") !== 1) throw fail('did not print "Version": 1');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw fail("printed no AccessKeyId or no SecretAccessKey");
  }
  const keys = { accessKeyId, secretAccessKey, sessionToken };
  demandSendable(search, keys, {
    accessKeyId: `AccessKeyId of credential_process ${program}`,
    secretAccessKey: `SecretAccessKey of credential_process ${program}`,
    sessionToken: `SessionToken of credential_process ${program}`,
  });
  const until = answer.get("Expiration") ?? undefined;
  if (until === undefined) return keys;
  const expiration = parseTimestamp(until);
  if (expiration === undefined) {
    throw fail("printed an Expiration that is no ISO 8601 time");
  }
  if (expiration.getTime() <= search.now()) {
    throw fail(
      `printed credentials that expired at ${until}`,
    );
  }
  return { ...keys, expiration };
}

/**
 * Splits a command line as the AWS CLI does.
 *
 * @throws {SyntaxError} A quotation is not closed.
 */
function splitCommand(command: string): string[] {
  return Deno.build.os === "windows"
    ? windowsSplit(command)
    : shellSplit(command);
}
