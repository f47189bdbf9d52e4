/** `record show`: a recording as a timeline, in the terminal or as a page. */

import { parseArguments } from "../../config/arguments.ts";
import { FLAG_NAMES } from "../../config/settings.ts";
import { ConfigError, messageOf } from "../../errors.ts";
import { lacking, notGranted } from "../../permissions.ts";
import { loadRecording } from "../../recorder/read.ts";
import { fileBegins } from "../../recorder/recording_file.ts";
import type { CommandContext } from "../context.ts";
import { htmlOf, PAGE_BEGINNING } from "./html.ts";
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
  const isComplete = word === "show" && positional.length === 1;
  if (faults.length > 0 || !isComplete) {
    throw new ConfigError([
      ...faults,
      ...isComplete ? [] : ["record needs the word show, and one recording"],
    ]);
  }
  const [path] = positional;
  const recording = await loadRecording(path, FLAG_NAMES);
  const page = own.get("html")?.[0];
  if (page === undefined) await write(textOf(recording, useColor));
  else await writePage(page, htmlOf(recording));
  return 0;
}

async function writePage(path: string, text: string): Promise<void> {
  demand("write", path);
  try {
    await Deno.writeTextFile(path, text, { createNew: true, mode: 0o600 })
      .catch(async (error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        demand("read", path);
        const { isFile, size } = await Deno.stat(path);
        if (isFile && size > 0 && !fileBegins(path, PAGE_BEGINNING)) {
          throw new Error("what is there is no page of a recording");
        }
        await Deno.writeTextFile(path, text);
      });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([
      `the page cannot be written: ${
        messageOf(error)
      } (set --html to another file)`,
    ]);
  }
}

/** @throws {ConfigError} It is not permitted. */
function demand(kind: "read" | "write", value: string): void {
  const missing = notGranted([{ kind, value, why: "write the page" }]);
  if (missing.length > 0) throw new ConfigError([lacking(missing)]);
}
