/** The rules for tools, as options say them. */

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
