/**
 * The doctor's look at the HTTP front: whether it could listen where it is to,
 * and keep its token.
 *
 * @module
 */

import { createServer } from "node:http";
import { ConfigError } from "../errors.ts";
import { isTcp, type ListenAddress, nameOf } from "../http_address.ts";
import { listen } from "../http_listen.ts";
import { TokenFile } from "../http_token.ts";
import type { CommandContext } from "./context.ts";
import type { Checkup } from "./doctor.ts";
import type { Finding } from "./doctor_report.ts";

/** Listens for a moment, if the proxy is to listen at all. */
export async function checkListen(
  { config, context, report }: Checkup,
): Promise<void> {
  const { listen: front } = config;
  if (front === undefined) return;
  await report.take("listen", async () => {
    const address = nameOf(front.address);
    const barred = mayNotListen(front.address, context);
    if (barred !== undefined) return barred;
    try {
      await tryAddress(front.address);
      if (front.token !== undefined) return { detail: `${address} is free` };
      await using _file = await TokenFile.create(
        "",
        context.env("XDG_RUNTIME_DIR"),
      );
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { status: "failed", detail: error.faults.join("; ") };
    }
    return { detail: `${address} is free` };
  });
}

/** Without the permission a question at the terminal would come up. */
function mayNotListen(
  address: ListenAddress,
  { notGranted }: CommandContext,
): Finding | undefined {
  if (!isTcp(address)) return undefined;
  const value = nameOf(address);
  const missing = notGranted([{ kind: "net", value, why: "listen" }]);
  if (missing.length === 0) return undefined;
  return {
    status: "failed",
    detail: `may not listen at ${value}`,
    advice: [`run it with --allow-net=${value}`],
  };
}

async function tryAddress(address: ListenAddress): Promise<void> {
  const server = createServer();
  await listen(server, address);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
  if (!isTcp(address)) await Deno.remove(address.path).catch(() => {});
}
