/** Targets that answer so as to keep the proxy busy, or to be repeated. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cpuMs } from "../support/time/cpu_time.ts";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { INITIALIZED, mcp, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";

/** A session's ID that a regular expression made of it would not come back of. */
const SESSION = "\\".repeat(23) + "Q" + "\\".repeat(8);

Deno.test("a session ID of backslashes that an error repeats hangs nothing", async () => {
  await using target = await RawServer.start(mcp({
    initialize: (message, reply) =>
      reply.json(result(message, INITIALIZED), 200, {
        "mcp-session-id": SESSION,
        "set-cookie": `lb=${SESSION}`,
      }),
    bad: (_message, reply) =>
      reply.status(500, {}, `Q ${"\\".repeat(60)} ${SESSION}`),
  }));
  await using proxy = await ProxyProcess.start({ target: target.url });
  await proxy.initialize();
  const { text } = await proxy.request("bad");
  assertStringIncludes(text, "HTTP 500");
  await proxy.request("ping");
  proxy.signal("SIGTERM");
  assertEquals((await proxy.status()).success, true);
});

Deno.test("an HTTP error of spaces is answered by the HTTP server at once", async () => {
  await using target = await RawServer.start((_request, reply) =>
    reply.status(500, { "content-type": "text/plain" }, " ".repeat(2 ** 18))
  );
  await using proxy = await HttpProxy.start({ target: target.url });
  const start = cpuMs();
  const answer = await proxy.post({ jsonrpc: "2.0", id: 1, method: "m" });
  assertEquals(answer.status, 500);
  await answer.body?.cancel();
  // Quadratic, it took a minute; linear, it takes milliseconds.
  assert(cpuMs() - start < 10_000);
});
