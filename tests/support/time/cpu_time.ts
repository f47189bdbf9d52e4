/**
 * The time that work takes, however busy the machine is with something else.
 */

import process from "node:process";

/** What this thread has had of a processor so far, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
