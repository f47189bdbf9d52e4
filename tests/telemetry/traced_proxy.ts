/** The program under Deno's OpenTelemetry, and what a collector has of it. */

import { assertEquals } from "@std/assert";
import { OtlpReceiver } from "./otlp_receiver.ts";
import {
  ProxyProcess,
  type ProxyProcessOptions,
} from "../support/program/proxy_process.ts";

/** A trace that a client is in. */
export const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

/** The client's span in it. */
export const PARENT_ID = "00f067aa0ba902b7";

/** Both, as W3C Trace Context has them. */
export const TRACE_PARENT = `00-${TRACE_ID}-${PARENT_ID}-01`;

/**
 * Runs the program to its end.
 *
 * @param options How it is started.
 * @param talk What its client does.
 * @returns What the collector has then.
 */
export async function traced(
  options: ProxyProcessOptions,
  talk: (proxy: ProxyProcess) => Promise<void>,
): Promise<OtlpReceiver & { readonly stderr: string }> {
  await using receiver = OtlpReceiver.start();
  const env = { ...receiver.env, ...options.env };
  await using proxy = await ProxyProcess.start({ ...options, env });
  await talk(proxy);
  await proxy.closeStdin();
  const { code } = await proxy.status();
  assertEquals(code, 0, proxy.stderr);
  return Object.assign(receiver, { stderr: proxy.stderr });
}
