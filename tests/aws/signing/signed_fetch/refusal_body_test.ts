import { assertEquals, assertRejects } from "@std/assert";
import { POST, signedFetchTo, startGate } from "./session_world.ts";

Deno.test("an error body that was looked into is whole for the caller, however long", async () => {
  const body = `{"message":"${"x".repeat(300_000)}"}`;
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, {
        "content-type": "application/json",
        "x-a": "b",
      })
        .end(body);
    },
  });
  const response = await signedFetchTo(gate)(gate.origin, POST);
  assertEquals(response.status, 403);
  assertEquals(response.headers.get("x-a"), "b");
  assertEquals(response.url, `${gate.origin}`);
  assertEquals(await response.text(), body);
});

Deno.test("an error body that nobody reads can be cancelled", async () => {
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, { "content-type": "application/json" });
      response.write("{".repeat(200_000));
    },
  });
  const response = await signedFetchTo(gate)(gate.origin, POST);
  await response.body?.cancel();
  assertEquals(await gate.records.all[0]?.ended, "cut");
});

Deno.test("a refusal that is an endless event stream is handed over at once", async () => {
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, { "content-type": "text/event-stream" });
      response.write(": waiting\n\n");
    },
  });
  const response = await signedFetchTo(gate)(gate.origin, POST);
  assertEquals(response.status, 403);
  await response.body?.cancel();
});

Deno.test("an error body that breaks off is handed over with its status", async () => {
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, {
        "content-type": "application/json",
        "content-length": "100",
      });
      response.write('{"message":', () => response.socket?.end());
    },
  });
  const response = await signedFetchTo(gate)(gate.origin, POST);
  assertEquals(response.status, 403);
  await assertRejects(() => response.text(), TypeError);
});
