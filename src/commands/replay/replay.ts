/** `replay`: plays a recording, and says where today's run differs. */

import { parseArguments } from "../../config/arguments.ts";
import { FLAG_NAMES } from "../../config/settings.ts";
import { ConfigError } from "../../errors.ts";
import { escapeControls } from "../../log/line_log.ts";
import type { RecordLine } from "../../recorder/format.ts";
import { lacking, notGranted } from "../../permissions.ts";
import { loadRecording } from "../../recorder/read.ts";
import type { CommandContext } from "../context.ts";
import { differences, reportOf } from "./compare.ts";
import { playableOf } from "./playable.ts";
import { play } from "./player.ts";

/**
 * Runs the subcommand.
 *
 * @returns The exit code: 1 if today's run differs.
 * @throws {ConfigError} The arguments have faults, or the file is none to play.
 */
export async function runReplay(
  args: readonly string[],
  { write }: Pick<CommandContext, "write">,
): Promise<number> {
  const { own, positional, faults } = parseArguments(args, "replay");
  const isOne = positional.length === 1;
  const wrong = [...faults, ...isOne ? [] : ["replay needs one recording"]];
  if (wrong.length > 0) throw new ConfigError(wrong);
  const recording = await loadRecording(positional[0], FLAG_NAMES);
  const missing = notGranted([
    { kind: "net", value: "127.0.0.1", why: "play the target" },
  ]);
  if (missing.length > 0) throw new ConfigError([lacking(missing)]);
  const { header } = recording;
  const playable = playableOf(recording);
  const { lines, left } = playable;
  const isFast = own.get("fast")?.[0] === "true";
  const { lines: today, target } = await play(header, lines, isFast);
  const there = new URL(header.target);
  const renamed = today.map((line): RecordLine =>
    JSON.parse(
      JSON.stringify(line).replaceAll(target.origin, there.origin)
        .replaceAll(target.host, there.host),
    )
  );
  const found = differences(lines, renamed, playable);
  const text = reportOf(lines, found, left).map(escapeControls).join("\n");
  await write(`${text}\n`);
  return found.length === 0 ? 0 : 1;
}
