/** The rules for tools, as options say them. */

import { ConfigError } from "../../errors.ts";
import { isObject } from "../../json.ts";

/** Which tools clients may see and call. */
export interface ToolRules {
  /** Only tools annotated `readOnlyHint: true`. */
  readonly readOnly: boolean;
  /** Globs (`*`, `?`) of the only tools allowed; none allows all. */
  readonly allow: readonly string[];
  /** Globs, in any case, of tools that are not allowed whatever else says so. */
  readonly deny: readonly string[];
}

/** Whether they forbid anything. */
export function hasRules({ readOnly, allow, deny }: ToolRules): boolean {
  return readOnly || allow.length > 0 || deny.length > 0;
}

/** @throws {ConfigError} What is misspelt, or no list, would forbid nothing. */
export function settleRules(given: Partial<ToolRules> = {}): ToolRules {
  const { readOnly = false, allow = [], deny = [], ...others } = given ?? {};
  const isFit = isObject(given) && Object.keys(others).length === 0 &&
    typeof readOnly === "boolean" && [allow, deny].every(isListOfGlobs);
  if (isFit) return { readOnly, allow, deny };
  throw new ConfigError([
    "tools must be an object of readOnly, true or false, and of allow and " +
    "deny, each an array of globs that are not empty",
  ]);
}

function isListOfGlobs(list: unknown): boolean {
  return Array.isArray(list) &&
    list.every((glob) => typeof glob === "string" && glob !== "");
}
