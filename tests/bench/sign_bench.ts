/**
 * What a signature costs. Run with `deno bench -A tests/bench/sign_bench.ts`.
 *
 * Steady state is measured on a message of 200 bytes, its hashing included. The
 * first signature is measured in a fresh worker each time, in which nothing was
 * signed before.
 */

import { bodyOfInit } from "../../src/aws/sign_body.ts";
import { createSigningCore } from "../../src/aws/sign_core.ts";
import { createSigner, type SignerOptions } from "../../src/aws/signer.ts";

const OPTIONS: SignerOptions = {
  service: "bedrock-agentcore",
  region: "us-east-1",
  credentials: {
    accessKeyId: "ASIAEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    sessionToken: "token".repeat(100),
  },
};
const URL_TEXT = "https://bedrock-agentcore.us-east-1.amazonaws.com/runtimes/" +
  "arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fone/" +
  "invocations?qualifier=DEFAULT";
const HEADERS = {
  "content-type": "application/json",
  "accept": "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

for (const signatureVersion of ["v4", "v4a"] as const) {
  const core = createSigningCore({ ...OPTIONS, signatureVersion });
  const signer = createSigner({ ...OPTIONS, signatureVersion });
  const credentials = {
    accessKeyId: "ASIAEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    sessionToken: "token".repeat(100),
  };
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
          headers: new Headers(HEADERS),
          body,
        }, credentials);
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
