/**
 * What a signature costs. Run with `deno bench -A tests/bench/parts/sign_bench.ts`.
 *
 * Steady state is measured on a message of 200 bytes, its hashing included. The
 * first signature is measured in a fresh worker each time, in which nothing was
 * signed before.
 */

import { SignatureV4 } from "@smithy/signature-v4";
import { bodyOfInit } from "../../../src/aws/signing/body.ts";
import { SigningCore } from "../../../src/aws/signing/core.ts";
import { Sha256 } from "../../../src/aws/signing/hash.ts";
import { createSignedFetch } from "../../../src/aws/signing/signed_fetch.ts";
import type { SignerOptions } from "../../../src/aws/signing/core.ts";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { blobOf } from "../../../src/blob.ts";

const CREDENTIALS = {
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "token".repeat(100),
};

const OPTIONS: SignerOptions = {
  service: "bedrock-agentcore",
  region: "us-east-1",
  credentials: CREDENTIALS,
};
const URL_TEXT = "https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/" +
  "arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fone/" +
  "invocations?qualifier=DEFAULT";
const HEADERS = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

const url = new URL(URL_TEXT);
const text = "x".repeat(200);
const bytes = new TextEncoder().encode(text);
const smithy = new SignatureV4({
  ...OPTIONS,
  credentials: CREDENTIALS,
  sha256: Sha256,
});
const answer = new Response();
const signedFetch = createSignedFetch({
  ...OPTIONS,
  origin: url,
  fetch: () => Promise.resolve(answer),
});

Deno.bench({
  name: "@smithy/signature-v4, 200 B",
  group: "the signed fetch without its network, beside the signer alone",
  baseline: true,
  async fn() {
    await smithy.sign({
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: { qualifier: "DEFAULT" },
      headers: { ...HEADERS, host: url.host },
      body: text,
    });
  },
});

Deno.bench({
  name: "the signed fetch, 200 B",
  group: "the signed fetch without its network, beside the signer alone",
  async fn() {
    await signedFetch(url, {
      method: "POST",
      headers: HEADERS,
      body: blobOf(bytes),
    });
  },
});

for (const signatureVersion of ["v4", "v4a"] as const) {
  const core = new SigningCore({ ...OPTIONS, signatureVersion });
  const signer = createSigner({ ...OPTIONS, signatureVersion });
  await core.warmUp();
  await signer.warmUp();

  for (const [name, length] of [["200 B", 200], ["1 MB", 1_000_000]] as const) {
    const text = "x".repeat(length);
    Deno.bench({
      name: `${signatureVersion}, ${name}`,
      group: "what signing adds to a fetch",
      baseline: signatureVersion === "v4" && length === 200,
      async fn() {
        const body = await bodyOfInit(text, false);
        await core.sign({
          method: "POST",
          url: new URL(URL_TEXT),
          headers: Object.entries(HEADERS),
          body,
        }, CREDENTIALS);
      },
    });
  }

  Deno.bench({
    name: `${signatureVersion}, 200 B, Request to Request`,
    group: "signer.sign",
    async fn() {
      await signer.sign(
        new Request(URL_TEXT, {
          method: "POST",
          headers: HEADERS,
          body: "x".repeat(200),
        }),
      );
    },
  });

  Deno.bench({
    name: `${signatureVersion}, the first of a program`,
    group: "the first signature",
    async fn(bench) {
      const worker = new Worker(
        new URL("./sign_first_worker.ts", import.meta.url),
        { type: "module" },
      );
      const next = (): Promise<unknown> =>
        new Promise((resolve) => worker.onmessage = resolve);
      await next();
      worker.postMessage({ ...OPTIONS, signatureVersion });
      await next();
      bench.start();
      worker.postMessage("sign");
      await next();
      bench.end();
      worker.terminate();
    },
  });
}
