/** Bodies through the signed fetch: whole, signed, and sent once. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createSignedFetch } from "../../../../src/aws/signing/signed_fetch.ts";
import { KEY, SCOPE, signedFetchTo, startGate } from "../sign_world.ts";

Deno.test("bodies of every kind arrive whole, signed, with their type and length", async (t) => {
  await using gate = await startGate();
  const signedFetch = signedFetchTo(gate);
  const form = new FormData();
  form.set("a", "ü");
  form.set("file", new File(["bytes"], "f.bin"));
  const bytes = new TextEncoder().encode("..bytes..");
  const stream = (): ReadableStream<Uint8Array<ArrayBuffer>> =>
    new Blob(["stre", "am"]).stream();

  for (
    const [name, body, text, type] of [
      ["string", "téxt", "téxt", "text/plain;charset=UTF-8"],
      ["bytes", bytes.subarray(2, 7), "bytes", undefined],
      ["view", new DataView(bytes.buffer, 2, 5), "bytes", undefined],
      ["buffer", bytes.buffer, "..bytes..", undefined],
      ["Blob", new Blob(["blob"], { type: "a/b" }), "blob", "a/b"],
      ["Blob without type", new Blob(["blob"]), "blob", undefined],
      ["empty Blob", new Blob([]), "", undefined],
      ["empty string", "", "", "text/plain;charset=UTF-8"],
      [
        "URLSearchParams",
        new URLSearchParams({ a: "b c" }),
        "a=b+c",
        "application/x-www-form-urlencoded;charset=UTF-8",
      ],
      ["FormData", form, /name="a"\r\n\r\nü/, /^multipart\/form-data; bound/],
      ["stream", stream(), "stream", undefined],
      ["nothing", undefined, "", undefined],
    ] as const
  ) {
    await t.step(name, async () => {
      const response = await signedFetch(gate.origin, { method: "POST", body });
      assertEquals(await response.text(), "ok");
      const record = await gate.records.next();
      if (typeof text === "string") assertEquals(record.text(), text);
      else assertMatch(record.text(), text);
      const contentType = record.header("content-type");
      if (type instanceof RegExp) assertMatch(contentType ?? "", type);
      else assertEquals(contentType, type);
      assertEquals(record.header("content-length"), `${record.body.length}`);
    });
  }
});

Deno.test("a length that the caller says of a stream is not signed: fetch sends none", async () => {
  await using gate = await startGate({ allowUnsignedPayload: true });
  const signedFetch = signedFetchTo(gate, { unsignedPayload: true });
  const response = await signedFetch(gate.origin, {
    method: "POST",
    headers: { "content-length": "6" },
    body: new Blob(["stre", "am"]).stream(),
  });
  assertEquals(await response.text(), "ok");
});

Deno.test("a stream with an unsigned payload is sent as it comes", async () => {
  await using gate = await startGate({ allowUnsignedPayload: true });
  const signedFetch = signedFetchTo(gate, { unsignedPayload: true });
  const response = await signedFetch(gate.origin, {
    method: "POST",
    body: new Blob(["stre", "am"]).stream(),
  });
  assertEquals(await response.text(), "ok");
  const record = await gate.records.next();
  assertEquals(record.text(), "stream");
  assertEquals(record.header("transfer-encoding"), "chunked");
  assertEquals(record.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
});

Deno.test("a Blob with an unsigned payload is not hashed", async () => {
  await using gate = await startGate({ allowUnsignedPayload: true });
  const signedFetch = signedFetchTo(gate, { unsignedPayload: true });
  const init = { method: "POST", body: new Blob(["blob"]) };
  assertEquals(await (await signedFetch(gate.origin, init)).text(), "ok");
  const record = await gate.records.next();
  assertEquals(record.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
});

Deno.test("a POST whose reused connection breaks before the answer is seen once", async (t) => {
  for (
    const body of [
      "string",
      new TextEncoder().encode("bytes"),
      new Blob(["blob"]),
    ]
  ) {
    await t.step(body.constructor.name, async () => {
      using server = breakingServer();
      const signedFetch = createSignedFetch({
        origin: server.origin,
        credentials: KEY,
        ...SCOPE,
      });
      const init = { method: "POST", body };
      assertEquals((await signedFetch(server.origin, init)).status, 204);
      await assertRejects(() => signedFetch(server.origin, init), TypeError);
      assertEquals(server.requests, 2);
    });
  }
});

/**
 * A server that answers the first request of each connection, reads the second
 * whole and drops the line.
 */
function breakingServer(): Disposable & { origin: string; requests: number } {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const server = {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    requests: 0,
    [Symbol.dispose]: () => listener.close(),
  };
  const serve = async (connection: Deno.Conn): Promise<void> => {
    using _ = connection;
    for (const answer of ["HTTP/1.1 204 No Content\r\n\r\n", undefined]) {
      if (!await readRequest(connection)) return;
      server.requests++;
      if (answer === undefined) return;
      await connection.write(new TextEncoder().encode(answer));
    }
  };
  (async () => {
    for await (const connection of listener) serve(connection);
  })();
  return server;
}

async function readRequest(connection: Deno.Conn): Promise<boolean> {
  const buffer = new Uint8Array(16_384);
  let text = "";
  while (true) {
    const length = await connection.read(buffer);
    if (length === null) return false;
    text += new TextDecoder().decode(buffer.subarray(0, length));
    const [head, body] = text.split("\r\n\r\n");
    const expected = /^content-length: (\d+)$/im.exec(head)?.[1];
    if (body?.length === Number(expected)) return true;
  }
}
