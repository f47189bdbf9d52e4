import { assertEquals } from "@std/assert";
import { ProxyError } from "../../../../src/errors.ts";
import { SILENT_LOG } from "../../../../src/log/log.ts";
import { PendingRequests } from "../../../../src/mcp/transport/answers/pending_requests.ts";
import { Exchange } from "../../../../src/mcp/transport/exchange.ts";
import { requestId } from "../../../../src/mcp/wire/message.ts";
import { OPTION_NAMES } from "../../../../src/naming.ts";
import { Redactor } from "../../../../src/redact/redact.ts";
import { Deadlines } from "../../../../src/time.ts";
import { NOBODY } from "../../../support/net/nobody.ts";

Deno.test("a call of a batch that is answered while the client reads the error of another gets no error", async () => {
  const read = Promise.withResolvers<void>();
  const emitted: unknown[] = [];
  const pending = new PendingRequests({
    url: NOBODY,
    fetch,
    names: OPTION_NAMES,
    headers: [],
    log: SILENT_LOG,
    redactor: new Redactor(),
    explain: () => undefined,
    emit(frame) {
      emitted.push(JSON.parse(new TextDecoder().decode(frame)).id);
      return read.promise;
    },
    emitPieces: () => Promise.resolve(),
    maxAnswerBytes: 1024,
    timeoutMs: undefined,
    idleTimeoutMs: 60_000,
    maxConcurrency: 1,
    retries: 0,
  }, "legacy");
  const deadlines = new Deadlines();
  const exchange = new Exchange({
    bytes: new Uint8Array(),
    method: "batch",
    requests: [1, 2, 3].flatMap((id) => requestId(id) ?? []),
  }, deadlines);
  pending.expect(exchange);
  const failed = pending.fail(exchange, new ProxyError("no-answer", "none"));
  pending.take(exchange.requests[1]);
  read.resolve();
  await failed;
  assertEquals(emitted, [1, 3]);
  deadlines.stop();
});
