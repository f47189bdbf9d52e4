/**
 * The doctor's look at the HTTP server mode: whether it could listen where it
 * is to, and keep its token.
 *
 * @module
 */

import { createServer } from "node:http";
import { ConfigError } from "../../errors.ts";
import { isTcp, type ListenAddress, nameOf } from "../../net/listen_address.ts";
import { listen, listenNeeds } from "../../http/listen.ts";
import { runtimeDirectory, writeTokenFile } from "../../http/token.ts";
import type { Checkup } from "./checkup.ts";
import { failed } from "./report.ts";

/** Listens for a moment, if the proxy is to listen at all. */
export async function checkListen(
  { config, context, report, log }: Checkup,
): Promise<void> {
  const { listen: listening } = config;
  if (listening === undefined) return;
  await report.take("listen", async () => {
    const address = nameOf(listening.address);
    const missing = context.notGranted(await listenNeeds(listening, context));
    // Without them a question at the terminal would come up.
    if (missing.length > 0) {
      return failed(
        `no permission to listen at ${address}`,
        "the step permissions says which flags to add",
      );
    }
    let isOpen = false;
    try {
      await tryAddress(listening.address);
      isOpen = true;
      if (listening.token === undefined) {
        const directory = runtimeDirectory(context.env);
        await using _file = await writeTokenFile("", log, directory);
      }
      return { detail: `${address} is free` };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const detail = error.faults.join("; ");
      const advice = isOpen
        ? "or name a directory that you may write to with XDG_RUNTIME_DIR"
        : adviceFor(listening.address, detail);
      return failed(detail, advice);
    }
  });
}

function adviceFor(address: ListenAddress, detail: string): string {
  const isBusy = detail.includes("EADDRINUSE");
  if (isTcp(address)) {
    return isBusy
      ? "end what listens there, or choose another port"
      : "choose an address of this machine, and a port that you may open";
  }
  if (isBusy) return "end what listens there, or choose another path";
  return detail.includes("no socket")
    ? "move the file away, or choose another path"
    : "make the directory, one that you may write to, or choose another path";
}

async function tryAddress(address: ListenAddress): Promise<void> {
  const server = createServer();
  await listen(server, address);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  await promise;
  if (!isTcp(address)) await Deno.remove(address.path).catch(() => {});
}
