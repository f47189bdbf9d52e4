/** Runs the HTTP server alone, unsigned: for tests of what it may do. */

import { ConfigError } from "../../../src/errors.ts";
import { OPTION_NAMES } from "../../../src/naming.ts";
import { parseListenAddress } from "../../../src/net/listen_address.ts";
import { runHttpProxy } from "../../../src/http/http_proxy.ts";
import { createLog } from "../../../src/log/line_log.ts";

const [target, listen, tokenDirectory] = Deno.args;
const address = parseListenAddress(listen);
if (address === undefined) throw new Error(`no address: ${listen}`);
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
try {
  await runHttpProxy({
    target: new URL(target),
    fetch,
    names: OPTION_NAMES,
    listen: address,
    token: tokenDirectory === undefined ? false : undefined,
    tokenDirectory,
    signal: stop.signal,
    log: createLog({
      level: "info",
      format: "json",
      write: (line) => console.error(line.trimEnd()),
      redact: (text) => text,
    }),
  });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  Deno.exitCode = 2;
}
