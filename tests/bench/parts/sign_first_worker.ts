/** Makes a signer, as a program does at its start, and later signs once. */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import { createSigner, type Signer } from "../../../src/aws/signing/signer.ts";

let signer: Signer | undefined;

self.onmessage = async ({ data }): Promise<void> => {
  if (signer === undefined) {
    signer = createSigner(data);
    // What is loaded at the start is there when the first request comes.
    setTimeout(() => self.postMessage("made"), 50);
    return;
  }
  await signer.sign(
    new Request("https://a.example/mcp", { method: "POST", body: "{}" }),
  );
  self.postMessage("signed");
};
self.postMessage("ready");
