import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { sendSigned, SIGNER, startGate } from "./signer_world.ts";

Deno.test("a path that holds escapes, an AgentCore ARN, verifies", async () => {
  await using gate = await startGate();
  const signer = createSigner(SIGNER);
  const target =
    "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A123456789012%3A" +
    "runtime%2Fmcp-one/invocations?qualifier=DEFAULT";

  const record = await sendSigned(gate, signer, target, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"jsonrpc":"2.0","method":"ping","id":1}',
  });

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
      const record = await sendSigned(gate, signer, url);
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
        await sendSigned(gate, signer, `/mcp${query}`);
      }
    });
  }
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
      await sendSigned(gate, signer, url);
    });
  }
});
