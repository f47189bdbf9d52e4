/** A search that has come to one source, by variables of its own. */

import { FileWatch } from "../../../../src/aws/credentials/cache.ts";
import {
  type Search,
  SEARCH_STEPS,
} from "../../../../src/aws/credentials/search.ts";
import { SILENT_LOG } from "../../../../src/log/log.ts";
import { OPTION_NAMES } from "../../../../src/naming.ts";
import { Redactor } from "../../../../src/redact/redact.ts";

export function searchOf(variables: Record<string, string> = {}): Search {
  return {
    ...SEARCH_STEPS,
    env: (name) => variables[name],
    source: "profile",
    hiddenEnv: () => [],
    fetch,
    now: Date.now,
    log: SILENT_LOG,
    redactor: new Redactor(),
    watch: new FileWatch(),
    instance: {},
    names: OPTION_NAMES,
  };
}
