/** Every option with values that are odd: each is right, or refused by its name. */

import { assert, assertEquals } from "@std/assert";
import { type Option, variablesOf } from "../../src/config/option.ts";
import {
  OPTION_GROUPS,
  OPTION_KEYS,
  OPTIONS,
} from "../../src/config/options.ts";
import {
  AGENTCORE,
  type Env,
  faultsOf,
} from "../support/program/command_line.ts";

const ODD = [
  ...["1e3", "0x10", "-1", "NaN", "1.5", "5 s", "1_000", "\u0665", "Infinity"],
  ...["null", "yes", ",", "99999999999999999999s", "\u200b5"],
];

const KEYS = OPTION_KEYS.filter((key) => !(key in OPTION_GROUPS.Other));

/** What is wrong with a command line, if anything is. */
function faultsIn(
  key: string,
  args: string[],
  env: Env,
): Promise<readonly string[]> {
  const target = key === "targetUrl" ? [] : [AGENTCORE];
  return faultsOf([...target, ...args], env).catch(() => []);
}

for (const key of KEYS) {
  const option: Option = OPTIONS[key];
  const [flag] = option.names;
  const [variable] = variablesOf(option);
  const isNamed = (fault: string) =>
    option.names.some((name) => fault.includes(name)) ||
    // Half of a pair, and what is for one of two modes, name the other one.
    /client (?:key|certificate) is required|over stdio/.test(fault);

  Deno.test(`what ${flag} cannot be is refused by a sentence that names it`, async () => {
    for (const text of ODD) {
      const ways: [args: string[], env: Env][] = [[[`${flag}=${text}`], {}]];
      if (variable !== undefined) ways.push([[], { [variable]: text }]);
      for (const [args, env] of ways) {
        const faults = await faultsIn(key, args, env);
        assert(faults.length === 0 || faults.some(isNamed), faults.join("\n"));
        const isNumber = /^(?:duration|size|integer|boolean|enum)$/
          .test(option.kind ?? "");
        if (isNumber) assert(faults.length > 0, `${flag} took ${text}`);
      }
    }
  });

  Deno.test(`${flag} without a value is refused, and its variable without one is not set`, async () => {
    for (const blank of ["", " ", "\t"]) {
      const faults = await faultsIn(key, [`${flag}=${blank}`], {});
      assert(faults.some((fault) => fault.startsWith(flag)), faults.join("\n"));
      if (variable === undefined || key === "targetUrl") continue;
      assertEquals(await faultsIn(key, [], { [variable]: blank }), []);
    }
  });
}
