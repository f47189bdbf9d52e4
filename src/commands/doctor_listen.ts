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
import { runtimeDirectory } from "../runtime_directory.ts";
import type { Checkup } from "./doctor.ts";
import { listenNeeds } from "./listen_needs.ts";

/** Listens for a moment, if the proxy is to listen at all. */
export async function checkListen(
  { config, context, report, log }: Checkup,
): Promise<void> {
  const { listen: front } = config;
  if (front === undefined) return;
  await report.take("listen", async () => {
    const address = nameOf(front.address);
    const missing = context.notGranted(await listenNeeds(front, context));
    // Without them a question at the terminal would come up.
    if (missing.length > 0) {
      return {
        status: "failed",
        detail: `no permission to listen at ${address}`,
        advice: ["the step permissions says which flags to add"],
      };
    }
    try {
      await tryAddress(front.address);
      if (front.token !== undefined) return { detail: `${address} is free` };
      await using _file = await TokenFile.create(
        "",
        { directory: runtimeDirectory(context.env), log },
      );
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { status: "failed", detail: error.faults.join("; ") };
    }
    return { detail: `${address} is free` };
  });
}

async function tryAddress(address: ListenAddress): Promise<void> {
  const server = createServer();
  await listen(server, address);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
  if (!isTcp(address)) await Deno.remove(address.path).catch(() => {});
}
