/** Requests signed by the signer, verified on the far end of a real wire. */

import {
  assert,
  assertEquals,
  assertFalse,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { SignerOptions } from "../../../src/aws/signing/core.ts";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import { ConfigError } from "../../../src/errors.ts";
import { type GateRecord, IamGate } from "../../support/iam_gate.ts";
import {
  SigV4Verifier,
  type VerifierOptions,
} from "../../support/sigv4_verifier.ts";

const KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const SESSION = { ...KEY, sessionToken: "a/session+token==" };
const SIGNER: SignerOptions = {
  service: "bedrock-agentcore",
  region: "eu-west-1",
  credentials: KEY,
};

function startGate(options: Partial<VerifierOptions> = {}): Promise<IamGate> {
  return IamGate.start({
    verifier: {
      principals: { AKIDEXAMPLE: KEY },
      region: "eu-west-1",
      service: "bedrock-agentcore",
      ...options,
    },
    handler: (_request, response) => {
      response.end("ok");
    },
  });
}

/** Sends a signed request, and gives what the gate saw of it. */
async function send(gate: IamGate, signed: Request): Promise<GateRecord> {
  const response = await fetch(signed);
  const text = await response.text();
  const record = await gate.records.next();
  assert(record.verdict.ok, `${record.method} ${record.target}\n${text}`);
  return record;
}

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
  await send(gate, await signer.sign(new Request(gate.origin)));
  now += 2_000;
  await send(gate, await signer.sign(new Request(gate.origin)));
  current = other;
  await send(gate, await signer.sign(new Request(gate.origin)));
});

Deno.test("a path that holds escapes, an AgentCore ARN, verifies", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const target =
    "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A123456789012%3A" +
    "runtime%2Fmcp-one/invocations?qualifier=DEFAULT";

  const record = await send(
    gate,
    await signer.sign(
      new Request(new URL(target, gate.origin), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"jsonrpc":"2.0","method":"ping","id":1}',
      }),
    ),
  );

  assertEquals(record.target, target);
  assert(record.verdict.ok);
  assertStringIncludes(record.verdict.canonicalRequest, "/arn%253Aaws%253A");
});

Deno.test("paths verify, whatever they hold", async (t) => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  for (
    const path of [
      "",
      "/",
      "//",
      "//a///b//",
      "/a/../b/./c/",
      "/a b",
      "/%2F/%2f",
      "/ü/中/🜚",
      "/%c3%bc",
      "/%FF%fe",
      "/%zz/%",
      "/!*'();:@&=+$,[]|^`{}\"<>~-._",
      "/__proto__/constructor",
      "/a:/b://c",
    ]
  ) {
    await t.step(path, async () => {
      const url = new URL(gate.origin.origin + path);
      const record = await send(gate, await signer.sign(new Request(url)));
      assertEquals(record.target, url.pathname);
    });
  }
});

Deno.test("query strings verify under either reading of a plus sign", async (t) => {
  await using literal = await startGate({ plusInQuery: "plus" });
  await using form = await startGate({ plusInQuery: "space" });
  const signer = createSigner(SIGNER);
  for (
    const query of [
      "?",
      "?a",
      "?a=",
      "?=a",
      "?=",
      "?a=1&a=2&a=1",
      "?b=1&a=2&B=3&A=4",
      "?a=2&a=10&a=1",
      "?Param-3=3&Param=2&Param%203=1",
      "?a&&b&",
      "?a=b=c==",
      "?a=b?c=/d",
      "?q=a+b%2Bc%20d",
      "?ü=中&%C3%BC=%e4",
      "?x=%FF%fe&%00=%00",
      "?x=%zz&%=%",
      "?x=!*'();:@,/$[]|^`{}\"<>~-._\\",
      "?__proto__=1&constructor=2&toString=3",
      "?x-amz-signature=1&X-Amz-Date=2",
      "?a[]=1&a[]=2",
    ]
  ) {
    await t.step(query, async () => {
      for (const gate of [literal, form]) {
        const url = new URL(`/mcp${query}`, gate.origin);
        await send(gate, await signer.sign(new Request(url)));
      }
    });
  }
});

Deno.test("what is sent is what the caller gave, but for a plus sign and a stray percent sign", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const target = (query: string): Promise<string> =>
    signer.sign(new Request(new URL(`/a%2fb${query}`, gate.origin)))
      .then((signed) => send(gate, signed))
      .then((record) => record.target);

  assertEquals(await target("?b=%2f&a=!&a"), "/a%2fb?b=%2f&a=!&a");
  assertEquals(await target("?a=b+c"), "/a%2fb?a=b%20c");
  assertEquals(await target("?a=100%&b=%2"), "/a%2fb?a=100%25&b=%252");
});

Deno.test("every header that stays the same on the way is signed", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const signed = await signer.sign(
    new Request(new URL("/mcp", gate.origin), {
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
    }),
  );
  const record = await send(gate, signed);
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
  const record = await send(
    gate,
    await signer.sign(new Request(new URL("/mcp", gate.origin))),
  );
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
  const record = await send(
    gate,
    await signer.sign(new Request(new URL("/mcp", gate.origin))),
  );
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
  await send(gate, await signer.sign(new Request(gate.origin)));
  await send(gate, await signer.sign(new Request(gate.origin)));
  assertEquals(asked, 2);
});

Deno.test("an S3 path is escaped once and keeps its empty segments", async (t) => {
  await using gate = await startGate({
    service: "s3",
    normalizePath: false,
    doubleEncodePath: false,
  });
  const signer = createSigner({ ...SIGNER, service: "s3" });
  for (const path of ["/b//key", "/b/a%20b%2Fc", "/b/ü(1)!*'", "/b/a%2Bb"]) {
    await t.step(path, async () => {
      const url = new URL(gate.origin.origin + path);
      await send(gate, await signer.sign(new Request(url)));
    });
  }
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

Deno.test("a v4a signature verifies in each region of its set, cold and warm", async () => {
  await using gate = await startGate({ principals: { AKIDEXAMPLE: SESSION } });
  for (const region of ["us-east-1,eu-west-1", "*", "eu-*"]) {
    const signer = createSigner({
      ...SIGNER,
      region,
      signatureVersion: "v4a",
      credentials: SESSION,
    });
    const request = (): Request =>
      new Request(new URL("/a%3Ab//c?b=%2f&a", gate.origin), {
        method: "POST",
        body: "{}",
      });
    const cold = await send(gate, await signer.sign(request()));
    assertEquals(cold.header("x-amz-region-set"), region);
    await signer.warmUp();
    await send(gate, await signer.sign(request()));
  }
});

Deno.test("a v4a signer goes over to other credentials", async () => {
  const other = { accessKeyId: "AKIDOTHER", secretAccessKey: "another-secret" };
  await using gate = await startGate({
    principals: { AKIDEXAMPLE: KEY, AKIDOTHER: other },
  });
  let current = KEY;
  const signer = createSigner({
    ...SIGNER,
    signatureVersion: "v4a",
    credentials: () => Promise.resolve(current),
  });
  for (const step of ["cold", "warm"]) {
    for (const key of [KEY, other, KEY]) {
      current = key;
      const signed = await signer.sign(new Request(gate.origin));
      const record = await send(gate, signed);
      assert(record.verdict.ok);
      assertEquals(record.verdict.principal, key.accessKeyId, step);
    }
    await signer.warmUp();
  }
});

Deno.test("a v4a signer goes over to another secret of the same access key", async () => {
  const secrets = ["one-secret", "another-secret", "one-secret"];
  let secretAccessKey = "";
  const signer = createSigner({
    ...SIGNER,
    signatureVersion: "v4a",
    credentials: () => Promise.resolve({ ...KEY, secretAccessKey }),
  });
  for (let round = 0; round < 2; round++) {
    // All three before anything is sent: the curve stays cold in between.
    const signed: Request[] = [];
    for (secretAccessKey of secrets) {
      signed.push(await signer.sign(new Request("http://127.0.0.1/mcp")));
    }
    for (const [i, request] of signed.entries()) {
      const verifier = new SigV4Verifier({
        region: "eu-west-1",
        service: "bedrock-agentcore",
        principals: { AKIDEXAMPLE: { secretAccessKey: secrets[i] ?? "" } },
      });
      const verdict = verifier.verify({
        method: "GET",
        target: "/mcp",
        headers: [["host", "127.0.0.1"], ...request.headers],
        body: new Uint8Array(),
      });
      assert(verdict.ok, verdict.ok ? "" : verdict.message);
    }
    await signer.warmUp();
  }
});

Deno.test("a service, a region or a version that cannot be signed for is refused at once", () => {
  const wrong = [
    { ...SIGNER, service: "" },
    { ...SIGNER, region: " " },
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
