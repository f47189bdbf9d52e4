/**
 * Odd answers through the HTTP server, with a tool policy that reads them: what
 * the SDK's client would have taken without one reaches the client.
 */
import { assertEquals } from "@std/assert";
import { HttpProxy } from "../support/program/http_proxy.ts";
import { request } from "../support/raw/mcp.ts";

const RESULT = '"result":{"tools":[{"name":"good"},{"name":"bad"}]}';
const OK = `{"jsonrpc":"2.0","id":3,${RESULT}}`;
const BOM = "\ufeff";

/** What the target answers, as JSON or as events. */
const ANSWERS: Readonly<Record<string, readonly [type: string, body: string]>> =
  {
    "after a heartbeat in JSON": [
      "events",
      `data: {"type":"heartbeat"}\n\ndata: ${OK}\n\n`,
    ],
    "after words": ["events", `data: ping\n\ndata:    \n\ndata: ${OK}\n\n`],
    "as an event of another name": [
      "events",
      `event: response\ndata: ${OK}\n\n`,
    ],
    "in an array of one": ["json", `[${OK}]`],
    "with its ID as a string": ["json", OK.replace(":3,", ':"3",')],
    "with its ID as a string, as an event": [
      "events",
      `data: ${OK.replace(":3,", ':"3",')}\n\n`,
    ],
    "with an error that is null": [
      "json",
      `{"jsonrpc":"2.0","id":3,${RESULT},"error":null}`,
    ],
    "behind a byte order mark": ["json", BOM + OK],
    "behind a byte order mark in an event": [
      "events",
      `data: ${BOM}${OK}\n\n`,
    ],
    "in lines that end in CRLF": ["json", OK.replaceAll(",", ",\r\n  ")],
    "in an event of several lines": [
      "events",
      `data: ${OK.replaceAll(",", ",\r\ndata:   ")}\r\n\r\n`,
    ],
    "at the end of a stream without its blank line": [
      "events",
      `data: ${OK}\n`,
    ],
  };

for (const [what, [type, body]] of Object.entries(ANSWERS)) {
  Deno.test(`with a tool policy an answer ${what} is looked through and passes`, async () => {
    await using proxy = await HttpProxy.before(
      (_request, reply) =>
        reply.status(200, {
          "content-type": type === "json"
            ? "application/json"
            : "text/event-stream",
        }, body),
      { tools: { deny: ["bad"] } },
    );
    const answer = await proxy.post(request("tools/list", 3));
    assertEquals(answer.status, 200);
    const text = await answer.text();
    const messages = type === "json"
      ? [text]
      : text.split("\n\n").flatMap((event) =>
        event.match(/^data: (.*)$/m)?.[1].trim() || []
      );
    assertEquals(messages.length, 1, text);
    const message = [JSON.parse(messages[0])].flat()[0];
    assertEquals(Number(message.id), 3);
    assertEquals(message.result.tools, [{ name: "good" }]);
  });
}

Deno.test("an HTTP error whose body does not end reaches the client with what came of it", async () => {
  await using proxy = await HttpProxy.before(async (_request, reply) => {
    await reply.head(500, {
      "content-type": "text/plain",
      "content-length": "20",
    });
    await reply.write("broken");
    await reply.hang();
  });
  const answer = await proxy.post({ jsonrpc: "2.0", id: 3, method: "m" });
  assertEquals([answer.status, await answer.text()], [500, "broken"]);
});
