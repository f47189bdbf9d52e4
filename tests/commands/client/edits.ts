import { assertEquals } from "@std/assert";
import {
  type EditRequest,
  type FileLanguage,
  putEntry,
} from "../../../src/commands/client/edit.ts";

export const ENTRY = { command: "/bin/deno", args: ["run", "x"] };

/** A file with the entry put into it; putting it there again changes nothing. */
export function put(
  language: FileLanguage,
  text: string,
  changes: Partial<EditRequest> = {},
): string {
  const request = {
    text,
    container: "mcpServers",
    name: "aws",
    entry: ENTRY,
    ...changes,
  };
  const edited = putEntry(language, request);
  const again = putEntry(language, { ...request, text: edited.text });
  assertEquals(again.kind, "unchanged");
  return edited.text;
}
