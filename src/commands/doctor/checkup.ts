/**
 * What the doctor's steps share.
 *
 * @module
 */

import type { Config } from "../../config/config.ts";
import type { CommandContext } from "../context.ts";
import type { Surroundings } from "../target.ts";
import type { Report } from "./report.ts";

/** What the steps share. */
export interface Checkup extends Surroundings {
  readonly context: CommandContext;
  readonly config: Config;
  readonly report: Report;
  /** How long any one step may wait for an answer. */
  readonly limitMs: number;
}
