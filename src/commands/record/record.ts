/** `record show`: a recording as a timeline, in the terminal or as a page. */

import { parseArguments } from "../../config/arguments.ts";
import { FLAG_NAMES } from "../../config/settings.ts";
import { ConfigError, messageOf } from "../../errors.ts";
import { lacking, notGranted } from "../../permissions.ts";
import { loadRecording } from "../../recorder/read.ts";
import type { CommandContext } from "../context.ts";
import { htmlOf } from "./html.ts";
import { textOf } from "./text.ts";

/**
 * Runs the subcommand.
 *
 * @returns The exit code.
 * @throws {ConfigError} The arguments have faults, or a file is none to read or
 * to write.
 */
export async function runRecord(
  args: readonly string[],
  { write, useColor }: Pick<CommandContext, "write" | "useColor">,
): Promise<number> {
  const { own, word, positional, faults } = parseArguments(args, "record");
  if (faults.length > 0 || word !== "show" || positional.length !== 1) {
    const isComplete = word === "show" && positional.length === 1;
    throw new ConfigError([
      ...faults,
      ...isComplete ? [] : ["record needs the word show, and one recording"],
    ]);
  }
  const [path] = positional;
  const recording = await loadRecording(path, FLAG_NAMES);
  const page = own.get("html")?.[0];
  if (page === undefined) await write(textOf(recording, useColor));
  else await writePage(page, htmlOf(recording), path);
  return 0;
}

async function writePage(
  path: string,
  text: string,
  recording: string,
): Promise<void> {
  const missing = notGranted([
    { kind: "write", value: path, why: "write the page" },
  ]);
  if (missing.length > 0) throw new ConfigError([lacking(missing)]);
  try {
    if (await isSameFile(path, recording)) {
      throw new Error("it is the recording itself");
    }
    await Deno.writeTextFile(path, text, { mode: 0o600 });
  } catch (error) {
    throw new ConfigError([
      `the page cannot be written: ${
        messageOf(error)
      } (set --html to another file)`,
    ]);
  }
}

/** Whether a path leads to a recording; one that may not be read does not. */
async function isSameFile(path: string, recording: string): Promise<boolean> {
  const need = { kind: "read", value: path, why: "compare" } as const;
  if (notGranted([need]).length > 0) return false;
  const page = await Deno.stat(path).catch(() => undefined);
  const { dev, ino } = await Deno.stat(recording);
  return page !== undefined && ino !== null && page.ino === ino &&
    page.dev === dev;
}
