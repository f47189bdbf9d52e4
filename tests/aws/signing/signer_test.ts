/** Requests signed by the signer, verified on the far end of a real wire. */
import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { ConfigError } from "../../../src/errors.ts";
import {
  send,
  sendSigned,
  SESSION,
  SIGNER,
  startGate,
} from "./signer_world.ts";
import { KEY } from "./sign_world.ts";

Deno.test("a signer goes on after midnight, and with other credentials", async () => {
  let now = Date.UTC(2026, 0, 1, 23, 59, 59);
  const other = { ...SESSION, accessKeyId: "AKIDOTHER", secretAccessKey: "s2" };
  await using gate = await startGate({
    clock: () => now,
    principals: { AKIDEXAMPLE: KEY, AKIDOTHER: other },
  });
  let current: typeof KEY = KEY;
  const signer = createSigner({
    ...SIGNER,
    credentials: () => Promise.resolve(current),
    now: () => now,
  });
  await sendSigned(gate, signer);
  now += 2_000;
  await sendSigned(gate, signer);
  current = other;
  await sendSigned(gate, signer);
});

Deno.test("what is sent is what the caller gave, but for a plus sign and a stray percent sign", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const target = async (query: string): Promise<string> =>
    (await sendSigned(gate, signer, `/a%2fb${query}`)).target;

  assertEquals(await target("?b=%2f&a=!&a"), "/a%2fb?b=%2f&a=!&a");
  assertEquals(await target("?a=b+c"), "/a%2fb?a=b%20c");
  assertEquals(await target("?a=100%&b=%2"), "/a%2fb?a=100%25&b=%252");
});

Deno.test("every header that stays the same on the way is signed", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const record = await sendSigned(gate, signer, "/mcp", {
    method: "POST",
    headers: [
      ["accept", "application/json, text/event-stream"],
      ["content-type", "application/json"],
      ["mcp-protocol-version", "2025-11-25"],
      ["mcp-session-id", "1868a90c-0000"],
      ["x-twice", "one"],
      ["x-twice", "two"],
      ["x-spaces", "a   b\t\tc"],
      ["x-empty", ""],
      ["__proto__", "polluted"],
      ["constructor", "x"],
      ["cookie", "a=1; b=2"],
      ["accept-encoding", "identity"],
      ["user-agent", "test"],
      ["connection", "keep-alive"],
      ["x-forwarded-for", "192.0.2.1"],
      [
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ],
      ["x-latin", "é"],
    ],
    body: "{}",
  });
  assert(record.verdict.ok);
  assertEquals(
    record.verdict.signedHeaders.join(" "),
    [
      "__proto__",
      "accept",
      "constructor",
      "content-type",
      "cookie",
      "host",
      "mcp-protocol-version",
      "mcp-session-id",
      "x-amz-content-sha256",
      "x-amz-date",
      "x-empty",
      "x-spaces",
      "x-twice",
    ].join(" "),
  );
  assertEquals(record.header("x-twice"), "one, two");
  assertEquals(record.header("user-agent"), "test");
  assertEquals(record.header("content-length"), "2");
});

Deno.test("headers that belong to the signature are made anew", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const once = await signer.sign(new Request(new URL("/mcp", gate.origin)));
  const stale = new Request(once, {
    headers: {
      ...Object.fromEntries(once.headers),
      "x-amz-date": "20200101T000000Z",
      "x-amz-security-token": "stale",
      "x-amz-content-sha256": "stale",
      "date": "stale",
      "host": "other.example",
    },
  });
  const record = await send(gate, await signer.sign(stale));
  assertEquals(record.header("x-amz-security-token"), undefined);
  assertEquals(record.header("date"), undefined);
});

Deno.test("a session token is sent and signed", async () => {
  await using gate = await startGate({ principals: { AKIDEXAMPLE: SESSION } });
  const signer = createSigner({ ...SIGNER, credentials: SESSION });
  const record = await sendSigned(gate, signer);
  assert(record.verdict.ok);
  assert(record.verdict.signedHeaders.includes("x-amz-security-token"));
});

Deno.test("a session token can be added after signing", async () => {
  await using gate = await startGate({
    principals: { AKIDEXAMPLE: SESSION },
    allowUnsignedToken: true,
  });
  const signer = createSigner({
    ...SIGNER,
    credentials: SESSION,
    signSessionToken: false,
  });
  const record = await sendSigned(gate, signer);
  assert(record.verdict.ok);
  assertFalse(record.verdict.signedHeaders.includes("x-amz-security-token"));
});

Deno.test("credentials are asked for at each signature", async () => {
  await using gate = await startGate();
  let asked = 0;
  const signer = createSigner({
    ...SIGNER,
    credentials: () => {
      asked++;
      return Promise.resolve(KEY);
    },
  });
  await sendSigned(gate, signer);
  await sendSigned(gate, signer);
  assertEquals(asked, 2);
});

Deno.test("an unsigned payload says so and its stream is not read for the signature", async () => {
  await using gate = await startGate({ allowUnsignedPayload: true });
  const signer = createSigner({ ...SIGNER, unsignedPayload: true });
  let pulled = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (++pulled > 3) return controller.close();
      controller.enqueue(new TextEncoder().encode(`chunk ${pulled}\n`));
    },
  }, { highWaterMark: 0 });
  const signed = await signer.sign(
    new Request(new URL("/mcp", gate.origin), { method: "POST", body }),
  );
  assertEquals(pulled, 0);
  const record = await send(gate, signed);
  assertEquals(record.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  assertEquals(record.text(), "chunk 1\nchunk 2\nchunk 3\n");
});

Deno.test("a service, a region or a version that cannot be signed for is refused at once", () => {
  const wrong = [
    { ...SIGNER, service: "" },
    { ...SIGNER, service: "execute-api\n" },
    { ...SIGNER, region: " " },
    { ...SIGNER, region: "us-east-1\r" },
    { ...SIGNER, region: "us-east-1,us-west-2" },
    { ...SIGNER, region: "*\u200b", signatureVersion: "v4a" as const },
    // A program without types may hand in anything.
    { ...SIGNER, ...JSON.parse('{"signatureVersion":"v5"}') },
  ];
  for (const options of wrong) {
    const { faults } = assertThrows(() => createSigner(options), ConfigError);
    assertEquals(faults.length, 1);
    assertThrows(
      () => createSignedFetch({ ...options, origin: "https://mcp.example" }),
      ConfigError,
      faults[0],
    );
  }
});
