import type { Line } from "../../support/lines.ts";
import type { ProxyProcess } from "../../support/program/proxy_process.ts";

/** A message, parsed. */
// deno-lint-ignore no-explicit-any
export type Parsed = any;

/** Whether a line has this method. */
export function isMethod(line: Line, method: string): boolean {
  const value: Parsed = line.value;
  return value?.method === method;
}

/** What the client is asked: to open a page. */
export async function question(proxy: ProxyProcess): Promise<Parsed> {
  const frame = await proxy.frames.find((line) =>
    isMethod(line, "elicitation/create")
  );
  return frame.value;
}
