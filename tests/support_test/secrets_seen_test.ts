/** The guard against secrets notices one that is shown. */

import { assertEquals, assertThrows } from "@std/assert";
import { ProxyProcess } from "../support/program/proxy_process.ts";
import { mcp, result } from "../support/raw/mcp.ts";
import { RawServer } from "../support/raw/server.ts";
import { SECRETS_SEEN, SecretsSeen } from "../support/aws/secrets_seen.ts";
import { StreamClient } from "../support/stream/client.ts";

const SIGNATURE = "0123456789abcdef".repeat(4);
const ownError = (message: string) => ({
  error: { code: 1, message, data: { source: "sigv4-proxy" } },
});

Deno.test("a secret in a log or in an error of the proxy's own is noticed", () => {
  const seen = new SecretsSeen();
  seen.note("a secret/that is noted");
  seen.noteHeaders([
    ["Authorization", `AWS4-HMAC-SHA256 Signature=${SIGNATURE}`],
    ["Mcp-Session-Id", "a-session-that-is-noted"],
  ]);
  for (
    const text of [
      "a secret/that is noted",
      encodeURIComponent("a secret/that is noted"),
      SIGNATURE,
      "a-session-that-is-noted",
    ]
  ) {
    assertThrows(() => seen.check(`x ${text} y`), Error, "in the log");
    assertThrows(() => seen.check("", [ownError(text)]), Error, "in the error");
    seen.check("", [{ error: { code: 1, message: text } }]);
  }
  seen.check("nothing", [ownError("nothing"), undefined]);
});

Deno.test("what peers see is noted, and looked for in what comes out", async () => {
  const sessionId = "a-session-that-a-peer-sees";
  let signature = "";
  {
    await using server = await RawServer.start(mcp({
      ping: (message, reply, request) => {
        signature = request.header("authorization")?.split("Signature=")[1] ??
          "";
        return reply.json(result(message));
      },
    }));
    await using proxy = await ProxyProcess.start({
      target: server.url,
      args: ["--header", `X-Key: ${sessionId}`],
    });
    await proxy.request("ping");
  }
  assertEquals(SECRETS_SEEN.foundIn(signature), [signature]);

  await using server = await RawServer.start(mcp({}));
  const client = new StreamClient({
    url: server.url,
    fetch: () => Promise.reject(new Error("gone")),
  });
  client.request(1, "ping");
  await client.answer(1);
  // A frame as the proxy would have written it, had it leaked.
  client.frames.push({ text: "", json: ownError(signature) });
  await client[Symbol.asyncDispose]().then(
    () => {
      throw new Error("the leak went unnoticed");
    },
    (error) => assertEquals(/a secret is shown/.test(error.message), true),
  );
});
