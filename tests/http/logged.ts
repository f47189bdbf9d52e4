import type { Line, ProxyProcess } from "../support/program/proxy_process.ts";

/** A field of the first log line that has it. */
export async function logged(
  proxy: ProxyProcess,
  name: string,
): Promise<string> {
  const has = ({ value }: Line) =>
    typeof value === "object" && value !== null && name in value;
  const { value } = await proxy.waitForLog(has);
  return String(Object(value)[name]);
}
