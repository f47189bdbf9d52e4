/**
 * What the target's tools want mirrored, learnt from the `tools/list` results
 * that pass.
 *
 * @module
 */

import { excerpt } from "../wire/excerpt.ts";
import type { Log } from "../../log/log.ts";
import type { HeaderPairs } from "../wire/headers.ts";
import { isObject } from "../wire/message.ts";
import {
  type MirroredParameter,
  readMirroredParameters,
  valueAt,
} from "./mirrored_parameters.ts";
import { parameterValue } from "./headers.ts";
import { Recent } from "../../lru_cache.ts";

/** How many tools are remembered; the oldest go first. */
const MAX_TOOLS = 10_000;

/** The mirrored parameters of each tool, as last listed. */
export class ToolSchemas {
  readonly #log: Log;
  readonly #tools = new Recent<readonly MirroredParameter[]>(MAX_TOOLS);

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Learns the tools of a `tools/list` result. Tools that it does not name are
   * kept, since a list may come in pages.
   *
   * @returns Which tools, by their index, have an invalid `x-mcp-header`.
   */
  learn(result: unknown): ReadonlySet<number> {
    const tools: unknown = isObject(result) ? result.tools : undefined;
    const invalid = new Set<number>();
    if (!Array.isArray(tools)) return invalid;
    tools.forEach((tool, index) => {
      if (!isObject(tool) || typeof tool.name !== "string") return;
      const reading = readMirroredParameters(tool.inputSchema);
      if ("fault" in reading) {
        invalid.add(index);
        this.#log.warn("left out a tool with an invalid x-mcp-header", {
          tool: excerpt(tool.name),
          fault: reading.fault,
        });
      }
      this.#keep(tool.name, "fault" in reading ? [] : reading.parameters);
    });
    return invalid;
  }

  #keep(name: string, parameters: readonly MirroredParameter[]): void {
    if (parameters.length === 0) this.#tools.delete(name);
    else this.#tools.set(name, parameters);
  }

  /** The headers that mirror the arguments of a `tools/call`. */
  headersFor(params: unknown): HeaderPairs {
    if (!isObject(params) || typeof params.name !== "string") return [];
    const parameters = this.#tools.get(params.name) ?? [];
    return parameters.flatMap(({ path, header }): HeaderPairs => {
      const value = parameterValue(valueAt(params.arguments, path));
      return value === undefined ? [] : [[`mcp-param-${header}`, value]];
    });
  }
}
