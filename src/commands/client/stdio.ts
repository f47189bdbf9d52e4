/**
 * A client speaks with the proxy over stdio: the options of the HTTP front have
 * no place in its entry, wherever they are set.
 *
 * @module
 */

import { parseArguments } from "../../config/arguments.ts";
import { ConfigError } from "../../errors.ts";
import type { Option } from "../../config/option.ts";
import { OPTION_KEYS, OPTIONS } from "../../config/options.ts";
import type { CommandContext } from "../context.ts";

const FRONT_KEYS = OPTION_KEYS.filter((key) =>
  OPTIONS[key].group === "HTTP front"
);

const FRONT_VARIABLES: ReadonlySet<string> = new Set(
  FRONT_KEYS.flatMap((key) => {
    const option: Option = OPTIONS[key];
    return option.variables ?? [];
  }),
);

/**
 * Checks that no flag of the HTTP front is given, unless to ask for help.
 *
 * @param options The arguments.
 * @throws {ConfigError} One is.
 */
export function demandStdio(options: readonly string[]): void {
  const { flags } = parseArguments(options);
  if (flags.has("help") || flags.has("version")) return;
  const faults = FRONT_KEYS.filter((key) => flags.has(key)).map((key) =>
    `a client speaks with the proxy over stdio: leave out --${
      OPTIONS[key].flag
    }`
  );
  if (faults.length > 0) throw new ConfigError(faults);
}

/**
 * The variables without those of the HTTP front.
 *
 * @param env Looks up a variable.
 * @returns What looks up the others, and a sentence for each that is set.
 */
export function withoutFront(env: CommandContext["env"]): {
  readonly env: CommandContext["env"];
  readonly notes: readonly string[];
} {
  const notes = [...FRONT_VARIABLES].filter((name) => env(name)).map((name) =>
    `${name} is left out: a client speaks with the proxy over stdio, so see ` +
    "that it is not set where the client is started"
  );
  return {
    env: (name) => FRONT_VARIABLES.has(name) ? undefined : env(name),
    notes,
  };
}
